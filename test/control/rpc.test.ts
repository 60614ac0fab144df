// From the bytes of a call to the bytes of its answer: every way to be wrong, and that none of them
// is met with a stack, a silence or another answer than JSON-RPC 2.0 asks for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as z from 'zod'
import { type Caller, type Lane, rpcServer } from '../../src/control/rpc.ts'
import { Session } from '../../src/control/session.ts'
import { PhError } from '../../src/errors.ts'
import { depthOf } from '../../src/json-rpc.ts'

const session = new Session({ notify: () => undefined, full: false })
const caller: Caller = { role: 'change', gid: 0, groups: [], uid: 1000, pid: 42, session }

const lane: Lane = {
  later(works) {
    for (const work of works) void work()
  },
  list() {
    const elements: string[] = []
    return {
      add(at, text) {
        elements[at] = text
      },
      end() {
        const there = elements.filter((text) => text !== undefined)
        return there.length > 0 ? `[${there.join()}]` : null
      },
    }
  },
}

/** A server with one method for each way to answer. */
function scene() {
  const audited: unknown[] = []
  const failures: unknown[] = []
  const calls: unknown[] = []
  const anything = z.looseObject({})
  const rpc = rpcServer({
    handlers: {
      ping: () => 'pong',
      echo: (params: unknown) => {
        calls.push(params)
        return params
      },
      add: ({ a, b }: { a: number; b: number }) => a + b,
      nothing: () => undefined,
      zero: () => 0,
      refuses: () => {
        throw new PhError(
          'PH_CONFLICT',
          'cannot reload "web": it is STOPPED',
          { program: 'web' },
          { cause: new Error('secret cause') },
        )
      },
      breaks: () => {
        throw new Error('secret /etc/shadow')
      },
      rejects: () => Promise.reject(new TypeError('secret')),
      throwsNothing: () => {
        throw undefined
      },
      throwsText: () => {
        throw 'secret'
      },
      later: () => new Promise((answer) => setImmediate(() => answer('late'))),
    },
    schemas: {
      ping: z.strictObject({}),
      echo: anything,
      add: z.strictObject({ a: z.number(), b: z.number().default(1) }),
      nothing: anything,
      zero: anything,
      refuses: anything,
      breaks: anything,
      rejects: anything,
      throwsNothing: anything,
      throwsText: anything,
      later: anything,
    },
    audit: (method, params, who) => audited.push([method, params, who.uid]),
    failed: (method, e) => failures.push([method, e instanceof Error ? e.message : e]),
  })
  const answer = async (text: string | Buffer): Promise<unknown> => {
    const line = await rpc.answer(typeof text === 'string' ? Buffer.from(text) : text, caller, lane)
    assert.ok(line === null || !line.includes('\n'), 'an answer is one line')
    assert.ok(line === null || !/secret|node:|\bat .*:\d+:\d+/.test(line), `it leaks: ${line}`)
    return line === null ? null : JSON.parse(line)
  }
  return { answer, audited, failures, calls }
}

const call = (method: unknown, params?: unknown, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params })

/** `code`, or `id code`. */
const short = (answer: unknown): unknown => {
  if (Array.isArray(answer)) return answer.map(short)
  const { id, error, result } = answer as { id: unknown; error?: { code: number }; result?: unknown }
  return error ? [id, error.code] : [id, result]
}

const PARSE = -32700
const INVALID = -32600
const METHOD = -32601
const PARAMS = -32602
const INTERNAL = -32603
const LIMIT = -32008

const deep = (levels: number): string =>
  `{"jsonrpc":"2.0","id":1,"method":"echo","params":{"x":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}`

