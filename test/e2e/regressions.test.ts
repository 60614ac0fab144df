// What once broke whole masters, or lied to who asked: operations behind each other, logs in odd
// shapes, waits that nobody waits for any more.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { Operator } from '../../src/control/operator.ts'
import { World } from '../helpers/fake-os.ts'
import { type Master, quick, startDaemon, startMaster } from '../helpers/master.ts'
import { verbs } from '../helpers/operate.ts'
import { descriptorsOf } from '../helpers/proc.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, until, within } from '../helpers/scene.ts'
import { specOf } from '../helpers/specs.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`

/** Says what it was given, and only SIGKILL ends it: each stop takes its whole time. */
const deaf = '#!/bin/sh\ntrap "" TERM\necho "has $WHAT"\nwhile :; do sleep 0.1; done\n'
const slow = (what: string, stop = '1500ms'): string =>
  `${quick}[web]\ncommand = sh deaf.sh\nlog_file = web.log\ngraceful_timeout = ${stop}\nenvironment = WHAT=${what}\n`

async function startSlow(t: Parameters<typeof startMaster>[0], stop?: string): Promise<Master> {
  const master = await startMaster(t, slow('old', stop))
  master.scene.write('deaf.sh', deaf)
  await master.call('restart', { target: 'web' })
  await until('its word', () => master.lines('web.log').includes('has old'))
  return master
}

// logs ---------------------------------------------------------------------------------------------

for (const [kind, make] of [
  ['a FIFO', (path: string) => void execFileSync('mkfifo', [path])],
  ['a link', (path: string) => symlinkSync('/etc/passwd', path)],
] as const) {
  for (const name of ['web.log', 'web.log.1'] as const) {
    test(`logs of which ${name} is ${kind}: answers at once, with nothing of it; the master goes on`, async (t) => {
      const master = await startMaster(
        t,
        `${quick}[web]\ncommand = sh -c 'echo one; exec sleep 600'\nlog_file = web.log\n[off]\ncommand = sleep 1\nautostart = false\nlog_file = off.log\n`,
      )
      await until('its line', () => master.lines('web.log').length === 1)
      // A log that is open would be opened anew: that of a program that never ran has only its name.
      const target = name === 'web.log' ? 'off' : 'web'
      make(master.scene.path(name.replace('web', target)))
      const { lines } = await within('the answer', master.call('logs', { target, lines: 100 }), 5_000)
      assert.deepEqual(
        lines.map(({ text }) => text),
        target === 'web' ? ['one'] : [],
      )
      assert.equal(await within('the pong', master.call('ping', {}), 5_000), 'pong')
    })
  }
}

test('the log folder is removed, then USR1: the master lives, and logs stand again', async (t) => {
  const master = await startDaemon(
    t,
    `[master]\ndaemonize = true\nlog_path = logs\n${quick}[talk]\ncommand = sh ${fixture('one-line-a-time.sh')}\nlog_file = logs/talk.log\n`,
  )
  await until(
    'lines of both',
    () => master.lines('logs/talk.log').length > 5 && master.lines('logs/phd.log').length > 0,
  )
  rmSync(master.scene.path('logs'), { recursive: true })
  master.kill('SIGUSR1')
  await until('lines again', () => master.lines('logs/talk.log').length > 5)
  assert.ok((await master.call('restart', { target: 'talk' })).ok)
  await until('what the master says of it', () => master.lines('logs/phd.log').some((line) => line.includes('talk:0')))
})

// operations behind each other ---------------------------------------------------------------------

test('an update whose place a stop takes: the next start runs the new settings', async (t) => {
  const master = await startSlow(t)
  await master.call('restart', { target: 'web', wait: false })
  master.scene.write('config.ini', slow('new'))
  await master.call('update', { wait: false })
  assert.ok((await master.call('stop', { target: 'web' })).ok)
  assert.ok((await master.call('start', { target: 'web' })).ok)
  await until('its word', () => master.lines('web.log').at(-1) === 'has new')
})

test('scale without waiting, behind a slow restart: says to what, and refuses at once what cannot be', async (t) => {
  const master = await startSlow(t, '3s')
  await master.call('restart', { target: 'web', wait: false })
  const socket = await rawSocket(master.socket)
  t.after(() => socket.socket.destroy())
  const refused = await within('the refusal', socket.call('scale', { program: 'web', delta: -100, wait: false }), 2_500)
  assert.equal(refused.error?.code, -32602)
  const { from, to } = await master.call('scale', { program: 'web', workers: 5, wait: false })
  assert.deepEqual([from, to], [1, 5])
  assert.equal((await master.process('web:0')).state, 'STOPPING', 'its turn has not come')
  await until('five', async () => (await master.call('status', {}))[0]?.processes.length === 5)
})

