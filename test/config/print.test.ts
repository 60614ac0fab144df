// A printed configuration says everything, hides secrets, and means the same when it is read again.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { diffConfigs } from '../../src/config/diff.ts'
import { type Config, loadConfig } from '../../src/config/load.ts'
import { printConfig } from '../../src/config/print.ts'
import { folder, load, program } from './support.ts'

function again(config: Config): Config {
  const file = path.join(path.dirname(config.file), 'printed.ini')
  writeFileSync(file, printConfig(config))
  return loadConfig(file, { env: {}, cpus: 4 })
}

const withoutSettings = (master: Config['master']): object => ({ ...master, settings: [] })

test('it comes back the same', (t) => {
  const config = load(
    t,
    `[DEFAULT]\nhost = h\ns = %(slot)02d\nenv.D = 1\nredirect_stderr = false\ndepends_on = jobs\nx_p = 50%%
[master]\nlog_level = debug\n[web]\ncommand = sh -c "a; # b\n  c %(s)s 100%%"\nnumber_workers = auto\nhost = own\nmax_age_jitter = 5%%
environment = A="1, 2"\nlog_file = %(slot)s.log\n[job]\npidfile = p.pid\nhost =\nstop_signal = int\n[group:jobs]\nprograms = job\n`,
    { instance: 'two' },
    { 'job.js': '' },
  )
  const back = again(config)
  // What it is called, and what it shares with others, follows from the option and not from the file.
  const { procName, commonPath } = config.master
  assert.deepEqual({ ...withoutSettings(back.master), procName, commonPath }, withoutSettings(config.master))
  for (const [name, { spec }] of config.programs)
    assert.deepEqual({ ...program(back, name).spec, cfg: {} }, { ...spec, cfg: {} })
  const d = diffConfigs(config, back)
  assert.deepEqual([d.unchanged, d.master], [['web', 'job'], []])
})

test('each value has its origin', (t) => {
  const config = load(t, '[DEFAULT]\ngraceful_timeout = 3\n[web]\ncommand = x\n')
  const printed = printConfig(config)
  assert.ok(printed.includes(`# ${config.file}:2\ngraceful_timeout = 3\n`))
  assert.ok(printed.includes('# default\nstart_timeout = 60\n'))
})

test('secrets are masked, also in pairs and URLs', (t) => {
  const config = load(
    t,
    '[DEFAULT]\ndb_password = hunter1\nurl = amqp://u:hunter2@h\n[web]\ncommand = x\nenv.API_KEY = hunter3\nenvironment = TOKEN=hunter4,B=2\n',
  )
  const printed = printConfig(config)
  assert.doesNotMatch(printed, /hunter/)
  assert.ok(printed.includes('env.API_KEY = ***\n'))
  assert.ok(printed.includes('environment = TOKEN="***",B="2"\n'))
  assert.ok(printed.includes('url = amqp://u:***@h\n'))
})

test('any value of a variable comes back', (t) => {
  const dir = folder(t)
  const file = path.join(dir, 'config.ini')
  const value = fc
    .string({ unit: 'binary', maxLength: 30 })
    .filter((text) => !/[\n\r\0]/.test(text) && !text.includes('@'))
  fc.assert(
    fc.property(value, value, (one, other) => {
      const doubled = (text: string): string => text.replaceAll('%', '%%')
      writeFileSync(file, `[DEFAULT]\nv = ${doubled(one)}\n[web]\ncommand = x\nenv.E = ${doubled(other)}\n`)
      const config = loadConfig(file, { env: {} })
      const back = again(config)
      assert.deepEqual(program(back).spec.env, program(config).spec.env)
      const v = (from: Config): string | undefined => program(from).settings.find(({ key }) => key === 'v')?.value
      assert.equal(v(back), v(config))
    }),
    { numRuns: 200 },
  )
})
