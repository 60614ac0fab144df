// events on a real master: numbers without gaps, since and missed, topics, and clients that do not read.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, connect, type Missed } from '../../src/api/client.ts'
import type { EventTopic, Happening, Params } from '../../src/api/contract.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, until, within } from '../helpers/scene.ts'

interface Heard {
  readonly client: Client
  readonly events: Happening[]
  missed: number
  /** The first event that fits; waits for it. */
  seen(what: string, fits: (event: Happening) => boolean): Promise<Happening>
}

async function listen(master: Master, params: Params<'events'> = {}): Promise<Heard> {
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const stream = client.events(params)
  await within('the answer to events', stream.begun)
  const heard: Heard = {
    client,
    events: [],
    missed: 0,
    seen: (what, fits) => until(what, () => heard.events.find(fits)),
  }
  void (async () => {
    for await (const one of stream) {
      if ('topic' in one) heard.events.push(one)
      else heard.missed += (one satisfies Missed).missed
    }
  })()
  return heard
}

const noGaps = (events: readonly Happening[]): void =>
  events.forEach((event, i) => {
    assert.equal(event.seq, (events[0]?.seq ?? 0) + i)
  })

const many = `${quick}[many]\ncommand = sleep 600\nautostart = false\n`

/** So many events or more, without a process: slots of a stopped program come and go. The newest number. */
async function happen(master: Master, count: number): Promise<number> {
  const client = await connect(master.socket)
  try {
    const newest = async (): Promise<number> => (await client.events({ topics: ['log.trouble'] }).begun).seq
    const end = (await newest()) + count
    await client.call('stop', { target: 'many' })
    for (;;) {
      const seq = await newest()
      if (seq >= end) return seq
      await client.call('scale', { program: 'many', workers: 1000 })
      await client.call('scale', { program: 'many', workers: 0 })
    }
  } finally {
    client.close()
  }
}

test('what happens to a process, in order, with the facts', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[job]\ncommand = sh ${fixture('crash-on-boot.sh')} 7\nautostart = false\nstart_retries = 1\nbackoff_initial = 10ms\n`,
  )
  const heard = await listen(master)
  await master.call('start', { target: 'job', wait: false })
  await heard.seen('FATAL', (event) => event.to === 'FATAL')
  noGaps(heard.events)
  const changes = heard.events.filter((event) => event.topic === 'process.state' && event.from !== event.to)
  assert.deepEqual(
    changes.map((event) => [event.name, event.from, event.to]),
    ['STARTING', 'BACKOFF', 'STARTING', 'FATAL'].map((to, i, all) => ['job:0', all[i - 1] ?? 'STOPPED', to]),
  )
  assert.deepEqual(changes[1]?.exit, { code: 7, signal: null })
  assert.ok(
    heard.events.every((event) => event.program === 'job' && Math.abs(Date.parse(event.time) - Date.now()) < 60_000),
  )
})

test('scale, reload, update and trouble are told', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n[old]\ncommand = sleep 600\n`)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const heard = await listen(master, { topics: ['program.scaled', 'program.reload', 'config.updated'] })
  await master.call('scale', { program: 'web', workers: 2 })
  await master.call('reload', { target: 'web' })
  master.scene.write('config.ini', `${quick}[web]\ncommand = sleep 601\n[new]\ncommand = sleep 600\n`)
  await master.call('update', {})
  await heard.seen('the update', (event) => event.topic === 'config.updated')
  const of = (topic: EventTopic): Happening[] => heard.events.filter((event) => event.topic === topic)
  assert.deepEqual(
    of('program.scaled').map((event) => [event.program, event.from, event.to]),
    [['web', 1, 2]],
  )
  assert.deepEqual(
    of('program.reload')
      .slice(0, 2)
      .map((event) => [event.program, event.what, event.phase, event.names, event.error]),
    ['begun', 'ended'].map((phase) => ['web', 'reload', phase, ['web:0', 'web:1'], null]),
  )
  const [updated] = of('config.updated')
  assert.deepEqual([updated?.added, updated?.removed, updated?.desired], [['new'], ['old'], { new: 1 }])
})