const single: readonly [what: string, text: string | Buffer, answer: unknown][] = [
  ['a call', call('ping'), [1, 'pong']],
  ['empty params', call('ping', {}), [1, 'pong']],
  ['defaults are filled in', call('add', { a: 2 }), [1, 3]],
  ['a result of 0', call('zero'), [1, 0]],
  ['no result is null', call('nothing'), [1, null]],
  ['a result that comes later', call('later'), [1, 'late']],
  ['id as a string', call('ping', {}, 'a'), ['a', 'pong']],
  ['id as an empty string', call('ping', {}, ''), ['', 'pong']],
  ['id 0', call('ping', {}, 0), [0, 'pong']],
  ['id null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', [null, 'pong']],
  ['id with a fraction', call('ping', {}, 1.5), [1.5, 'pong']],
  ['id negative', call('ping', {}, -7), [-7, 'pong']],
  ['id too large for a number', '{"jsonrpc":"2.0","id":1e400,"method":"ping"}', [null, INVALID]],
  ['id an object', call('ping', {}, {}), [null, INVALID]],
  ['id a list', call('ping', {}, [1]), [null, INVALID]],
  ['id true', call('ping', {}, true), [null, INVALID]],
  ['members beyond the standard', '{"jsonrpc":"2.0","id":1,"method":"ping","x":1}', [1, 'pong']],
  ['the last of a doubled member counts', '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', [2, 'pong']],
  ['white space', ' \t{"jsonrpc" : "2.0", "id" : 1, "method" : "ping"}\r', [1, 'pong']],
  // the text
  ['nothing', '', [null, PARSE]],
  ['no JSON', 'hello', [null, PARSE]],
  ['half a call', '{"jsonrpc":"2.0","id":1', [null, PARSE]],
  ['two calls in a line', `${call('ping')}${call('ping')}`, [null, PARSE]],
  ['single quotes', "{'jsonrpc':'2.0'}", [null, PARSE]],
  ['a comment', `${call('ping')} // x`, [null, PARSE]],
  ['NaN', '{"jsonrpc":"2.0","id":NaN,"method":"ping"}', [null, PARSE]],
  ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(call('ping'))]), [null, PARSE]],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22]), [null, PARSE]],
  ['half a UTF-8 character', Buffer.from([0x22, 0xc3, 0x22]), [null, PARSE]],
  ['a surrogate as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), [null, PARSE]],
  ['UTF-16', Buffer.from(call('ping'), 'utf16le'), [null, PARSE]],
  ['a NUL byte', `{"jsonrpc":"2.0","id":1,"method":"ping\0"}`, [null, PARSE]],
  ['a NUL as an escape', '{"jsonrpc":"2.0","id":1,"method":"ping\\u0000"}', [1, METHOD]],
  ['a lone surrogate in a value', '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":"\\ud800"}}', [null, PARSE]],
  ['a lone surrogate in a name', '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"\\uDFFF":1}}', [null, PARSE]],
  [
    'surrogates in the wrong order',
    '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":"\\udc00\\ud800"}}',
    [null, PARSE],
  ],
  [
    'a pair of surrogates',
    '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":"\\ud83d\\ude00"}}',
    [1, { a: '😀' }],
  ],
  [
    'words that look like one',
    call('echo', { a: 'C:\\udata', b: '\\\\ud800' }),
    [1, { a: 'C:\\udata', b: '\\\\ud800' }],
  ],
  [
    'a lone one after a backslash',
    '{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":"\\\\\\ud800"}}',
    [null, PARSE],
  ],
  // the depth
  ['64 levels', deep(64), [1, { x: JSON.parse('['.repeat(62) + ']'.repeat(62)) }]],
  ['65 levels', deep(65), [null, LIMIT]],
  ['100 000 levels', deep(100_000), [null, LIMIT]],
  ['100 000 openings', '['.repeat(100_000), [null, LIMIT]],
  ['closings first', `${']'.repeat(500)}${'['.repeat(60)}`, [null, PARSE]],
  ['brackets in a string', call('echo', { a: '['.repeat(500) }), [1, { a: '['.repeat(500) }]],
  ['brackets after an escaped quote', call('echo', { a: `"${'{'.repeat(99)}\\` }), [1, { a: `"${'{'.repeat(99)}\\` }]],
  // the envelope
  ['null', 'null', [null, INVALID]],
  ['0', '0', [null, INVALID]],
  ['""', '""', [null, INVALID]],
  ['true', 'true', [null, INVALID]],
  ['{}', '{}', [null, INVALID]],
  ['no version', '{"id":1,"method":"ping"}', [null, INVALID]],
  ['version 1.0', '{"jsonrpc":"1.0","id":1,"method":"ping"}', [null, INVALID]],
  ['version as a number', '{"jsonrpc":2.0,"id":1,"method":"ping"}', [null, INVALID]],
  ['no method', '{"jsonrpc":"2.0","id":1}', [null, INVALID]],
  ['method 1', call(1), [null, INVALID]],
  ['method null', call(null), [null, INVALID]],
  ['method a list', call(['ping']), [null, INVALID]],
  ['an answer', '{"jsonrpc":"2.0","id":1,"result":7}', [null, INVALID]],
  ['params null', call('ping', null), [null, INVALID]],
  ['params a string', call('ping', 'x'), [null, INVALID]],
  ['params a number', call('ping', 0), [null, INVALID]],
  ['params false', call('ping', false), [null, INVALID]],
  // the method
  ['an unknown method', call('nope'), [1, METHOD]],
  ['an empty name', call(''), [1, METHOD]],
  ['another case', call('PING'), [1, METHOD]],
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', 'rpc.nope'].map(
    (name): [string, string, unknown] => [name, call(name, {}), [1, METHOD]],
  ),
  // the params
  ['params a list', call('add', [1, 2]), [1, PARAMS]],
  ['an empty list', call('ping', []), [1, PARAMS]],
  ['an unknown name', call('ping', { x: 1 }), [1, PARAMS]],
  ['a missing name', call('add', {}), [1, PARAMS]],
  ['a wrong type', call('add', { a: '1' }), [1, PARAMS]],
  ['null for a number', call('add', { a: null }), [1, PARAMS]],
  ['constructor as a name', call('add', { a: 1, constructor: 1 }), [1, PARAMS]],
  ['toString as a name', call('ping', { toString: 1 }), [1, PARAMS]],
  // the handler
  ['a refusal', call('refuses'), [1, -32002]],
  ['an Error', call('breaks'), [1, INTERNAL]],
  ['a rejection', call('rejects'), [1, INTERNAL]],
  ['nothing thrown', call('throwsNothing'), [1, INTERNAL]],
  ['a text thrown', call('throwsText'), [1, INTERNAL]],
]

