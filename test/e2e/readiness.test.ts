// ready = fd, tcp, http, exec, log: each form comes true, and each fails with what it waited for.

import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { editRecord, nextMaster } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { commandOf, descriptorsOf, mentioning } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const failing = '[DEFAULT]\nstart_timeout = 1\nstart_retries = 0\ngraceful_timeout = 1\n'
const sleeper = (name: string, ready: string): string => `[${name}]\ncommand = sleep 600\nready = ${ready}\n`
/** Until a file is there. */
const waitFor = (file: string): string => `while [ ! -e ${file} ]; do sleep 0.02; done`

test('each form that does not come true is a failed start that says what it waited for', async (t) => {
  const master = await startMaster(
    t,
    [
      failing,
      sleeper('fd', 'fd:7'),
      '[shut]\ncommand = sh -c "exec 7>&-; exec sleep 600"\nready = fd:7\n',
      sleeper('tcp', 'tcp:127.0.0.1:1'),
      sleeper('http', 'http://127.0.0.1:1/x'),
      sleeper('exec', 'exec:sh -c "exit 3"'),
      sleeper('none', 'exec:no-such-program'),
      sleeper('log', 'log:^listening'),
    ].join(''),
  )
  const reasons: Record<string, string | undefined> = {}
  for (const name of ['fd', 'shut', 'tcp', 'http', 'exec', 'none', 'log']) {
    reasons[name] = (await master.state(`${name}:0`, 'FATAL')).reason?.replace(
      /^killed by SIGTERM: |(?<= after )\d+(?= s:)|; the first.*/g,
      '',
    )
  }
  const late = 'not ready after  s: waited for'
  assert.deepEqual(reasons, {
    fd: `${late} a newline on descriptor 7`,
    shut: `${late} a newline on descriptor 7: it has closed it without a newline`,
    tcp: `${late} a connection to 127.0.0.1:1: ECONNREFUSED`,
    http: `${late} a 2xx answer from http://127.0.0.1:1/x: ECONNREFUSED`,
    exec: `${late} exit 0 of sh -c exit 3: exit 3`,
    none: `${late} exit 0 of no-such-program: ENOENT: no program "no-such-program" in its PATH`,
    log: `${late} a line that matches /^listening/ in its log`,
  })
})

test('fd: a newline makes it RUNNING; the holes below are /dev/null, and nothing else of ours is open', async (t) => {
  const scene = sceneOf(t)
  const words = `${waitFor(scene.path('go'))}; echo >&7; exec 7>&-; exec sleep 600`
  const master = await startMaster(t, `[web]\ncommand = sh -c "${words}"\nready = fd:7\n`)
  const { pid } = await until('its process', async () => {
    const one = await master.process('web:0')
    return one.pid !== null && one
  })
  const open = [...descriptorsOf(pid ?? 0)].filter(([fd]) => fd < 10)
  assert.deepEqual(
    open.map(([fd]) => fd),
    [0, 1, 2, 3, 4, 5, 6, 7],
  )
  assert.deepEqual(
    open.slice(3, 7).map(([, file]) => file),
    Array(4).fill('/dev/null'),
  )
  assert.equal((await master.process('web:0')).reason, 'waits for a newline on descriptor 7')
  writeFileSync(scene.path('go'), '')
  await master.state('web:0', 'RUNNING')
})

test('fd: a newline that is written while no master lives is found by the next one', async (t) => {
  const scene = sceneOf(t)
  const ini = ['keeps', 'shuts']
    .map((name) => {
      const shut = name === 'shuts' ? 'exec 5>&-; ' : ''
      const words = `${waitFor(scene.path('go'))}; echo >&5; ${shut}touch ${scene.path(name)}; exec sleep 600`
      return `[${name}]\ncommand = sh -c "${words}"\nready = fd:5\n`
    })
    .join('')
  const first = await startMaster(t, ini + sleeper('late', 'fd:5'))
  await until('all processes', async () => (await first.call('status', {})).every((p) => p.processes[0]?.pid != null))
  await first.murder()
  writeFileSync(scene.path('go'), '')
  for (const name of ['keeps', 'shuts']) await until(name, () => existsSync(scene.path(name)))
  const second = await nextMaster(t, ini + sleeper('late', 'fd:5'))
  await second.call('wait', { target: ['keeps', 'shuts'], state: 'RUNNING', timeout: 20 })
  assert.equal((await second.process('late:0')).state, 'STARTING')
})

test('tcp, http and exec: RUNNING when the answer is there, and no look after that', async (t) => {
  let status = 503
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.writeHead(status).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const scene = sceneOf(t)
  const master = await startMaster(
    t,
    [
      sleeper('tcp', `tcp:127.0.0.1:${port}`),
      sleeper('http', `http://127.0.0.1:${port}/healthz`),
      sleeper('exec', `exec:sh -c 'test -e go && test "$PHD_NAME $A" = "exec:0 b"'`),
      'env.A = b\n',
    ].join(''),
  )
  await master.state('tcp:0', 'RUNNING')
  await until('an answer that is no 2xx', async () => {
    const { state, reason } = await master.process('http:0')
    return state === 'STARTING' && reason?.endsWith(': answered 503')
  })
  await until('an exit', async () => (await master.process('exec:0')).reason?.endsWith(': exit 1'))
  status = 204
  await master.state('http:0', 'RUNNING')
  const before = asked
  scene.write('go', '')
  await master.state('exec:0', 'RUNNING')
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  assert.equal(asked, before)
})

