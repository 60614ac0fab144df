// The client on good and on broken wires: every call ends, and ends with the right code.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import { PhError } from '../../src/errors.ts'
import { bad, type Fake, fakeMaster, ok, type Reply } from '../cli/fake-master.ts'

const soon = { timeout: 20_000 }

async function withFake(reply: Reply, work: (fake: Fake) => Promise<void>, greet?: (s: Socket) => void): Promise<void> {
  const fake = await fakeMaster(reply, greet)
  try {
    await work(fake)
  } finally {
    await fake.close()
  }
}

async function failure(call: Promise<unknown>): Promise<PhError> {
  try {
    await call
  } catch (e) {
    assert.ok(e instanceof PhError, String(e))
    return e
  }
  throw new Error('the call succeeded')
}

test('many calls in flight find their answers, in whatever order they come', soon, () => {
  const held: { id: number; method: string }[] = []
  const reply: Reply = (request, socket) => {
    held.push(request)
    if (held.length < 3) return
    for (const one of held.toReversed()) socket.write(ok(one.id, one.method))
  }
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((m) => client.raw(m, {}))), ['a', 'b', 'c'])
    client.close()
    await client.closed
    assert.equal((await failure(client.raw('d', {}))).code, 'PH_NO_MASTER')
  })
})

test('null, false and 0 are results', soon, () => {
  const values: unknown[] = [null, false, 0, '']
  const reply: Reply = ({ id, params }, socket) => socket.write(ok(id, values[Number(params.n)]))
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    assert.deepEqual(await Promise.all(values.map((_v, n) => client.raw('x', { n }))), values)
    client.close()
  })
})

test('an answer cut inside a character of UTF-8 is whole', soon, () => {
  const reply: Reply = ({ id }, socket) => {
    const bytes = Buffer.from(ok(id, '日本'))
    const middle = bytes.indexOf(Buffer.from('日')) + 1
    socket.write(bytes.subarray(0, middle))
    setTimeout(() => socket.write(bytes.subarray(middle)), 20)
  }
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    assert.equal(await client.raw('x', {}), '日本')
    client.close()
  })
})

test("the master's error keeps its code, its number and its data", soon, () => {
  const reply: Reply = ({ id, method }, socket) => {
    if (method === 'named') socket.write(bad(id, -32001, 'cannot find it', { code: 'PH_NOT_FOUND', known: ['web'] }))
    if (method === 'number') socket.write(bad(id, -32004, 'cannot wait'))
    if (method === 'strange') socket.write(bad(id, -31999, 'cannot say', { code: 'toString' }))
    if (method === 'both')
      socket.write(`{"jsonrpc":"2.0","id":${id},"result":null,"error":{"code":-32002,"message":"no"}}\n`)
  }
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    const [named, number, strange, both] = await Promise.all(
      ['named', 'number', 'strange', 'both'].map((m) => failure(client.raw(m, {}))),
    )
    assert.deepEqual(
      [named?.code, named?.message, named?.data],
      ['PH_NOT_FOUND', 'cannot find it', { code: 'PH_NOT_FOUND', known: ['web'], rpc: -32001 }],
    )
    assert.equal(number?.code, 'PH_TIMEOUT')
    assert.deepEqual([strange?.code, strange?.data.rpc], ['PH_INTERNAL', -31999])
    assert.equal(both?.code, 'PH_CONFLICT')
    client.close()
  })
})

for (const [name, line] of [
  ['no JSON', 'HTTP/1.1 400 Bad Request\n'],
  ['a number', '5\n'],
  ['null', 'null\n'],
  ['an array', '[{"id":1,"result":1}]\n'],
  ['neither result nor error', '{"jsonrpc":"2.0","id":1}\n'],
  ['an error that is a string', '{"jsonrpc":"2.0","id":1,"error":"no"}\n'],
  ['a result for no call', '{"jsonrpc":"2.0","id":null,"result":1}\n'],
  ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
] as const) {
  test(`junk ends all calls with PH_NO_MASTER: ${name}`, soon, () =>
    withFake(
      ({ method }, socket) => {
        if (method === 'second') socket.write(line)
      },
      async (fake) => {
        const client = await connect(fake.path)
        const errors = await Promise.all(['first', 'second'].map((m) => failure(client.raw(m, {}))))
        for (const e of errors) {
          assert.equal(e.code, 'PH_NO_MASTER')
          assert.match(e.message, /^cannot go on with /)
        }
        await client.closed
      },
    ),
  )
}

test('empty lines, notifications and answers that nobody waits for are passed over', soon, () =>
  withFake(
    ({ id }, socket) => {
      socket.write(`\n\r\n{"jsonrpc":"2.0","method":"event","params":{}}\n${ok(9999, 'late')}${ok(id, 'mine')}`)
    },
    async (fake) => {
      const client = await connect(fake.path)
      assert.equal(await client.raw('x', {}), 'mine')
      client.close()
    },
  ),
)

test('a refusal without id ends the calls in flight, and the line goes on', soon, () => {
  let first = true
  const reply: Reply = ({ id }, socket) => {
    socket.write(first ? bad(null, -32008, 'cannot take so much', { code: 'PH_LIMIT' }) : ok(id, 'fine'))
    first = false
  }
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    assert.equal((await failure(client.raw('x', {}))).code, 'PH_LIMIT')
    assert.equal(await client.raw('y', {}), 'fine')
    await fake.die()
    await client.closed
    assert.equal((await failure(client.raw('z', {}))).code, 'PH_NO_MASTER')
  })
})

