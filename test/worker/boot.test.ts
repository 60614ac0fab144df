// How a worker's process comes to be ready, or not: real processes of boot.js, in a folder without
// package.json and node_modules unless a test says otherwise.

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Welcome } from '../../src/worker/protocol.ts'
import { masterOf } from './master.ts'

const DOOR = fileURLToPath(new URL('../../src/worker/index.js', import.meta.url))
const SECOND = { className: 'Other' } satisfies Partial<Welcome>

const chosen: [string, string, Partial<Welcome>, string][] = [
  ["the section's class", 'two-workers.js', {}, 'chosen: first'],
  ['the class after the colon', 'two-workers.js', SECOND, 'chosen: second'],
  ['the default export', 'tells-fields.js', {}, 'fields'],
  ['the only Worker of a CommonJS module', 'requires.cjs', {}, 'required'],
]
for (const [what, fixture, welcome, msg] of chosen) {
  test(`boot: runs ${what}`, async (t) => {
    const master = masterOf(t)
    const worker = master.spawn(master.welcomeOf(fixture, welcome))
    await worker.happened('ready')
    await worker.logged(msg)
    assert.equal(worker.stderr(), '')
  })
}

test("boot: the seed's job of examples/", async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('examples/jobexecute.js', { cfg: { log_path: '/var/log' } }))
  await worker.logged('go...')
  assert.deepEqual(
    worker.logs().map(({ name, msg, log_path }) => ({ name, msg, log_path })),
    [
      { name: 'jobexecute', msg: 'setup', log_path: '/var/log' },
      { name: 'jobexecute', msg: 'go...', log_path: undefined },
    ],
  )
})

test('boot: the fields are there when a subclass initialises its own', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(
    master.welcomeOf('tells-fields.js', {
      program: 'web',
      name: 'web:3',
      slot: 3,
      procName: 'shop',
      cfg: { Color: 'grün' },
    }),
  )
  await worker.logged('fields')
  const [log] = worker.logs()
  assert.deepEqual(log?.early, ['grün', 'web', 3, 'web:3', worker.pid, process.pid, true, 0])
  assert.equal(log?.name, 'TellsFields')
  assert.equal(log?.level, 30)
  assert.equal(log?.frozen, true)
  assert.equal(log?.channel, null, 'the channel is not handed on to children of the worker')
  assert.match(readFileSync(`/proc/${worker.pid}/cmdline`, 'utf8'), /^worker: shop\0/)
})

test("boot: reopen reaches the worker's own reopenLogs()", async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('tells-fields.js'))
  await worker.happened('ready')
  master.channel.reopen()
  await worker.logged('reopened')
})

test('boot: CommonJS gets the running copy, the same that import gets, without a warning', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('requires.cjs'))
  await worker.logged('required')
  assert.deepEqual([worker.logs()[0]?.same, worker.logs()[0]?.file], [true, DOOR])
  assert.equal(worker.stderr(), '')
})

for (const fixture of ['trivial.js', 'requires.cjs']) {
  test(`boot: ${fixture} gets the running copy though node_modules has another`, async (t) => {
    const master = masterOf(t)
    const other = join(master.dir, 'node_modules', 'processhandler')
    mkdirSync(other, { recursive: true })
    writeFileSync(join(other, 'package.json'), '{"name":"processhandler","exports":{"./worker":"./worker.cjs"}}')
    writeFileSync(join(other, 'worker.cjs'), 'throw new Error("the wrong copy")')
    await master.spawn(master.welcomeOf(fixture)).happened('ready')
  })
}

test('boot: the running copy in node_modules is found without a hook', async (t) => {
  const master = masterOf(t)
  mkdirSync(join(master.dir, 'node_modules'))
  let root = dirname(DOOR)
  while (!DOOR.endsWith('index.js') || !isPackage(root)) root = dirname(root)
  symlinkSync(root, join(master.dir, 'node_modules', 'processhandler'))
  await master.spawn(master.welcomeOf('trivial.js')).happened('ready')
})