test('a probe that hangs is killed with all that it made, and so is one whose process has ended', async (t) => {
  const hangs = `exec:sh -c "sleep 601 & exec sleep 602"`
  const master = await startMaster(t, `[web]\ncommand = sleep 600\nready = ${hangs}\ngraceful_timeout = 1\n`)
  const probes = () => mentioning(master.dir).filter((pid) => /sleep 60[12]/.test(commandOf(pid)))
  await until('the probe', () => probes().length === 2)
  await until('its end', async () => (await master.process('web:0')).reason?.endsWith('no answer within 5 s'))
  await until('another', () => probes().length === 2)
  await master.call('stop', { target: 'web' })
  await until('the end of all', () => probes().length === 0)
})

test('log: a line that matches, wherever it is written; no byte of the log is changed by the looking', async (t) => {
  const words = (go: string): string =>
    `printf 'one\\ntwo'; ${waitFor(go)}; printf ' half\\nlistening on 80\\nlast\\n'; exec sleep 600`
  const scene = sceneOf(t)
  const go = scene.path('go')
  const section = (name: string, more = ''): string =>
    `[${name}]\ncommand = sh -c "${words(go)}"\nready = log:^listening on \\d+$\n${more}`
  const master = await startMaster(
    t,
    section('raw') +
      section('json', 'log_format = json\n') +
      section('both', `log_file = none\nstderr_log_file = %(here)s/e.log\n`).replace(
        'command = sh -c "',
        'command = sh -c "exec >&2; ',
      ),
  )
  await until('half a line', () => master.lines('raw.log').length === 1)
  assert.equal((await master.process('raw:0')).reason, 'waits for a line that matches /^listening on \\d+$/ in its log')
  scene.write('go', '')
  for (const name of ['raw:0', 'json:0', 'both:0']) await master.state(name, 'RUNNING')
  const lines = ['one', 'two half', 'listening on 80', 'last']
  for (const file of ['raw.log', 'e.log']) {
    await until('all lines', () => master.lines(file).length >= 4)
    assert.equal(scene.read(file), `${lines.join('\n')}\n`)
  }
})

test('log: an adopted process is looked at as well', async (t) => {
  const scene = sceneOf(t)
  const ini = `[web]\ncommand = sh -c "echo begun; ${waitFor(scene.path('go'))}; echo listening; exec sleep 600"\nready = log:listening\n`
  const first = await startMaster(t, ini)
  await until('its first line', () => first.lines('web.log').length === 1)
  await first.murder()
  const second = await nextMaster(t, ini)
  assert.equal((await second.process('web:0')).state, 'STARTING')
  scene.write('go', '')
  await second.state('web:0', 'RUNNING')
})

test('a record of an earlier version, whose specs say ready in one word: taken over, and nothing is replaced', async (t) => {
  const ini = `${quick}[web]\ncommand = sleep 600\n`
  const first = await startMaster(t, ini)
  await first.state('web:0', 'RUNNING')
  const { pid } = await first.process('web:0')
  await first.murder()
  const plain = (spec: object): object => ({ ...spec, ready: (spec as { ready: { kind: string } }).ready.kind })
  editRecord(
    first.scene,
    ([kind, key, row]) => [kind, key, row && 'spec' in row && row.spec ? { ...row, spec: plain(row.spec) } : row],
    { schema: 2 },
  )
  const second = await nextMaster(t, ini)
  await second.call('update', { wait: true })
  const { state, pid: kept, generation } = await second.process('web:0')
  assert.deepEqual({ state, kept, generation }, { state: 'RUNNING', kept: pid, generation: 1 })
  await second.call('restart', { target: 'web' })
})

test('tcp at an address of its own bind: check warns, and it must have lived for start_seconds', async (t) => {
  const free = createServer()
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
  const { port } = free.address() as AddressInfo
  await new Promise((resolve) => free.close(resolve))
  const own = `bind = 127.0.0.1:${port}\nstart_seconds = 1\n`
  const master = await startMaster(t, sleeper('web', `tcp:127.0.0.1:${port}`) + own)
  const { time } = await master.state('web:0', 'RUNNING')
  const born = (await master.process('web:0')).startedAt ?? ''
  assert.ok(Date.parse(time) - Date.parse(born) >= 990, `${born} ${time}`)
  const { stdout, stderr } = await master.phctl('check', master.scene.path('config.ini'))
  assert.match(stdout + stderr, /\[web\] ready: proves little/)
})
