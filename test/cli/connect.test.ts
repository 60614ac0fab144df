// Where a master is looked for, in which order, and who is accepted there.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { connectTo } from '../../cli/connect.ts'
import { findPlace, type Place } from '../../cli/finding.ts'
import { PhError } from '../../src/errors.ts'
import { bad, fakeMaster, ok } from './fake-master.ts'

const none = { socket: null, config: null, instance: null, json: false, timeout: null }
const soon = { timeout: 20_000 }
let folder = ''
let before = ''

beforeEach(() => {
  before = process.cwd()
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'connect-')))
  process.chdir(folder)
})
afterEach(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

const program = '[web]\ncommand = sleep 1\n'
const silent = (text: string): void => assert.fail(`unexpected: ${text}`)

test('-s before $PHD_SOCKET before a file before the system', soon, async () => {
  const env = { PHD_SOCKET: '/env.sock' }
  const where = async (globals: object, e: object): Promise<string> =>
    (await findPlace({ ...none, ...globals }, { ...e }, silent)).socket
  assert.equal(await where({ socket: '/s.sock' }, env), '/s.sock')
  assert.equal(await where({}, env), '/env.sock')
  assert.equal(await where({}, { PHD_SOCKET: '' }), '/run/phd/phd.sock')
  assert.equal(await where({ instance: 'blue' }, {}), '/run/phd/phd.blue.sock')
  writeFileSync('config.ini', program)
  assert.equal(await where({}, {}), join(folder, 'phd.sock'))
  assert.equal(await where({ instance: 'blue' }, {}), join(folder, 'phd.blue.sock'))
  mkdirSync('other')
  writeFileSync('other/a.ini', `[master]\nsocket = run/x.sock\n${program}`)
  assert.equal(await where({ config: 'other/a.ini' }, {}), join(folder, 'other/run/x.sock'))
})

test('a file named by -c binds the master even where the socket was found without it', soon, async () => {
  writeFileSync('config.ini', program)
  const place = await findPlace({ ...none, config: 'config.ini' }, { PHD_SOCKET: '/env.sock' }, silent)
  assert.deepEqual([place.socket, place.config], ['/env.sock', join(folder, 'config.ini')])
})

test('a broken file: its problems, or the master next to it with a warning', soon, async () => {
  writeFileSync('config.ini', '[web]\ncommandd = x\n')
  await assert.rejects(findPlace(none, {}, silent), (e: unknown) => {
    assert.ok(e instanceof PhError && e.code === 'PH_CONFIG')
    assert.match(e.message, /^cannot find the socket through \.\/config\.ini: the file has errors/)
    assert.match(JSON.stringify(e.data.problems), /config\.ini","line":2,"section":"web","key":"commandd"/)
    return true
  })
  writeFileSync('phd.sock', '')
  const said: string[] = []
  const place = await findPlace(none, {}, (text) => said.push(text))
  assert.deepEqual([place.socket, place.config], [join(folder, 'phd.sock'), join(folder, 'config.ini')])
  assert.match(said.join(), /config\.ini has errors/)
})

test('nobody there: what was looked for and how to start one', soon, async () => {
  writeFileSync('config.ini', program)
  await assert.rejects(connectTo(await findPlace(none, {}, silent), null), (e: unknown) => {
    assert.ok(e instanceof PhError && e.code === 'PH_NO_MASTER')
    const socket = join(folder, 'phd.sock')
    assert.equal(
      e.message,
      `cannot reach a master at ${socket}: there is no such socket\n` +
        `  looked for: ./config.ini -> ${socket}\n  start one with: phd -c config.ini`,
    )
    return true
  })
})

const place = (socket: string, config: string | null): Place => ({
  socket,
  instance: null,
  config,
  tried: ['x'],
  startWith: 'phd',
})

test('questions go along with the check, changes wait for it', soon, async () => {
  const fake = await fakeMaster(({ id, method }, socket) => {
    if (method === 'info') setTimeout(() => socket.write(ok(id, { version: '0.9.9', config: '/other.ini' })), 50)
    else socket.write(ok(id, []))
  })
  try {
    const asking = await connectTo(place(fake.path, '/mine.ini'), null)
    await assert.rejects(
      asking.call('status', {}),
      /cannot use the master at .*: it runs \/other\.ini, not \/mine\.ini/,
    )
    assert.deepEqual(
      fake.asked.splice(0).map((r) => r.method),
      ['info', 'status'],
    )
    const changing = await connectTo(place(fake.path, '/mine.ini'), null)
    await assert.rejects(changing.call('stop', { target: 'all' }), { code: 'PH_NO_MASTER' })
    await assert.rejects(changing.raw('anything', {}), { code: 'PH_NO_MASTER' })
    assert.deepEqual(
      fake.asked.splice(0).map((r) => r.method),
      ['info'],
    )
    // Found without a file there is nothing to wait for.
    const free = await connectTo(place(fake.path, null), null)
    await free.call('stop', { target: 'all' })
    await free.call('stop', { target: 'all' })
    assert.deepEqual(
      fake.asked.map((r) => r.method),
      ['info', 'stop', 'stop'],
    )
  } finally {
    await fake.close()
  }
})

test('the same file by another name is the same file', soon, async () => {
  const file = join(folder, 'config.ini')
  const link = join(folder, 'link.ini')
  writeFileSync(file, program)
  symlinkSync(file, link)
  const fake = await fakeMaster(({ id, method }, socket) =>
    socket.write(ok(id, method === 'info' ? { version: '0.1.0', config: file } : { ok: true, results: [] })),
  )
  try {
    const m = await connectTo(place(fake.path, link), null)
    assert.deepEqual(await m.call('stop', { target: 'all' }), { ok: true, results: [] })
    m.close()
    await m.closed
  } finally {
    await fake.close()
  }
})

test('a master without info is taken where no file led to it, and not where one did', soon, async () => {
  const fake = await fakeMaster(({ id, method }, socket) =>
    socket.write(method === 'info' ? bad(id, -32601, 'cannot call info') : ok(id, 'pong')),
  )
  try {
    assert.equal(await (await connectTo(place(fake.path, null), null)).call('ping', {}), 'pong')
    await assert.rejects((await connectTo(place(fake.path, '/a'), null)).call('ping', {}), { code: 'PH_METHOD' })
    await assert.rejects((await connectTo(place(fake.path, null), null)).call('info', {}), { code: 'PH_METHOD' })
  } finally {
    await fake.close()
  }
})
