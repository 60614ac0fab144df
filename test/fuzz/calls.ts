// What a fuzzer says on the socket: calls that are nearly right, and texts that are not calls at all.

import type { Dice } from '../helpers/dice.ts'

/** All but those that end the master or put another program in its place. */
const METHODS = [
  'ping', 'info', 'status', 'start', 'stop', 'restart', 'reload', 'scale', 'signal', 'wait', 'logs', 'clear', 'events',
  'unsubscribe', 'show', 'reread', 'update', 'reopen', 'loglevel', 'rpc.discover', 'no.such', 'constructor', '__proto__', '',
] as const // biome-ignore format: a list of words
const KEYS = [
  'target', 'wait', 'timeout', 'program', 'workers', 'delta', 'signal', 'state', 'lines', 'stream', 'follow', 'topics',
  'since', 'subscription', 'dryRun', 'level', 'save', '__proto__', 'constructor', 'toString', 'x',
] as const // biome-ignore format: a list of words
const TEXTS = [
  'web',
  'web:0',
  'web:9',
  'w*',
  'all',
  '',
  'master',
  'TERM',
  'HUP',
  '0',
  'RUNNING',
  'info',
  'é\u0000',
  '[',
  '../x',
] as const

/** A JSON-RPC call with an id; whether it must be answered soon is the caller's to know. */
export function someCall(d: Dice, id: number): string {
  const params: Record<string, unknown> = d.chance(60) ? { target: d.pick(TEXTS) } : {}
  for (let n = d.below(4); n > 0; n--)
    Object.defineProperty(params, d.pick(KEYS), {
      value: someValue(d, 0),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  // Nothing here may last: a wait without end would be answered by nobody.
  params.timeout = 0.3
  if (d.chance(50)) delete params.wait
  const call: Record<string, unknown> = { jsonrpc: '2.0', id, method: d.pick(METHODS), params }
  return JSON.stringify(call)
}

function someValue(d: Dice, depth: number): unknown {
  switch (d.below(depth > 2 ? 7 : 9)) {
    case 0:
      return d.pick(TEXTS)
    case 1:
      return d.below(5) - 1
    case 2:
      return d.pick([1.5, -0, 1e308, -1e9, 2 ** 53])
    case 3:
      return d.chance(50)
    case 4:
      return null
    case 5:
      return d.pick(['SIGCONT', 'cont', 18])
    case 6:
      return 'x'.repeat(d.below(2000))
    case 7:
      return Array.from({ length: d.below(4) }, () => someValue(d, depth + 1))
    default:
      return Object.fromEntries(Array.from({ length: d.below(4) }, () => [d.pick(KEYS), someValue(d, depth + 1)]))
  }
}

/** Bytes that are no call: a line, with its newline. */
export function someJunk(d: Dice): Buffer {
  const line = junkLine(d)
  // What begins like HTTP is another protocol.
  const first = line[0] ?? 0
  return Buffer.concat([first >= 0x41 && first <= 0x5a ? Buffer.from(' ') : Buffer.alloc(0), line, Buffer.from('\n')])
}

function junkLine(d: Dice): Buffer {
  switch (d.below(8)) {
    case 0:
      return withoutNewlines(Buffer.from(Array.from({ length: d.below(300) }, () => d.below(256))))
    case 1:
      return mutated(d, Buffer.from(someCall(d, 1)))
    case 2:
      return Buffer.from(
        d.pick(['[]', '[null]', '[1,2,3]', '{}', 'null', '0', '""', '"x"', 'true', '[[]]', '{"jsonrpc":"2.0"}']),
      )
    case 3:
      return Buffer.from('['.repeat(d.below(5000)))
    case 4:
      return Buffer.from(
        `{"jsonrpc":"2.0","id":${d.pick(['{}', '[]', '1e999', '-0', 'null', '"\\ud800"'])},"method":"ping"}`,
      )
    case 5:
      return Buffer.from(
        `{"jsonrpc":"2.0","id":1,"method":${d.pick(['1', 'null', '{}', '["ping"]'])},"params":${d.pick(['1', '"x"', '[1]', 'null'])}}`,
      )
    case 6:
      return Buffer.from(
        JSON.stringify(Array.from({ length: d.below(1200) }, () => ({ jsonrpc: '2.0', method: 'ping' }))),
      )
    default:
      return Buffer.from(
        '\uFEFF'.repeat(d.below(3)) + d.pick(['\0', '\t', '{"a":', '"', "'", '}', ']', '//', 'nul', 'é']),
      )
  }
}

/** A few bytes changed, cut out, or doubled. */
export function mutated(d: Dice, bytes: Buffer): Buffer {
  let text: Buffer = Buffer.from(bytes)
  for (let n = 1 + d.below(4); n > 0 && text.length > 0; n--) {
    const at = d.below(text.length)
    const length = 1 + d.below(8)
    switch (d.below(3)) {
      case 0:
        text[at] = d.below(256)
        break
      case 1:
        text = Buffer.concat([text.subarray(0, at), text.subarray(at + length)])
        break
      default:
        text = Buffer.concat([text.subarray(0, at), text.subarray(at, at + length), text.subarray(at)])
    }
  }
  return withoutNewlines(text)
}

const withoutNewlines = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => (byte === 0x0a ? 0x20 : byte)))
