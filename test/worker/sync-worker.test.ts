// The job loop of SyncWorker in real processes: counters, failures, recycling, its manners.

import assert from 'node:assert/strict'
import test from 'node:test'
import { cpuTicks, masterOf } from './master.ts'

test('loop: a worker that never waits still yields: beats pass, one a second at most', async (t) => {
  const master = masterOf(t)
  const at: number[] = []
  const worker = master.spawn(master.welcomeOf('never-waits.js'))
  let seen = 0
  await master.until('four beats', () => {
    const beats = master.happenings.filter((one) => one.type === 'beat')
    for (; seen < beats.length; seen++) at.push(performance.now())
    return seen >= 4
  })
  const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0))
  for (const gap of gaps) assert.ok(gap > 700, `beats come too often: ${gaps.join(', ')} ms`)
  const requests = master.happenings.flatMap((one) => (one.type === 'beat' ? [one.requests ?? 0] : []))
  assert.deepEqual(
    requests,
    [...requests].sort((a, b) => a - b),
  )
  assert.ok((requests.at(-1) ?? 0) > 1000, `only ${requests.at(-1)} requests`)
  worker.child.kill('SIGTERM')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
})

test('loop: an idle worker is silent and uses no CPU', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('trivial.js'))
  await worker.happened('ready')
  await new Promise((resolve) => setTimeout(resolve, 500))
  const before = cpuTicks(worker.pid)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  assert.ok(cpuTicks(worker.pid) - before <= 2, `${cpuTicks(worker.pid) - before} ticks in 1.5 s`)
  assert.deepEqual(
    master.happenings.map((one) => one.type),
    ['ready', 'beat'], // it told once that it is at work
  )
})

test('loop: with beatMs an idle worker beats', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('trivial.js', { beatMs: 50 }))
  await master.until('five beats', () => master.happenings.filter((one) => one.type === 'beat').length >= 5)
  await worker.happened('beat', (beat) => beat.requests === 0 && beat.errors === 0)
})

test('loop: throws are logged with their stack and counted, the pauses double', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('always-throws.js'))
  await worker.logged('handleRequest failed', 5)
  const logs = worker.logs()
  const times = logs.map((log) => log.time)
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  for (const [i, least] of [100, 200, 400, 800].entries()) {
    const gap = gaps[i] ?? 0
    assert.ok(gap >= least - 5 && gap < least * 2 + 500, `pauses: ${gaps.join(', ')} ms`)
  }
  assert.equal(logs[0]?.name, 'AlwaysThrows')
  assert.equal(logs[0]?.level, 50)
  const err = logs[0]?.err
  assert.deepEqual([err?.type, err?.message], ['TypeError', 'no luck with 0'])
  assert.match(err?.stack ?? '', /AlwaysThrows\.handleRequest \(.*always-throws\.js:5/)
  await worker.happened('beat', (beat) => (beat.errors ?? 0) >= 4 && beat.requests === beat.errors)

  // It is in a pause of 1.6 s now, which a stop ends at once.
  const told = performance.now()
  worker.child.kill('SIGTERM')
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
  assert.ok(performance.now() - told < 1400, `the stop took ${performance.now() - told} ms`)
})

test('loop: a success ends the row of pauses', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('throws-twice-then-works.js'))
  await worker.logged('luck', 3)
  const times = worker.logs().map((log) => ({ time: log.time, msg: log.msg }))
  const lucky = times.filter((one) => one.msg === 'luck').map((one) => one.time)
  for (const [i, time] of lucky.slice(1).entries()) {
    const gap = time - (lucky[i] ?? 0)
    assert.ok(gap >= 290 && gap < 1100, `between successes: ${gap} ms (100 + 200 wanted)`)
  }
})

test('loop: at maxRequests it asks to be recycled, works on, and repeats it with each beat', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('slow-request.js', { maxRequests: 3, cfg: { request_ms: '100' } }))
  const first = await worker.happened('recycle')
  assert.equal(first.requests, 3)
  const again = await worker.happened('recycle', (one) => one !== first)
  assert.ok((again.requests ?? 0) > 3)
  const kinds = master.happenings.map((one) => one.type)
  assert.equal(kinds[kinds.lastIndexOf('recycle') - 1], 'beat')
  worker.child.kill('SIGTERM')
  assert.equal((await worker.exited()).code, 0)
})

test('loop: alive = false ends it; the last counters are told before the exit is seen', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('ends-by-itself.js'))
  assert.deepEqual(await worker.exited(), { code: 0, signal: null })
  assert.deepEqual(master.happenings.at(-1), { type: 'beat', pid: worker.pid, requests: 5, errors: 0 })
})

test('loop: what nobody awaits is logged and ends the worker with 1', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('forgets-to-await.js'))
  assert.deepEqual(await worker.exited(), { code: 1, signal: null })
  const [log, ...more] = worker.logs()
  assert.deepEqual([log?.level, log?.msg, more], [60, 'uncaught exception', []])
  assert.match(String(log?.err?.stack), /nobody waits for me\n {4}at .*forgets-to-await\.js/)
  assert.deepEqual(
    master.happenings.filter((one) => one.type === 'bootFailed'),
    [],
  )
})

test('end: a throw in stop() is logged, exit 1', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('throws-in-stop.js'))
  assert.deepEqual(await worker.exited(), { code: 1, signal: null })
  assert.deepEqual(
    worker.logs().map((log) => [log.msg, log.err?.message]),
    [['stop() threw', 'the door is stuck']],
  )
})

test('end: what console.log still holds is written before the exit', async (t) => {
  const master = masterOf(t)
  const worker = master.spawn(master.welcomeOf('floods-stdout.js'))
  worker.child.stdout?.pause()
  await worker.happened('ready')
  await new Promise((resolve) => setTimeout(resolve, 200))
  worker.child.stdout?.resume()
  assert.equal((await worker.exited()).code, 0)
  assert.ok(worker.stdout().endsWith('\n"the end"\n'), `${worker.stdout().length} bytes came`)
  assert.ok(worker.stdout().length > 1_000_000)
})