test('WINCH sends a daemon to rest, HUP brings back what ran, and only that', async (t) => {
  const off = '[off]\ncommand = sleep 600\nautostart = false\n'
  const master = await startDaemon(t, `[master]\ndaemonize = true\n${web}${off}`)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  master.kill('SIGWINCH')
  assert.ok((await master.call('wait', { target: 'web', state: 'STOPPED', timeout: 15 })).ok)
  master.kill('SIGHUP')
  assert.ok((await master.call('wait', { target: 'web', state: 'RUNNING', timeout: 15 })).ok)
  assert.equal((await master.process('off:0')).state, 'STOPPED')
})

// wait ---------------------------------------------------------------------------------------------

/** An operator of a running `web`, and how often operations that it gave were told of a change. */
function operating() {
  const world = new World()
  const { supervisor } = world
  supervisor.add(specOf(), 'up')
  world.advance(2_000)
  const heard = { changes: 0 }
  const operate = supervisor.operate.bind(supervisor)
  supervisor.operate = (program, operation, done) => {
    const { changed } = operation
    operation.changed = (...facts) => {
      heard.changes++
      changed?.(...facts)
    }
    operate(program, operation, done)
  }
  const transitions = async (): Promise<number> => {
    heard.changes = 0
    for (const pid of world.leaders('web').map((one) => one.pid)) world.strike(pid, 'SIGKILL')
    world.advance(5_000)
    await Promise.resolve()
    return heard.changes
  }
  return { world, operator: new Operator(supervisor, world.clock), transitions }
}

test('waits whose time is up are forgotten: a later change is told only to those that are open', async () => {
  const { world, operator, transitions } = operating()
  const stays = (): (() => void) => () => undefined
  const open = operator.wait('web', 'FATAL', undefined, stays)
  void open.catch(() => undefined)
  world.settle()
  const alone = await transitions()
  assert.ok(alone > 0)
  for (let n = 0; n < 100; n++) {
    const timely = operator.wait('web', 'FATAL', 1, stays)
    world.advance(1_000)
    await assert.rejects(timely, { code: 'PH_TIMEOUT' })
  }
  assert.equal(await transitions(), alone)
})

test('waits of a client that has gone are forgotten', async () => {
  const { world, operator, transitions } = operating()
  const gone: (() => void)[] = []
  const left = (go: () => void): (() => void) => {
    gone.push(go)
    return () => undefined
  }
  for (let n = 0; n < 10; n++) void operator.wait('web', 'FATAL', undefined, left).catch(() => undefined)
  world.settle()
  assert.ok((await transitions()) > 0)
  for (const go of gone) go()
  assert.equal(await transitions(), 0)
})

test('clients that leave during their wait do the master no harm', async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const descriptors = descriptorsOf(master.pid).size
  for (let n = 0; n < 50; n++) {
    const { socket, send } = await rawSocket(master.socket)
    send('{"jsonrpc":"2.0","id":1,"method":"wait","params":{"target":"web","state":"FATAL"}}\n')
    await new Promise((sent) => socket.write('\n', sent))
    socket.destroy()
  }
  await until('the end of all', () => descriptorsOf(master.pid).size === descriptors)
  assert.ok((await master.call('restart', { target: 'web' })).ok)
})

// restarts -----------------------------------------------------------------------------------------

test('a start that waits for leftovers of an EXITED process is no restart', () => {
  const world = new World({ nature: () => ({ ends: { afterMs: 3_000, how: 0 }, leaves: ['ignores'] }) })
  world.supervisor.add(specOf({ autorestart: 'never', stopMs: 10_000 }), 'up')
  world.advance(3_001)
  const web0 = () => world.supervisor.programs.get('web')?.instances[0]
  assert.equal(web0()?.state.at, 'exited')
  const start = verbs(world.supervisor).start()
  world.settle()
  assert.deepEqual([web0()?.state.at, world.launched.length], ['backoff', 1], 'it waits for them')
  world.advance(12_000)
  assert.deepEqual([world.launched.length, start.words, web0()?.restarts], [2, '0 ok RUNNING', 0])
})
