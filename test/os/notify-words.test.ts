// Datagrams of sd_notify as events: a table, and any bytes at all.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Event } from '../../src/core/state.ts'
import { wordsOf } from '../../src/os/notify-words.ts'

const status = (text: string): Event => ({ type: 'status', text })

const table: readonly (readonly [text: string, events: readonly Event[]])[] = [
  ['READY=1', [{ type: 'ready' }]],
  ['READY=1\n', [{ type: 'ready' }]],
  ['READY=0', []],
  ['READY', []],
  ['=1', []],
  ['', []],
  ['RELOADING=1\nMONOTONIC_USEC=7', [{ type: 'withdrew', why: 'reloading' }]],
  ['STOPPING=1', [{ type: 'withdrew', why: 'stopping' }]],
  ['WATCHDOG=1', [{ type: 'beat' }]],
  ['WATCHDOG=trigger', [{ type: 'hangs', text: 'it said WATCHDOG=trigger' }]],
  ['WATCHDOG_USEC=7\nFDSTORE=1\nBARRIER=1\nX_OWN=1', []],
  ['EXTEND_TIMEOUT_USEC=1500000', [{ type: 'extend', ms: 1500 }]],
  ['EXTEND_TIMEOUT_USEC=-1', []],
  ['EXTEND_TIMEOUT_USEC=1e9', []],
  ['ERRNO=2', [{ type: 'said', text: 'it said ERRNO=2 (ENOENT)' }]],
  ['ERRNO=9999', [{ type: 'said', text: 'it said ERRNO=9999' }]],
  ['STATUS=a=b', [status('a=b')]],
  ['STATUS=', [status('')]],
  ['STATUS=one\nREADY=1\nSTATUS=two', [status('two'), { type: 'ready' }]],
  ['STATUS=red\u001b[31m\tsky', [status('red [31m sky')]],
]

for (const [text, events] of table) {
  test(`${JSON.stringify(text)}`, () => assert.deepEqual(wordsOf(text).events, events))
}

test('MAINPID is told apart', () => {
  assert.deepEqual(wordsOf('MAINPID=42\nREADY=1'), { events: [{ type: 'ready' }], mainPid: 42 })
  assert.equal(wordsOf('MAINPID=-1').mainPid, null)
})

test('any bytes: no throw, and never more events than lines', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.ok(wordsOf(text).events.length <= text.split('\n').length)
    }),
  )
})