test('a master that refuses the connection in words is quoted', soon, () =>
  withFake(
    () => {},
    async (fake) => {
      const client = await connect(fake.path)
      await client.closed
      const e = await failure(client.raw('x', {}))
      assert.deepEqual([e.code, e.message], ['PH_LIMIT', 'cannot take one more client'])
    },
    (socket) => socket.end(bad(null, -32008, 'cannot take one more client', { code: 'PH_LIMIT' })),
  ),
)

test('a connection that closes in the middle of an answer ends the call', soon, () =>
  withFake(
    ({ id }, socket) => {
      socket.end(ok(id, 'half').slice(0, 20))
    },
    async (fake) => {
      const client = await connect(fake.path)
      const e = await failure(client.raw('x', {}))
      assert.deepEqual([e.code, /closed|broke/.test(e.message)], ['PH_NO_MASTER', true])
      await client.closed
    },
  ),
)

test('nobody there: no socket, a plain file, a path too long, no permission', soon, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'client-'))
  const fake = await fakeMaster(() => {})
  try {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const texts: [string, RegExp][] = [
      [join(folder, 'none'), /there is no such socket$/],
      [join(file, 'below'), /there is no such socket$/],
      [file, /it is no socket$/],
      [join(folder, 'x'.repeat(120)), /at most 107$/],
    ]
    for (const [path, text] of texts) {
      const e = await failure(connect(path))
      assert.equal(e.code, 'PH_NO_MASTER')
      assert.match(e.message, text)
    }
    if (process.getuid?.() !== 0) {
      chmodSync(fake.path, 0)
      assert.equal((await failure(connect(fake.path))).code, 'PH_DENIED')
    }
  } finally {
    await fake.close()
    rmSync(folder, { recursive: true })
  }
})

const notice = (subscription: number, seq: number, pad = ''): string =>
  `${JSON.stringify({ jsonrpc: '2.0', method: 'event', params: { subscription, seq, topic: 'log.trouble', time: '', pad } })}\n`

test(
  'a stream gets its own notices, also those that came before the answer, and ends with the connection',
  soon,
  () => {
    const reply: Reply = ({ id, params }, socket) => {
      const subscription = Number(params.since)
      socket.write(notice(1, 10) + notice(2, 20) + ok(id, { subscription, seq: 9, missed: subscription }))
      socket.write(notice(1, 11) + notice(2, 21))
      if (subscription === 2) socket.end(`{"jsonrpc":"2.0","method":"event","params":{"subscription":2,"missed":5}}\n`)
    }
    return withFake(reply, async (fake) => {
      const client = await connect(fake.path)
      const heard: unknown[] = []
      client.onNotice(({ method, params }) => heard.push([method, params.subscription]))
      const collect = async (since: number): Promise<unknown[]> => {
        const all: unknown[] = []
        for await (const one of client.events({ since })) all.push('seq' in one ? one.seq : one)
        return all
      }
      const first = collect(1)
      await until(() => fake.asked.length === 1)
      const [one, two] = await Promise.all([first, collect(2)])
      assert.deepEqual(one, [{ missed: 1 }, 10, 11, 10, 11])
      assert.deepEqual(two, [{ missed: 2 }, 20, 21, { missed: 5 }])
      assert.equal(heard.length, 9)
    })
  },
)

test('a refused stream rejects where it is iterated, and nowhere else', soon, () => {
  const reply: Reply = ({ id }, socket) =>
    void socket.write(bad(id, -32001, 'cannot find it', { code: 'PH_NOT_FOUND' }))
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    const stream = client.logs({ target: 'web' })
    const iterate = async (): Promise<void> => {
      for await (const _batch of stream) assert.fail('nothing came')
    }
    assert.equal((await failure(iterate())).code, 'PH_NOT_FOUND')
    assert.equal((await failure(stream.begun)).code, 'PH_NOT_FOUND')
    client.close()
  })
})

test('who reads slowly makes the master wait; an answer still comes, and nothing is lost', soon, () => {
  const total = 20_000
  let wire: Socket | null = null
  const reply: Reply = ({ id, method }, socket) => {
    wire = socket
    if (method !== 'events') return void socket.write(ok(id, 'pong'))
    socket.write(ok(id, { subscription: 1, seq: 0, missed: 0 }))
    for (let seq = 1; seq <= total; seq++) socket.write(notice(1, seq, 'x'.repeat(400)))
  }
  return withFake(reply, async (fake) => {
    const client = await connect(fake.path)
    const stream = client.events({})
    await stream.begun
    // Nobody iterates: after what fits into the buffers of the kernel, the rest stays with the master.
    let before = -1
    await until(() => {
      const now = wire?.writableLength ?? 0
      const still = now === before && now > 0
      before = now
      return still
    })
    assert.ok(before > total * 200, `${before} bytes wait`)
    assert.equal(await client.raw('ping', {}), 'pong', 'a call is answered all the same')
    let seq = 0
    for await (const one of stream) {
      assert.equal('seq' in one && one.seq, ++seq)
      if (seq === total) break
    }
    client.close()
    await client.closed
  })
})

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((done) => setTimeout(done, 30))
}