for (const [what, text, wanted] of single) {
  test(`${what}: ${JSON.stringify(wanted).slice(0, 60)}`, async () => {
    assert.deepEqual(short(await scene().answer(text)), wanted)
  })
}

test('__proto__ as a name of params is an unknown name, and changes nothing', async () => {
  const { answer } = scene()
  const text = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{"x":1}}}'
  assert.deepEqual(short(await answer(text)), [1, PARAMS])
  assert.equal(({} as { x?: unknown }).x, undefined)
})

const notify = (method: unknown, params?: unknown): string => JSON.stringify({ jsonrpc: '2.0', method, params })

test('a notification is carried out and never answered, whatever becomes of it', async () => {
  const { answer, calls, failures } = scene()
  for (const text of [
    notify('echo', { a: 1 }),
    notify('nope'),
    notify('add', { a: 'x' }),
    notify('ping', []),
    notify('refuses'),
    notify('breaks'),
  ]) {
    assert.equal(await answer(text), null)
  }
  assert.deepEqual([calls, failures], [[{ a: 1 }], [['breaks', 'secret /etc/shadow']]])
})

const batches: readonly [what: string, text: string, answer: unknown][] = [
  ['empty', '[]', [null, INVALID]],
  ['of one', `[${call('ping')}]`, [[1, 'pong']]],
  [
    'in order',
    `[${call('later', {}, 1)},${call('ping', {}, 2)}]`,
    [
      [1, 'late'],
      [2, 'pong'],
    ],
  ],
  [
    'the same id twice',
    `[${call('ping', {}, 1)},${call('zero', {}, 1)}]`,
    [
      [1, 'pong'],
      [1, 0],
    ],
  ],
  ['of one junk', '[1]', [[null, INVALID]]],
  ['of junk', '[1,null,"x",[],{}]', Array(5).fill([null, INVALID])],
  ['a batch within', `[[${call('ping')}]]`, [[null, INVALID]]],
  [
    'mixed',
    `[${call('ping')},1,${notify('ping')},${call('nope', {}, 2)},null,${call('breaks', {}, 3)},{"foo":"boo"}]`,
    [
      [1, 'pong'],
      [null, INVALID],
      [2, METHOD],
      [null, INVALID],
      [3, INTERNAL],
      [null, INVALID],
    ],
  ],
  ['half a batch', `[${call('ping')},`, [null, PARSE]],
  ['1000 calls', `[${Array(1000).fill(call('ping')).join()}]`, Array(1000).fill([1, 'pong'])],
  ['1001 calls', `[${Array(1001).fill(call('ping')).join()}]`, [null, LIMIT]],
  ['1001 notifications', `[${Array(1001).fill(notify('ping')).join()}]`, [null, LIMIT]],
]