test('a topic that is none, and a since that is none, are refused', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`)
  for (const params of [{ topics: ['nothing'] }, { topics: [] }, { since: -1 }, { since: 1.5 }]) {
    const client = await connect(master.socket)
    const stream = client.events(params as Params<'events'>)
    await assert.rejects(
      async () => {
        for await (const _one of stream);
      },
      { code: 'PH_PARAMS' },
    )
    client.close()
  }
})

test('since: what was missed while away, once, in order; and how much is not kept any more', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[many]\ncommand = sleep 600\nnumber_workers = 60\nautostart = false\n`,
  )
  const first = await listen(master, { since: 0 })
  await first.seen('the beginning', (event) => event.name === 'web:1' && event.to === 'RUNNING')
  assert.equal(first.events[0]?.seq, 1)
  assert.equal(first.events[0]?.topic, 'master.started')
  const last = first.events.at(-1)?.seq ?? 0
  first.client.close()

  await master.call('restart', { target: 'web' })
  const again = await listen(master, { since: last })
  await master.call('stop', { target: 'web' })
  await again.seen('the stop', (event) => event.to === 'STOPPED')
  noGaps(again.events)
  assert.equal(again.events[0]?.seq, last + 1)
  assert.equal(again.missed, 0)

  const future = await connect(master.socket)
  const { seq, missed } = await future.events({ since: 1_000_000 }).begun
  assert.deepEqual([missed, seq >= last], [0, true])
  future.close()

  const newest = await happen(master, 10_000)
  const late = await listen(master, { since: 10 })
  await until('the newest', () => late.events.at(-1)?.seq === newest)
  noGaps(late.events)
  assert.equal(late.missed, (late.events[0]?.seq ?? 0) - 11, 'kept and missed together are all')
  assert.ok(late.missed > 0 && late.events.length > 4000, `${late.missed} missed, ${late.events.length} came`)
})

test('a client that does not read is told how many it missed, and then goes on', async (t) => {
  const master = await startMaster(t, many)
  const raw = await rawSocket(master.socket)
  const { result } = await raw.call('events', {})
  const from = (result as { seq: number }).seq
  raw.socket.pause()
  const newest = await happen(master, 14_000)
  raw.socket.resume()
  let got = 0
  let missed = 0
  while (got + missed < newest - from) {
    const { params } = JSON.parse(await raw.line()) as { params: { seq?: number; missed?: number } }
    if (params.missed === undefined) {
      assert.equal(params.seq, from + got + missed + 1, 'the numbers agree with what is said to be missing')
      got++
    } else missed += params.missed
  }
  assert.ok(missed > 0 && got > 4000, `${got} came, ${missed} were missed`)
  await master.call('scale', { program: 'many', workers: 1 })
  assert.match(await raw.line(), /"topic":"program.scaled"/)
})

test('a stream that is left is unsubscribed, and the subscriptions of a connection are limited', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`)
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const stream = client.events({ since: 0 })
  const { subscription } = await stream.begun
  for await (const event of stream) {
    assert.ok('seq' in event && event.seq === 1)
    break
  }
  await assert.rejects(client.call('unsubscribe', { subscription }), { code: 'PH_NOT_FOUND' })
  const streams = Array.from({ length: 65 }, () => client.events({}).begun)
  const outcomes = await Promise.allSettled(streams)
  assert.deepEqual(outcomes.map((one) => one.status).slice(63), ['fulfilled', 'rejected'])
})

test('the end of the master ends a stream, and nothing is thrown', async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n`)
  const heard: (Happening | Missed)[] = []
  const client = await connect(master.socket)
  const stream = client.events({})
  await stream.begun
  const ended = (async () => {
    for await (const one of stream) heard.push(one)
  })()
  await master.stop()
  await within('the end of the stream', ended)
  assert.ok(heard.some((one) => 'topic' in one && one.topic === 'master.stopping'))
})
