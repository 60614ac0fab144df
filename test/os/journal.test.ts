// The journal of the record: what a kill leaves of it is always what some flush had written, and a disk
// that is full neither spoils it nor leaves an old one to be believed.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import type { Kept } from '../../src/core/record.ts'
import { systemClock } from '../../src/os/clock.ts'
import { readRecord } from '../../src/os/record-file.ts'
import { type Journal, openStore } from '../../src/os/store.ts'
import { needsRoot, root, sceneOf, until } from '../helpers/scene.ts'

interface Stage {
  readonly folder: string
  readonly path: string
  readonly store: Journal
  readonly troubles: (string | null)[]
}

function stage(t: TestContext, folder = 'state'): Stage {
  const scene = sceneOf(t)
  mkdirSync(scene.path(folder), { recursive: true })
  const troubles: (string | null)[] = []
  const store = openStore({
    folder: scene.path(folder),
    version: '0',
    clock: systemClock(),
    kept: null,
    trouble: (error) => void troubles.push(error),
  })
  scene.after(() => store.remove())
  return { folder: scene.path(folder), path: scene.path(`${folder}/record`), store, troubles }
}

function kept(folder: string): Kept {
  const reading = readRecord(folder)
  if (reading.kind !== 'kept') throw new Error(`the record is ${JSON.stringify(reading)}`)
  return reading.kept
}

const sorted = (entries: Iterable<readonly [string, number]>): (readonly [string, number])[] =>
  [...entries].sort(([a], [b]) => a.localeCompare(b))

const places = (of: Kept): Record<string, number> =>
  Object.fromEntries(sorted([...of.file].map(([key, { place }]) => [key, place] as const)))

const put = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), place: fc.option(fc.nat(9)) })

test('cut off at any byte, it says what some flush had written: never the half of a flush', (t) => {
  const { folder, path } = stage(t)
  fc.assert(
    fc.property(fc.array(fc.array(put, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }), (flushes) => {
      rmSync(path, { force: true })
      const store = openStore({
        folder,
        version: '0',
        clock: systemClock(),
        kept: null,
        trouble: (e) => assert.fail(String(e)),
      })
      const states = [places({ file: new Map() } as unknown as Kept)]
      const model = new Map<string, number>()
      store.flush()
      const header = statSync(path).size
      for (const flush of flushes) {
        for (const { key, place } of flush) {
          store.put('file', key, place === null ? null : { place })
          if (place === null) model.delete(key)
          else model.set(key, place)
        }
        store.flush()
        states.push(Object.fromEntries(sorted(model)))
      }
      const whole = readFileSync(path)
      const said = new Set(states.map((state) => JSON.stringify(state)))
      for (let length = header; length <= whole.length; length++) {
        truncateSync(path, length)
        assert.ok(said.has(JSON.stringify(places(kept(folder)))), `at ${length}`)
        writeFileSync(path, whole)
      }
      store.remove()
    }),
    { numRuns: 30 },
  )
})

test('killed again and again while it writes, and writes anew: it can always be read, and nothing older comes back', async (t) => {
  const { folder, store } = stage(t)
  store.flush()
  const script = `
    import { openStore } from ${JSON.stringify(pathToFileURL(`${root}/dist/src/os/store.js`).href)}
    import { readRecord } from ${JSON.stringify(pathToFileURL(`${root}/dist/src/os/record-file.js`).href)}
    const folder = process.argv[1]
    const before = readRecord(folder)
    const kept = before.kind === 'kept' ? before.kept : null
    const clock = { now: () => 0, alarm: () => undefined }
    const store = openStore({ folder, version: '0', clock, kept, trouble: (e) => { throw new Error(e) } })
    let n = kept?.file.get('n')?.place ?? 0
    for (;;) {
      n++
      store.put('file', 'n', { place: n })
      store.put('file', 'filler', { place: n, text: 'x'.repeat(n % 5000) })
      store.put('file', 'twice', { place: n })
      store.flush()
    }`
  let last = 0
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], { stdio: 'inherit' })
    const ended = new Promise((resolve) => child.on('close', resolve))
    await until('some writes', () => (kept(folder).file.get('n')?.place ?? 0) > last + 200 + round * 50)
    child.kill('SIGKILL')
    await ended
    const { file } = kept(folder)
    const n = file.get('n')?.place ?? 0
    assert.ok(n > last)
    assert.equal(file.get('twice')?.place, n)
    assert.equal(file.get('filler')?.place, n)
    last = n
  }
})

test('a full disk: told once, the old record is emptied, and all is written as soon as there is room', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  mkdirSync(scene.path('state'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', scene.path('state')], { stdio: 'ignore' })
  } catch {
    return t.skip('may not mount a tmpfs')
  }
  scene.after(() => void execFileSync('umount', ['-l', scene.path('state')]))
  const { folder, path, store, troubles } = stage(t)
  store.put('file', 'before', { place: 1 })
  store.flush()
  assert.deepEqual(places(kept(folder)), { before: 1 })
  assert.throws(() => scene.write('state/filler', Buffer.alloc(128 * 1024)), /ENOSPC/)
  for (let n = 0; n < 40; n++) {
    store.put('file', `${n}`, { place: n, text: 'x'.repeat(300) })
    store.flush()
  }
  assert.equal(troubles.length, 1)
  assert.match(troubles[0] ?? '', /ENOSPC/)
  assert.equal(readFileSync(path, 'utf8'), '')
  assert.ok(!existsSync(`${path}.new`), 'no draft takes the last room')
  rmSync(scene.path('state/filler'))
  await until('all of it', () => troubles.length === 2)
  assert.equal(troubles[1], null)
  assert.equal(kept(folder).file.size, 41)
  store.put('file', 'after', { place: 2 })
  store.flush()
  assert.equal(kept(folder).file.size, 42)
})
