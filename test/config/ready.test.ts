// Which answers prove little: those at an address on which the program itself listens.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bound, parseReady } from '../../src/config/ready.ts'

const auto = { kind: 'time' } as const

const table: readonly (readonly [ready: string, bound: readonly Bound[], own: boolean])[] = [
  ['tcp:127.0.0.1:80', [], false],
  ['tcp:127.0.0.1:80', [{ host: '127.0.0.1', port: 81 }], false],
  ['tcp:127.0.0.1:80', [{ host: '127.0.0.1', port: 80 }], true],
  ['tcp:localhost:80', [{ host: '127.0.0.1', port: 80 }], true],
  ['tcp:[::1]:80', [{ host: '::1', port: 80 }], true],
  ['tcp:10.0.0.7:80', [{ host: '127.0.0.1', port: 80 }], false],
  ['tcp:10.0.0.7:80', [{ host: null, port: 80 }], true],
  ['tcp:10.0.0.7:80', [{ host: '0.0.0.0', port: 80 }], true],
  ['tcp:10.0.0.7:80', [{ host: '::', port: 80 }], true],
  ['http://127.0.0.1:80/x', [{ host: '127.0.0.1', port: 80 }], true],
  ['http://127.0.0.1/x', [{ host: null, port: 80 }], true],
  ['http://[::1]:8080/', [{ host: '::1', port: 8080 }], true],
  ['http://other:8080/', [{ host: '127.0.0.1', port: 8080 }], false],
]

for (const [ready, bound, own] of table) {
  test(`${ready} with bind ${JSON.stringify(bound)}`, () => {
    const parsed = parseReady(ready, auto, bound, 3)
    assert.ok('own' in parsed)
    assert.equal(parsed.own, own)
  })
}

test('a descriptor stands above those of the listeners', () => {
  assert.deepEqual(parseReady('fd:5', auto, [], 5), { kind: 'fd', fd: 5 })
  assert.throws(() => parseReady('fd:4', auto, [], 5), /a number from 5 to 255, above its listeners/)
})
