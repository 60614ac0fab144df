// What counts as a change, and how strong it is.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ConfigDiff } from '../../src/api/contract.ts'
import { diffConfigs } from '../../src/config/diff.ts'
import { type Config, loadConfig } from '../../src/config/load.ts'
import { folder } from './support.ts'

const FILES = { 'job.js': '', '.env': 'A=1\n' }

function diff(t: TestContext, before: string, after: string): ConfigDiff {
  const dir = folder(t, FILES)
  const read = (text: string): Config => {
    writeFileSync(path.join(dir, 'config.ini'), text)
    return loadConfig(path.join(dir, 'config.ini'), { env: {}, cpus: 4 })
  }
  return diffConfigs(read(before), read(after))
}

test('added, changed, removed, unchanged', (t) => {
  const d = diff(
    t,
    '[a]\ncommand=x\n[b]\ncommand=x\n[c]\ncommand=x\n',
    '# moved\n\n[d]\ncommand=x\n[c]\ncommand=y\n[b]\ncommand=x\n',
  )
  assert.deepEqual(d, {
    added: ['d'],
    changed: [{ program: 'c', keys: ['command'], effect: 'reload' }],
    removed: ['a'],
    unchanged: ['b'],
    master: [],
  })
})

const rows: readonly (readonly [string, string, readonly string[], string | null])[] = [
  ['graceful_timeout = 10', 'stopwaitsecs = 10s', [], null],
  ['', 'graceful_timeout = 10000ms', [], null],
  ['number_workers = 4', 'number_workers = auto', [], null],
  ['', 'numprocs = 2', ['number_workers'], 'live'],
  [
    '',
    'autorestart = never\nbackoff_max = 1m\nstop_signal = INT',
    ['autorestart', 'backoff_max', 'stop_signal'],
    'live',
  ],
  ['', 'stop_signal = SIGTERM', [], null],
  ['', 'killasgroup = true', ['stop_group'], 'live'],
  ['', 'number_workers = 2\ndirectory = /x', ['number_workers', 'directory'], 'reload'],
  ['', 'log_file = /x', ['log_file'], 'reload'],
  ['', 'redirect_stderr = false', ['stderr_log_file'], 'reload'],
  ['', 'env.A = 1', ['env.A'], 'reload'],
  ['env.A = 1', 'environment = A=1', ['environment', 'env.A'], 'reload'],
  ['environment = A=1,B=2', 'environment = A="1", B="2"', [], null],
  ['', 'x_mine = 1', [], null],
]
for (const [before, after, keys, effect] of rows) {
  test(`a command: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`, (t) => {
    const [change] = diff(t, `[a]\ncommand = x\n${before}\n`, `[a]\ncommand = x\n${after}\n`).changed
    assert.deepEqual([change?.keys ?? [], change?.effect ?? null], [keys, effect])
  })
}

test('a variable changes the keys that use it, and an SDK worker that reads it', (t) => {
  const text = (value: string): string =>
    `[DEFAULT]\nhost = ${value}\n[a]\ncommand = x %(host)s\n[b]\ncommand = x\n[job]\n`
  assert.deepEqual(diff(t, text('h'), text('i')).changed, [
    { program: 'a', keys: ['command'], effect: 'reload' },
    { program: 'job', keys: ['host'], effect: 'reload' },
  ])
})

test('another module for the same section', (t) => {
  assert.deepEqual(diff(t, '[job]\n', '[job]\nworker = job:Job\n').changed, [
    { program: 'job', keys: ['worker'], effect: 'reload' },
  ])
})

test('the content of a dotenv file counts', (t) => {
  const dir = folder(t, { ...FILES, 'config.ini': '[a]\ncommand = x\nenv_file = .env\n' })
  const read = (): Config => loadConfig(path.join(dir, 'config.ini'))
  const before = read()
  writeFileSync(path.join(dir, '.env'), '# comment\nA=1\n')
  assert.deepEqual(diffConfigs(before, read()).unchanged, ['a'])
  writeFileSync(path.join(dir, '.env'), 'A=2\n')
  assert.deepEqual(diffConfigs(before, read()).changed, [{ program: 'a', keys: ['env_file'], effect: 'reload' }])
})

test('keys of the master, wherever they stand', (t) => {
  const d = diff(
    t,
    '[a]\ncommand = x\n',
    '[DEFAULT]\nlog_level = debug\n[a]\ncommand = x\npidfile = p\n[master]\nmax_message = 1024KB\n',
  )
  assert.deepEqual([d.master, d.unchanged], [['pidfile', 'log_level'], ['a']])
})
