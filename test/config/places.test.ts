// Where a configuration is looked for, and where files land by its place.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { findConfig, placesOf, standardPlace } from '../../src/config/places.ts'
import { printConfig } from '../../src/config/print.ts'
import { folder, program } from './support.ts'

const home = { HOME: '/home/u' }

test('./config.ini, the own one of an ordinary user, that of the system', () => {
  const at = (env: object, uid: number): readonly string[] => placesOf({ cwd: '/srv', uid }, { ...env })
  assert.deepEqual(at(home, 1000), ['/srv/config.ini', '/home/u/.config/phd/config.ini', '/etc/phd/config.ini'])
  assert.equal(at({ ...home, XDG_CONFIG_HOME: '/c' }, 1000)[1], '/c/phd/config.ini')
  assert.equal(at({ ...home, XDG_CONFIG_HOME: 'c' }, 1000)[1], '/home/u/.config/phd/config.ini', 'relative: ignored')
  assert.deepEqual(at({}, 1000), ['/srv/config.ini', '/etc/phd/config.ini'])
  assert.deepEqual(placesOf({ cwd: null, uid: 0 }, {}), ['/etc/phd/config.ini'], 'from a folder that is gone')
  assert.deepEqual(at(home, 0), ['/srv/config.ini', '/etc/phd/config.ini'])
})

test('the first that is there', (t) => {
  const dir = folder(t, { 'b.ini': '', 'c.ini': '' })
  const files = ['a.ini', 'b.ini', 'c.ini'].map((name) => path.join(dir, name))
  assert.equal(findConfig(files), files[1])
  assert.equal(findConfig(files.slice(0, 1)), null)
})

const filesOf = (file: string, text: string, env: object, instance: string | null = null) => {
  const config = loadConfig(file, { env: { ...env }, instance, read: () => ({ text }) })
  const { socket, pidfile, runPath, logFile } = config.master
  return [socket, pidfile, runPath, logFile, program(config).spec.output.stdout]
}
const web = '[web]\ncommand = x\n'

for (const [name, file, env, run, logs] of [
  ['the system', '/etc/phd/config.ini', {}, '/run/phd', '/var/log/phd'],
  [
    'a user',
    '/home/u/.config/phd/config.ini',
    { ...home, XDG_RUNTIME_DIR: '/run/user/7' },
    '/run/user/7/phd',
    '/home/u/.local/state/phd',
  ],
  [
    'a user under cron',
    '/home/u/.config/phd/config.ini',
    home,
    '/home/u/.local/state/phd/run',
    '/home/u/.local/state/phd',
  ],
  [
    'a user with folders of his own',
    '/c/phd/config.ini',
    { XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/r' },
    '/r/phd',
    '/s/phd',
  ],
] as const) {
  test(`files of a configuration of ${name}`, () => {
    const usual = [`${run}/phd.sock`, `${run}/master.pid`, run, `${logs}/phd.log`, `${logs}/web.log`]
    assert.deepEqual(filesOf(file, web, env), usual)
    assert.deepEqual(filesOf(file, web, env, 'two'), [
      `${run}/phd.two.sock`,
      `${run}/master.two.pid`,
      `${run}/two`,
      `${logs}/phd.two.log`,
      `${logs}/web.two.log`,
    ])
    assert.deepEqual(
      filesOf(
        file,
        `[DEFAULT]\nlog_path = /logs\n[master]\nsocket = /s/%(program)s\n${web}`.replace('/%(program)s', ''),
        env,
      ),
      ['/s', ...usual.slice(1, 3), '/logs/phd.log', '/logs/web.log'],
      'what is written counts',
    )
    assert.deepEqual(
      filesOf(file, `[DEFAULT]\nbase_path = /app\n${web}`, env),
      ['/app/phd.sock', '/app/master.pid', '/app/.phd', '/app/phd.log', '/app/web.log'],
      'a file that says where its base is means it',
    )
  })
}

test('anywhere else, also below and beside those, everything stands beside the file', () => {
  for (const dir of ['/srv/app', '/etc/phd/conf.d', '/etc', '/home/u/.config', '/home/v/.config/phd']) {
    assert.equal(standardPlace(dir, home), null, dir)
    assert.equal(filesOf(`${dir}/config.ini`, web, home)[0], `${dir}/phd.sock`)
  }
})

test('the same folder by another name is the same folder', (t) => {
  const dir = folder(t, { 'phd/config.ini': '' })
  const env = { XDG_CONFIG_HOME: `${dir}/.`, XDG_STATE_HOME: '/s' }
  assert.equal(standardPlace(`${dir}/phd`, env)?.defaults.get('log_path'), '/s/phd')
})

test('a printed configuration tells whose default it is', () => {
  const config = loadConfig('/etc/phd/config.ini', {
    env: {},
    read: () => ({ text: `[master]\npidfile = /p\n${web}` }),
  })
  const printed = printConfig(config)
  assert.ok(printed.includes('# default of a file in /etc/phd\nsocket = /run/phd/phd.sock\n'), printed)
  assert.ok(printed.includes('# /etc/phd/config.ini:2\npidfile = /p\n'))
  assert.ok(printed.includes('# default\nmax_clients = 256\n'))
})

test('[master] log_file: a file, none, or stdout alone', () => {
  const logFile = (value: string, more = ''): string | null =>
    loadConfig('/a/config.ini', {
      env: {},
      foreground: more === '',
      read: () => ({ text: `[master]\nlog_file = ${value}\n${more}${web}` }),
    }).master.logFile
  assert.equal(logFile('x.log'), '/a/x.log')
  assert.equal(logFile('none'), null)
  assert.equal(logFile('/dev/stdout'), null)
  assert.equal(logFile('none', 'daemonize = true\n'), null)
  assert.throws(() => logFile('/dev/stdout', 'daemonize = true\n'), /log_file: cannot be stdout with daemonize/)
})
