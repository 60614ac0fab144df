// The keys of the master, wherever they stand, and the files of an instance.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { load, problems, program } from './support.ts'

test('[master] and [DEFAULT] for the master', (t) => {
  const config = load(
    t,
    `[DEFAULT]\nbase_path = /srv\nlog_level = debug\nmax_clients = 9\nlog_file = p.log\nmax_message = 2MB
[master]\nmax_clients = 10\nsocket = s\nsocket_mode = 660\nsocket_group = adm\nlog_file = m.log\n[web]\ncommand = x\n`,
  )
  const { settings, ...master } = config.master
  assert.deepEqual(master, {
    basePath: '/srv',
    socket: '/srv/s',
    socketMode: 0o660,
    socketGroup: 'adm',
    pidfile: '/srv/master.pid',
    runPath: '/srv/.phd',
    commonPath: '/srv/.phd',
    logFile: '/srv/m.log',
    logLevel: 'debug',
    daemonize: false,
    orphans: 'adopt',
    exitWhen: 'never',
    allow: [],
    observe: [],
    maxClients: 10,
    maxMessage: 2_097_152,
    web: null,
    webControl: false,
    procName: 'web',
  })
  assert.equal(settings.find(({ key }) => key === 'max_clients')?.origin?.line, 8)
  assert.equal(program(config).spec.output.stdout, '/srv/p.log')
})

test('pidfile and daemonize stand anywhere, but say one thing', (t) => {
  const config = load(
    t,
    '[a]\ncommand = x\nbase_path = /a\npidfile = x.pid\n[b]\ncommand = x\npidfile = /a/x.pid\ndaemonize = on\n',
  )
  assert.deepEqual([config.master.pidfile, config.master.daemonize], ['/a/x.pid', true])
  assert.deepEqual(problems(t, '[a]\ncommand = x\npidfile = /a\n[master]\npidfile = /b\n'), [
    'config.ini:3: [a] pidfile: cannot differ from [master] in line 5 of config.ini, which says "/b": there is one master',
  ])
})

test('an instance has files of its own', (t) => {
  const text = '[a]\ncommand = x\nstderr_log_file = e\n[b]\ncommand = x\nlog_file = l.%(instance)s\n'
  const config = load(t, text, { instance: 'two' })
  const dir = path.dirname(config.file)
  const { master } = config
  assert.deepEqual(
    [master.pidfile, master.socket, master.logFile, master.runPath, master.procName],
    [`${dir}/master.two.pid`, `${dir}/phd.two.sock`, `${dir}/phd.two.log`, `${dir}/.phd/two`, 'two'],
  )
  assert.equal(master.commonPath, `${dir}/.phd`)
  assert.deepEqual(program(config, 'a').spec.output, {
    stdout: `${dir}/a.two.log`,
    stderr: `${dir}/e.two`,
    pipeBytes: 262_144,
    format: 'raw',
    full: 'block',
    maxBytes: 50 * 1024 * 1024,
    backups: 10,
    compress: false,
  })
  assert.equal(program(config, 'b').spec.output.stdout, `${dir}/l.two`)
  for (const instance of ['a/b', '..', '', 'state'])
    assert.throws(() => load(t, text, { instance }), { code: 'PH_USAGE' })
})

test('web: an address, and a warning where others can reach it', (t) => {
  const read = (text: string) => load(t, `[master]\n${text}\n[w]\ncommand = x\n`)
  const table: readonly [text: string, web: object, warned: boolean][] = [
    ['127.0.0.1:9618', { text: '127.0.0.1:9618', host: '127.0.0.1', port: 9618 }, false],
    ['localhost:9618', { text: '127.0.0.1:9618', host: '127.0.0.1', port: 9618 }, false],
    ['[::1]:9618', { text: '[::1]:9618', host: '::1', port: 9618 }, false],
    [':9618', { text: ':9618', host: null, port: 9618 }, true],
    ['10.0.0.1:80', { text: '10.0.0.1:80', host: '10.0.0.1', port: 80 }, true],
  ]
  for (const [text, web, warned] of table) {
    const { master, warnings } = read(`web = ${text}\nweb_control = yes`)
    assert.deepEqual([master.web, master.webControl], [web, true], text)
    assert.deepEqual(
      warnings.map(({ line, section, key }) => [line, section, key]),
      warned ? [[2, 'master', 'web']] : [],
      text,
    )
  }
  for (const wrong of [
    '9618',
    'yes',
    'example.com:80',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:70000',
    '127.0.0.1:1, :2',
  ]) {
    assert.match(
      problems(t, `[master]\nweb = ${wrong}\n[w]\ncommand = x\n`).join(),
      /^config.ini:2: \[master\] web: cannot be ".*": wanted an address/,
    )
  }
})
