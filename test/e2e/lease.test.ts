// Programs that run under one of many masters by a lease in etcd. Each test has an etcd and masters of its own, whose
// only common things are etcd and the file in which the processes themselves say that they run.

import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { longestGap, needsEtcd, startEtcd, wayTo, witnessed } from '../helpers/etcd.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { environmentOf, lives } from '../helpers/proc.ts'
import { fixture, sceneOf, until } from '../helpers/scene.ts'

interface Wish {
  readonly port: number
  readonly lease?: number
  readonly more?: string
  readonly how?: string
}

const ini = (t: TestContext, { port, lease = 3, more = 'graceful_timeout = 0\n', how = '' }: Wish): string =>
  `${quick}[web]\ncommand = sh ${fixture('fenced.sh')} ${sceneOf(t).path('witness')} ${how}\n` +
  `single_instance = etcd://127.0.0.1:${port}/phd/web\nlease = ${lease}s\n${more}`

const host = (t: TestContext, name: string, text: string): Promise<Master> =>
  startMaster(t, text, { config: `${name}/config.ini` })

const witness = (t: TestContext): ReturnType<typeof witnessed> => witnessed(sceneOf(t), 'witness')
const lastStamp = (t: TestContext): number => witness(t).at(-1)?.to ?? 0

/** Another than the last runs it, and no longer than `ms` was nobody's. */
async function handedOver(t: TestContext, since: number, ms: number): Promise<void> {
  await until('a next holder', () => (witness(t).at(-1)?.fence ?? 0) > since)
  const runs = witness(t)
  const gap = longestGap(runs.slice(-2))
  assert.ok(gap <= ms, `nobody ran it for ${Math.round(gap)} ms, at most ${ms} were promised`)
}

const fenceNow = (t: TestContext): number => witness(t).at(-1)?.fence ?? 0

/** By the clock of the witnesses: the time of the start of a program that looks at it, and of a slow machine. */
const START_MS = 500

async function pair(t: TestContext, first: string, second = first): Promise<[Master, Master]> {
  const a = await host(t, 'a', first)
  await a.state('web:0', 'RUNNING')
  await until('its witness', () => witness(t).length > 0)
  const b = await host(t, 'b', second)
  await b.state('web:0', 'STANDBY')
  return [a, b]
}

