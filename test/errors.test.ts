// The table of errors: complete, consistent with JSON-RPC 2.0, and the small readers of what was thrown.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Code, codeOfRpc, codes, errno, messageOf, PhError } from '../src/errors.ts'

test('the table: every code as the contract has it', () => {
  const table = Object.entries(codes).map(([code, { rpc, exit }]) => [code, rpc, exit])
  assert.deepEqual(table, [
    ['PH_PARSE', -32700, 1],
    ['PH_INVALID', -32600, 1],
    ['PH_METHOD', -32601, 2],
    ['PH_PARAMS', -32602, 2],
    ['PH_INTERNAL', -32603, 1],
    ['PH_NOT_FOUND', -32001, 1],
    ['PH_CONFLICT', -32002, 1],
    ['PH_FAILED', -32003, 1],
    ['PH_TIMEOUT', -32004, 7],
    ['PH_DENIED', -32005, 5],
    ['PH_CONFIG', -32006, 6],
    ['PH_STOPPING', -32007, 4],
    ['PH_LIMIT', -32008, 1],
    ['PH_UPGRADE', -32009, 1],
    ['PH_NO_MASTER', -32603, 4],
    ['PH_USAGE', -32602, 2],
    ['PH_LOCKED', -32603, 1],
  ])
  assert.deepEqual([codes.PH_CONFIG.phd, codes.PH_USAGE.phd, codes.PH_LOCKED.phd], [78, 2, 75])
})

test("JSON-RPC's own codes are used as it says, ours are in the server's range", () => {
  const own = new Set([-32700, -32600, -32601, -32602, -32603])
  for (const [code, { rpc }] of Object.entries(codes)) assert.ok(own.has(rpc) || (rpc <= -32000 && rpc >= -32099), code)
})

test('a number on the wire is one code', () => {
  const offWire: Code[] = ['PH_NO_MASTER', 'PH_USAGE', 'PH_LOCKED']
  for (const code of Object.keys(codes) as Code[]) {
    if (!offWire.includes(code)) assert.equal(codeOfRpc(codes[code].rpc), code)
  }
  assert.equal(codeOfRpc(-32000), 'PH_INTERNAL')
  assert.equal(codeOfRpc(0), 'PH_INTERNAL')
})

test('PhError carries code, data and cause', () => {
  const cause = new Error('below')
  const error = new PhError('PH_FAILED', 'cannot start "web"', { reason: 'ENOENT' }, { cause })
  assert.ok(error instanceof Error)
  assert.deepEqual(
    [error.name, error.code, error.message, error.data, error.cause],
    ['PhError', 'PH_FAILED', 'cannot start "web"', { reason: 'ENOENT' }, cause],
  )
  assert.deepEqual(new PhError('PH_LIMIT', 'x').data, {})
})

test('errno and messageOf read whatever was thrown', () => {
  assert.equal(errno(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT')
  assert.equal(errno(Object.assign(new Error('x'), { code: 'E2BIG' })), 'E2BIG')
  for (const thrown of [null, undefined, 'ENOENT', 7, {}, { code: 2 }, { code: 'ERR_INVALID_ARG' }, new Error('x')]) {
    assert.equal(errno(thrown), null)
  }
  assert.equal(messageOf(new Error('why')), 'why')
  assert.equal(messageOf('why'), 'why')
  assert.equal(messageOf(undefined), 'undefined')
})