test('boot: a class of a second copy of the package is a worker as well', async (t) => {
  const master = masterOf(t)
  cpSync(dirname(DOOR), join(master.dir, 'copy', 'worker'), { recursive: true })
  writeFileSync(join(master.dir, 'copy', 'package.json'), '{"type":"module"}')
  const worker = master.spawn(master.welcomeOf('second-copy.js'))
  await worker.happened('beat', (beat) => beat.requests === 3 && beat.errors === 1)
  assert.equal(worker.logs()[0]?.name, 'SecondCopy')
  assert.match(String(worker.logs()[0]?.err?.message), /^thrown in jobexecute:0$/)
})

test('boot: a worker with a loop of its own', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('own-loop.js'))
  await worker.happened('ready')
  worker.child.kill('SIGTERM')
  await worker.logged('left')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
})

const strips = Boolean((process.features as { readonly typescript?: unknown }).typescript)
test('boot: TypeScript, where Node strips types; elsewhere a clear refusal', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('typed.ts', { cfg: { color: 'blue' } }))
  if (strips) {
    await worker.logged('typed')
    assert.equal(worker.logs()[0]?.color, 'blue')
    return
  }
  const failed = await worker.happened('bootFailed')
  assert.match(String(failed.message), /^cannot import .*typed\.ts: Node v20\.\S+ does not strip types/)
  assert.equal((await worker.exited()).code, 3)
})

const failures: [string, RegExp][] = [
  ['throws-at-import.js', /^cannot import \/.*\/throws-at-import\.js: not today$/],
  ['misses-a-package.js', /^cannot import .*: Cannot find package 'no-such-package'/],
  ['no-worker.js', /^cannot boot: .*no export is a subclass of Worker \(it exports: Lonely, answer\)$/],
  ['no-handle-request.js', /^cannot boot: cannot handle requests: class Forgetful has no handleRequest\(\)$/],
  ['no-loop.js', /^cannot boot: cannot run: class Loopless extends Worker/],
  ['throws-in-constructor.js', /^cannot construct Unborn: RangeError: too young$/],
  ['throws-in-setup.js', /^setup\(\) threw: no database$/],
  ['rejects-in-init.js', /^initProcess\(\) threw: no queue$/],
  ['crashes-beside-setup.js', /^uncaught exception: from a timer$/],
]
for (const [fixture, reason] of failures) {
  test(`boot: ${fixture} exits 3, the reason told before the exit is seen`, async (t) => {
    const master = masterOf(t)
    const worker = master.spawn(master.welcomeOf(fixture))
    let toldFirst = false
    worker.child.on('exit', () => {
      toldFirst = master.happenings.some((one) => one.type === 'bootFailed')
    })
    assert.deepEqual(await worker.exited(), { code: 3, signal: null })
    assert.ok(toldFirst, 'bootFailed came after the exit')
    const failed = await worker.happened('bootFailed')
    assert.match(String(failed.message), reason)
    const [log, ...more] = worker.logs()
    assert.deepEqual(more, [])
    assert.equal(log?.level, 60)
    assert.match(String(log?.err?.stack), /\n {4}at /)
    assert.deepEqual(
      master.happenings.map((one) => one.type),
      ['bootFailed'],
    )
  })
}

test('boot: a syntax error is told with its place', async (t) => {
  const master = masterOf(t)
  const welcome = master.welcomeOf('trivial.js')
  writeFileSync(welcome.module, 'export default class {\n  handleRequest( {\n}\n')
  const worker = master.spawn(welcome)
  assert.equal((await worker.exited()).code, 3)
  assert.match((await worker.happened('bootFailed')).message ?? '', /^cannot import .*\/trivial\.js: SyntaxError: /)
  assert.match(worker.stderr(), /\/trivial\.js:[34]\n/)
  assert.equal(worker.logs().length, 1)
})

test('boot: a boot that fails while no master listens waits for one, a second long', async (t) => {
  const master = masterOf(t)
  const welcome = master.welcomeOf('crashes-beside-setup.js')
  const worker = master.spawn(welcome)
  await master.until('the greeting', () => readFileSync(`/proc/${worker.pid}/cmdline`, 'utf8').startsWith('worker:'))
  master.channel.close()
  await worker.logged('uncaught exception')
  master.listen()
  master.expect('secret', worker.pid, welcome)
  await worker.happened('bootFailed')
  assert.equal((await worker.exited()).code, 3)
})

function isPackage(folder: string): boolean {
  try {
    return (
      (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }).name === 'processhandler'
    )
  } catch {
    // None here: look further up.
    return false
  }
}
