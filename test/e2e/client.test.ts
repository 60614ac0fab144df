// `processhandler/client` on real masters that are upgraded, killed and started again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventItem, LogItem } from '../../src/api/followed.ts'
import { connect } from '../../src/api/index.ts'
import { PhError } from '../../src/errors.ts'
import { nextMaster } from '../helpers/adoption.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until, within } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\n`
const chatty = (file: string): string =>
  `[chatty]\ncommand = sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done'\nlog_file = ${file}\n`

async function failure(promise: Promise<unknown>): Promise<PhError> {
  const e = await within('a failure', promise).then(
    () => null,
    (reason: unknown) => reason,
  )
  assert.ok(e instanceof PhError, String(e))
  return e
}

/** What a stream has given so far. */
function collected<Item>(stream: AsyncIterable<Item>): { readonly items: Item[]; readonly over: Promise<unknown> } {
  const items: Item[] = []
  const over = (async () => {
    for await (const item of stream) items.push(item)
    return 'ended'
  })().catch((e: unknown) => e)
  return { items, over }
}

async function upgraded(master: Master): Promise<void> {
  await master.call('upgrade', {})
  await until('the upgraded master', async () => {
    const info = await master.call('info', {}).catch(() => null)
    return info?.upgrades === 1
  })
}

test('over an upgrade: events go on without a gap, logs after one, calls wait for the new program', async (t) => {
  const master = await startMaster(t, `${web}${chatty('chatty.log')}`)
  const phd = await connect(master.socket)
  sceneOf(t).after(() => phd.close())
  await phd.call('wait', { target: 'all', state: 'RUNNING' })
  const { items, over } = collected<EventItem>(phd.events())
  const lines = collected<LogItem>(phd.logs('chatty', { lines: 1, follow: true }))
  await phd.call('stop', { target: 'web' })
  await until('lines', () => lines.items.length > 3)
  await upgraded(master)
  assert.equal((await phd.call('info')).upgrades, 1)
  await phd.call('start', { target: 'web' })
  const seen = lines.items.length
  await until('lines again', () => lines.items.length > seen + 3)
  await until('the start', () =>
    items.some((item) => 'topic' in item && item.name === 'web:0' && item.to === 'RUNNING'),
  )
  const topics = items.map((item) => ('topic' in item ? item.topic : item))
  assert.ok(topics.includes('master.upgraded'))
  const seqs = items.map((item) => ('seq' in item ? item.seq : null))
  assert.deepEqual(
    seqs,
    seqs.map((_none, at) => (seqs[0] ?? 0) + at),
    'each once, in order, no gap',
  )
  assert.equal(items.find((item) => 'topic' in item)?.topic, 'process.state', 'the stop that was asked for behind it')
  assert.equal(lines.items.filter((item) => 'missed' in item).length, 1)
  assert.ok(lines.items.every((item) => ('text' in item ? /^\d+$/.test(item.text) : 'missed' in item)))
  const pending = failure(phd.call('wait', { target: 'web', state: 'FATAL' }))
  await phd.call('ping')
  await within('the end of the connection', phd.close())
  assert.match((await pending).message, /^cannot tell what became of wait: .* it may have been done$/)
  assert.deepEqual(await Promise.all([over, lines.over]), ['ended', 'ended'])
  assert.match((await failure(phd.call('ping'))).message, /^cannot call: this client was closed/)
})

test('over kill -9: a gap, then the events of the next master from its first; what was under way says so', async (t) => {
  const ini = web
  const master = await startMaster(t, ini)
  const phd = await connect({ socket: master.socket, patience: 30 })
  sceneOf(t).after(async () => phd[Symbol.asyncDispose]())
  const { items } = collected<EventItem>(phd.events({ topics: ['process.state', 'master.started', 'master.adopted'] }))
  await phd.call('wait', { target: 'web', state: 'RUNNING' })
  await phd.call('restart', { target: 'web' })
  await until('its events', () => items.length > 2)
  const pending = failure(phd.call('wait', { target: 'web', state: 'FATAL' }))
  await phd.call('ping') // behind it: it has been sent
  await master.murder()
  const broken = await pending
  assert.equal(broken.code, 'PH_NO_MASTER')
  assert.match(broken.message, /^cannot tell what became of wait: .* it may have been done$/)
  const later = phd.call('ping') // there is no master now: it waits for one
  const from = items.length
  const next = await nextMaster(t, ini)
  assert.equal(await within('the answer of the next master', later), 'pong')
  await until('news of it', () => items.some((item) => 'topic' in item && item.topic === 'master.adopted'))
  const [gap, ...after] = items.slice(from)
  assert.deepEqual(gap, { missed: null })
  assert.ok(after.every((item) => 'seq' in item))
  assert.deepEqual(after.map((item) => ('topic' in item ? item.topic : '')).slice(0, 2), [
    'master.started',
    'master.adopted',
  ])
  assert.equal((await next.process('web:0')).state, 'RUNNING')
})

test('an AbortSignal ends a call, a stream and the waiting for a master; patience has an end', async (t) => {
  const master = await startMaster(t, web)
  const phd = await connect({ socket: master.socket, patience: 0.1 })
  sceneOf(t).after(() => phd.close())
  const why = new Error('enough')
  const aborting = new AbortController()
  const { signal } = aborting
  const call = phd.call('wait', { target: 'web', state: 'FATAL' }, { signal }).catch((e: unknown) => e)
  const events = collected(phd.events({ signal }))
  const logs = collected(phd.logs('web', { follow: true, signal }))
  await phd.call('ping')
  aborting.abort(why)
  assert.deepEqual(await within('the ends', Promise.all([call, events.over, logs.over])), [why, why, why])
  assert.deepEqual((await phd.call('status'))[0]?.program, 'web', 'the connection serves on')
  const denied = await failure(phd.call('stop', { target: 'nope' }))
  assert.deepEqual([denied.code, denied.data.known], ['PH_NOT_FOUND', ['web']])
  const refused = await failure(phd.logs('nope').next())
  assert.equal(refused.code, 'PH_NOT_FOUND')

  for await (const event of phd.events({ since: 0 })) {
    assert.ok('seq' in event)
    break
  }
  await master.stop()
  const begun = performance.now()
  assert.equal((await failure(phd.call('ping'))).code, 'PH_NO_MASTER')
  assert.ok(performance.now() - begun >= 90)
  const waiting = collected(phd.events({ signal: AbortSignal.timeout(50) }))
  assert.equal(((await waiting.over) as Error).name, 'TimeoutError')
  assert.match(
    (await failure(connect(master.socket))).message,
    /^cannot reach a master at .*: there is no such socket$/,
  )
})