describe('a lease in etcd', { concurrency: true, skip: needsEtcd }, () => {
  test('three masters, twenty handovers in order', async (t) => {
    const { port } = await startEtcd(t)
    const text = ini(t, { port, lease: 30, more: 'graceful_timeout = 1\n' })
    const masters = await Promise.all(['a', 'b', 'c'].map((name) => host(t, name, text)))
    for (let n = 0; n < 20; n++) {
      const holder = await until('a holder', async () => {
        const states = await Promise.all(masters.map(async (m) => (await m.process('web:0')).state))
        return states.filter((s) => s === 'STANDBY').length === 2 ? masters[states.indexOf('RUNNING')] : null
      })
      const since = await until('its witness', () => (witness(t).length > n ? fenceNow(t) : 0))
      if (n === 0) {
        const { reason, standbyOf } = await (masters.find((m) => m !== holder) as Master).process('web:0')
        assert.match(`${standbyOf}|${reason}`, new RegExp(`^(.+ \\(pid ${holder.pid}\\))\\|\\1 runs it$`))
        assert.equal(environmentOf((await holder.process('web:0')).pid ?? 0).PHD_FENCE, String(since))
      }
      await holder.call('stop', { target: 'web' })
      await handedOver(t, since, 1000 + START_MS)
      await holder.call('start', { target: 'web' })
    }
    // The end of a master is an orderly stop, too.
    for (const [at, master] of masters.entries()) {
      const { state } = await master.process('web:0')
      const since = fenceNow(t)
      await master.stop()
      if (state === 'RUNNING' && at < 2) await handedOver(t, since, 1000 + START_MS)
    }
    t.diagnostic(`longest gap ${Math.round(longestGap(witness(t)))} ms`)
  })

  test('kill -9 of the holder: its next master goes on where it comes in time; else another does', async (t) => {
    const { port } = await startEtcd(t)
    const text = ini(t, { port, lease: 6 })
    const [a, b] = await pair(t, text)
    const { pid } = await a.process('web:0')
    await a.call('upgrade', {})
    await until('the upgraded holder', () =>
      a.call('info', {}).then(
        (i) => i.upgrades === 1,
        () => false,
      ),
    )
    await a.murder()
    const again = await host(t, 'a', text)
    const stamp = lastStamp(t)
    await until('more than a lease', () => lastStamp(t) > stamp + 6.5)
    assert.deepEqual([(await again.process('web:0')).pid, witness(t).length], [pid, 1])
    assert.equal((await b.process('web:0')).state, 'STANDBY')
    const since = fenceNow(t)
    await again.murder()
    await handedOver(t, since, 7000 + START_MS)
    assert.ok(!lives(pid ?? 0), 'nobody was there to end it but its guard')
    const back = await host(t, 'a', text)
    back.scene.mayLeave(false)
    await back.state('web:0', 'STANDBY')
  })

  test('SIGSTOP of the holder past its lease: its process is ended all the same, deaf or not', async (t) => {
    const { port } = await startEtcd(t)
    const [a, b] = await pair(t, ini(t, { port, lease: 4, more: 'graceful_timeout = 500ms\n', how: 'ignore-term' }))
    const since = fenceNow(t)
    a.kill('SIGSTOP')
    try {
      await handedOver(t, since, 5000 + START_MS)
    } finally {
      a.kill('SIGCONT')
    }
    await a.state('web:0', 'STANDBY')
    await b.call('wait', { target: 'web', state: 'RUNNING' })
    assert.equal(witness(t).length, 2)
  })

  test('the way of the holder is cut, then etcd is restarted', async (t) => {
    const etcd = await startEtcd(t)
    const way = await wayTo(t, etcd.port)
    const more = `graceful_timeout = 500ms\npre_stop = sh -c "echo pre_stop >>${sceneOf(t).path('hooks')}"\n`
    const text = (port: number): string => ini(t, { port, lease: 4, more })
    const [a, b] = await pair(t, text(way.port), text(etcd.port))
    const since = fenceNow(t)
    way.cut()
    await handedOver(t, since, 5000 + START_MS)
    const { state, reason } = await until('words for it', async () => {
      const one = await a.process('web:0')
      return /etcd/.test(one.reason ?? '') ? one : null
    })
    assert.deepEqual(
      [state, /no answer/.test(reason ?? ''), sceneOf(t).lines('hooks')],
      ['STANDBY', true, []],
      `${reason}`,
    )
    // While etcd is away for less than a lease, nothing happens; for longer, and nobody runs it.
    const { pid } = await b.process('web:0')
    await etcd.kill()
    await etcd.start()
    const stamp = lastStamp(t)
    await until('more than a lease', () => lastStamp(t) > stamp + 4)
    assert.equal((await b.process('web:0')).pid, pid)
    await etcd.kill()
    await b.state('web:0', 'STANDBY')
    await until('words for it', async () => (await b.process('web:0')).reason?.startsWith('cannot reach etcd'))
    const shown = await b.phctl('status')
    assert.match(shown.stdout, /STANDBY +cannot reach etcd \(127\.0\.0\.1:\d+: connection refused\)/)
    await etcd.start()
    const runs = witness(t).length
    await until('the next run', () => witness(t).length > runs)
  })

  test('etcd is away at the start: STANDBY with the reason; start, stop and an update do what they say', async (t) => {
    const etcd = await startEtcd(t)
    await etcd.kill()
    const a = await host(t, 'a', ini(t, { port: etcd.port }))
    const { reason } = await a.state('web:0', 'STANDBY')
    assert.match(reason ?? '', /^cannot reach etcd \(127\.0\.0\.1:\d+: connection refused\)$/)
    assert.equal((await a.call('start', { target: 'web' })).results[0]?.state, 'STANDBY')
    await etcd.start()
    await a.call('wait', { target: 'web', state: 'RUNNING' })
    await a.call('stop', { target: 'web' })
    assert.equal((await a.call('start', { target: 'web' })).results[0]?.state, 'RUNNING', 'no way round by STANDBY')
    // Of one host instead, and back.
    const file = ini(t, { port: etcd.port })
    const local = file.replace(/single_instance = .*/, 'single_instance = true').replace(/lease = .*/, '')
    for (const [text, has] of [
      [local, false],
      [file, true],
    ] as const) {
      a.scene.write('a/config.ini', text)
      assert.equal((await a.call('update', {})).ok, true)
      const { pid, state } = await a.process('web:0')
      assert.equal(state, 'RUNNING')
      assert.equal(environmentOf(pid ?? 0).PHD_FENCE !== undefined, has)
    }
  })
})