for (const [what, text, wanted] of batches) {
  test(`a batch ${what}`, async () => assert.deepEqual(short(await scene().answer(text)), wanted))
}

test('a batch of notifications alone is not answered', async () => {
  const { answer, calls } = scene()
  assert.equal(await answer(`[${notify('echo', { a: 1 })},${notify('nope')}]`), null)
  assert.deepEqual(calls, [{ a: 1 }])
})

test('errors in full: code, words, data', async () => {
  const { answer } = scene()
  const error = async (text: string): Promise<unknown> => ((await answer(text)) as { error: unknown }).error
  assert.deepEqual(await error(call('refuses')), {
    code: -32002,
    message: 'cannot reload "web": it is STOPPED',
    data: { program: 'web', code: 'PH_CONFLICT' },
  })
  assert.deepEqual(await error(call('breaks')), {
    code: INTERNAL,
    message: 'internal error; the log of the master says more',
    data: { code: 'PH_INTERNAL' },
  })
  assert.deepEqual(await error(call('add', { a: '1', c: 2 })), {
    code: PARAMS,
    message: 'cannot call add: a: wanted a number, came "1"; there is no parameter "c" (have: a, b)',
    data: {
      issues: [
        { path: 'a', message: 'wanted a number, came "1"' },
        { path: '', message: 'there is no parameter "c" (have: a, b)' },
      ],
      code: 'PH_PARAMS',
    },
  })
  const unknown = (await error(call(`x${'y'.repeat(5000)}`))) as { message: string }
  assert.ok(unknown.message.length < 200, 'a long name is cut')
})

test('every answer to one call is an object with jsonrpc, id, and result or error', async () => {
  const { answer } = scene()
  for (const [what, text] of single) {
    const members = Object.keys((await answer(text)) as object)
      .sort()
      .join()
    assert.ok(members === 'error,id,jsonrpc' || members === 'id,jsonrpc,result', `${what}: ${members}`)
  }
})

test('what changes something is audited before it runs, with checked params; what looks is not', async () => {
  const { answer, audited } = scene()
  await answer(call('ping'))
  await answer(call('add', { a: 'x' }))
  await answer(call('add', { a: 2 }))
  await answer(notify('breaks'))
  assert.deepEqual(audited, [
    ['add', { a: 2, b: 1 }, 1000],
    ['breaks', {}, 1000],
  ])
})

test('any bytes and any JSON are answered or owed nothing, and never throw', async () => {
  const { answer } = scene()
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => void (await answer(Buffer.from(bytes)))),
  )
  await fc.assert(
    fc.asyncProperty(fc.json({ maxDepth: 6 }), async (text) => {
      const given = await answer(text)
      assert.ok(given !== null)
    }),
  )
  const envelope = fc.record(
    {
      jsonrpc: fc.constantFrom('2.0', 2, null),
      id: fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.jsonValue()),
      method: fc.oneof(fc.constantFrom('ping', 'echo', 'add', 'breaks', '__proto__'), fc.jsonValue()),
      params: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  await fc.assert(fc.asyncProperty(fc.array(envelope), async (batch) => void (await answer(JSON.stringify(batch)))))
})

test('depth is counted outside of strings alone', () => {
  const counts = ['', '1', '[]', '[[]]', '{"a":[{}]}', '"[[["', '"\\"[["', '["\\\\"]', '[][[]]', ']]][['].map((t) =>
    depthOf(Buffer.from(t)),
  )
  assert.deepEqual(counts, [0, 0, 1, 2, 3, 0, 0, 1, 2, 0])
})
