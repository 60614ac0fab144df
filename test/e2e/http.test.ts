// HTTP on the socket of a real master, asked by curl: calls, pages and metrics, and who may do what.

import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { test } from 'node:test'
import { curl, needsCurl as skip } from '../helpers/curl.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { type MetricsRead, readMetrics } from '../helpers/prometheus.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { fixture, missing, needsRoot, sceneOf, until } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`
const url = 'http://phd'
const call = (method: string, params: object = {}, id: number | null = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', ...(id === null ? {} : { id }), method, params })

interface Answered {
  readonly id: unknown
  readonly result?: unknown
  readonly error?: { readonly code: number }
}
const json = (text: string): Answered => JSON.parse(text) as Answered

test('calls by POST: one, a batch, notifications, junk; the change is in the log with the pid of curl', {
  skip,
}, async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const post = (body: string, ...more: string[]) => curl(master.socket, [...more, '--data-binary', body, `${url}/`])
  const pong = await post(call('ping'))
  assert.deepEqual(
    [pong.status, pong.headers['content-type'], json(pong.body)],
    [200, 'application/json', { jsonrpc: '2.0', id: 1, result: 'pong' }],
  )
  const stopped = await curl(master.socket, [
    '-H',
    'Content-Type: application/json',
    '-d',
    call('stop', { target: 'web:1' }),
    `${url}/rpc`,
  ])
  assert.equal((json(stopped.body).result as { ok: boolean }).ok, true)
  assert.equal((await master.process('web:1')).state, 'STOPPED')
  const audit = await master.logged('the audit line', (line) => line.audit === true && line.method === 'stop')
  assert.equal(audit.uid, process.getuid?.())
  assert.ok(Number(audit.pid) > 1 && audit.pid !== process.pid)

  const batch = await post(`[${call('ping', {}, 1)},${call('nope', {}, 2)},${call('ping', {}, null)}]`)
  assert.deepEqual(
    (json(batch.body) as unknown as Answered[]).map(({ id, error }) => [id, error?.code]),
    [
      [1, undefined],
      [2, -32601],
    ],
  )
  const silent = await post(call('start', { target: 'web:1' }, null))
  assert.deepEqual([silent.status, silent.body], [204, ''])
  await until('its start', async () => (await master.process('web:1')).state === 'RUNNING')
  for (const [body, code] of [
    ['{', -32700],
    ['', -32700],
    ['{}', -32600],
    ['['.repeat(500), -32008],
    [call('events'), -32002],
    [call('logs', { target: 'web', follow: true }), -32002],
  ] as const) {
    const { status, body: text } = await post(body)
    assert.deepEqual([status, json(text).error?.code], [200, code], body.slice(0, 20))
  }
  const logs = await post(call('logs', { target: 'master', lines: 2 }))
  assert.equal((json(logs.body).result as { lines: unknown[] }).lines.length, 2)
})

test('paths, methods and types of bodies; what a browser or an old script sends', { skip }, async (t) => {
  const master = await startMaster(t, web)
  const ask = async (...args: string[]) => {
    const { status, headers, body } = await curl(master.socket, args)
    return { status, allow: headers.allow, headers, body }
  }
  assert.deepEqual((await ask(`${url}/healthz?x=1`)).body, 'ok\n')
  const head = await ask('-I', `${url}/healthz`)
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '3', ''])
  assert.equal((await ask('-I', `${url}/metrics`)).status, 200)
  assert.equal((await ask(`${url}/healthz`, '--http1.0')).status, 200)
  for (const [args, status, allow] of [
    [[`${url}/`], 405, 'POST'],
    [['-X', 'PUT', '-d', 'x', `${url}/rpc`], 405, 'POST'],
    [['-d', '{}', `${url}/metrics`], 405, 'GET, HEAD'],
    [['-X', 'OPTIONS', `${url}/rpc`], 405, 'POST'],
    [[`${url}/../etc/passwd`, '--path-as-is'], 404, undefined],
    [[`${url}/__proto__`], 404, undefined],
  ] as const) {
    const answer = await ask(...args)
    assert.deepEqual([answer.status, answer.allow], [status, allow], args.join(' '))
    assert.match(answer.body, /^cannot [A-Z]+ \//)
  }
  for (const [type, status] of [
    ['application/json; charset=utf-8', 200],
    ['application/json-rpc', 200],
    ['text/plain', 200],
    ['application/xml', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/json; charset=utf-16', 415],
  ] as const)
    assert.equal((await ask('-H', `Content-Type: ${type}`, '-d', call('ping'), `${url}/`)).status, status, type)
  assert.equal((await ask('-H', 'Content-Encoding: gzip', '-d', 'x', `${url}/`)).status, 415)
  const { body, headers } = await ask(`${url}/openrpc.json`)
  assert.equal(headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(body), await master.call('rpc.discover', {}))
  // A large body with Expect, in chunks; two requests on one connection.
  const large = call('ping').padEnd(900_000)
  const file = master.scene.write('large.json', large)
  for (const more of [[], ['-H', 'Transfer-Encoding: chunked']])
    assert.equal(json((await ask(...more, '--data-binary', `@${file}`, `${url}/`)).body).result, 'pong')
  const raw = await rawSocket(master.socket)
  // As a proxy asks; and as the first HTTP asked, which ends the connection.
  raw.send(`\r\nGET http://phd/healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n`)
  assert.equal((await raw.rest()).match(/^ok$/gm)?.length, 2)
})

async function scrape(master: Master): Promise<MetricsRead> {
  const { status, headers, body } = await curl(master.socket, [`${url}/metrics`])
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
  return readMetrics(body)
}

const COUNTS = `import { SyncWorker } from 'processhandler/worker'
export default class Counts extends SyncWorker {
  handleRequest() {
    return new Promise((done) => setTimeout(done, 10))
  }
  stop() {
    console.log('handled', this.nr)
  }
}
`

test('metrics: read by a strict reader in both forms; no counter goes back when processes are replaced', {
  skip,
}, async (t) => {
  sceneOf(t).write('job.mjs', COUNTS)
  const master = await startMaster(
    t,
    `${web}[job]\nworker = job.mjs\n[bad]\ncommand = sh -c 'echo four; exit 3'\nstart_retries = 1\nbackoff_initial = 10ms\n`,
  )
  await master.call('wait', { target: ['web', 'job'], state: 'RUNNING' })
  await master.call('wait', { target: 'bad', state: 'FATAL' })
  const job = { program: 'job', name: 'job:0' }
  const first = await until('requests', async () => {
    const read = await scrape(master)
    return read.value('phd_process_state', { ...job, state: 'RUNNING' }) === 1 &&
      (read.families.get('phd_worker_requests_total')?.samples[0]?.value ?? 0) > 0
      ? read
      : null
  })
  assert.equal(first.value('phd_program_desired_processes', { program: 'web' }), 2)
  assert.equal(first.value('phd_program_running_processes', { program: 'web' }), 2)
  assert.equal(first.value('phd_program_state', { program: 'bad', state: 'FATAL' }), 1)
  assert.equal(first.value('phd_program_exits_total', { program: 'bad', kind: 'failed' }), 2)
  assert.equal(first.value('phd_program_failed_starts_total', { program: 'bad' }), 2)
  assert.equal(first.value('phd_program_log_bytes_total', { program: 'bad', stream: 'stdout' }), 10)
  assert.equal(first.value('phd_process_last_exit_code', { program: 'bad', name: 'bad:0' }), 3)
  assert.ok(first.value('phd_process_resident_memory_bytes', job) > 10_000_000)
  assert.ok(first.value('phd_process_cpu_seconds_total', job) > 0.01)
  assert.equal(first.value('phd_calls_total', { method: 'wait', result: 'ok' }), 2)
  const { startedAt } = await master.process('web:0')
  assert.equal(
    first.value('phd_process_start_time_seconds', { program: 'web', name: 'web:0' }),
    Date.parse(startedAt ?? '') / 1000,
  )

  process.kill((await master.process('web:0')).pid ?? 0, 'SIGKILL')
  await until('its successor', async () => (await master.process('web:0')).restarts === 1)
  await master.call('stop', { target: 'job' })
  const handled = await until('its last word', () => /^handled (\d+)$/.exec(master.lines('job.log').at(-1) ?? '')?.[1])
  assert.equal((await scrape(master)).value('phd_worker_requests_total', job), Number(handled))
  await master.call('start', { target: 'job' })
  await master.call('reload', { target: 'job' })
  await master.call('scale', { program: 'web', workers: 1 })
  const second = await scrape(master)
  for (const [name, { type, samples }] of first.families) {
    if (type !== 'counter') continue
    for (const sample of samples) {
      if (sample.labels.name === 'web:1') continue
      const now = second.value(name, sample.labels)
      assert.ok(now >= sample.value, `${name}${JSON.stringify(sample.labels)}: ${sample.value} -> ${now}`)
    }
  }
  assert.equal(second.value('phd_process_restarts_total', { program: 'web', name: 'web:0' }), 1)
  assert.equal(second.value('phd_program_exits_total', { program: 'web', kind: 'signal' }), 1)
  assert.equal(second.value('phd_program_reloads_total', { program: 'job', result: 'ok' }), 1)
  assert.ok(second.value('phd_worker_requests_total', job) >= first.value('phd_worker_requests_total', job))
  const names = [...second.families.values()].flatMap(({ samples }) => samples.map(({ labels }) => labels.name))
  assert.ok(!names.includes('web:1'), 'of a slot that is gone there are no series')

  const open = await curl(master.socket, [
    '-H',
    'Accept: application/openmetrics-text; version=1.0.0',
    `${url}/metrics`,
  ])
  assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
  assert.deepEqual(
    [...readMetrics(open.body, 'openmetrics').families.keys()],
    [...second.families].map(([name, { type }]) => (type === 'counter' ? name.replace(/_total$/, '') : name)),
  )
})

test('while the master stops /healthz says so, and calls are answered; the last one is its end', {
  skip,
}, async (t) => {
  const master = await startMaster(
    t,
    `${quick}[deaf]\ncommand = sh ${fixture('ignore-term.sh')}\ngraceful_timeout = 1s\n`,
  )
  await until('its trap', () => master.lines('deaf.log').length > 0)
  assert.equal((await curl(master.socket, [`${url}/healthz`])).status, 200)
  const end = curl(master.socket, ['-d', call('shutdown'), `${url}/`])
  await master.state('deaf:0', 'STOPPING')
  const health = await curl(master.socket, [`${url}/healthz`])
  assert.deepEqual([health.status, health.body], [503, 'stopping\n'])
  assert.equal((await scrape(master)).value('phd_stopping'), 1)
  assert.deepEqual(json((await end).body).result, { ok: true })
  assert.equal((await master.ended).code, 0)
})

test('upgrade and kill -9: the call is answered before, the next program and the next master answer after it', {
  skip,
}, async (t) => {
  const master = await startMaster(t, web)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const { pid } = await master.process('web:0')
  const { body } = await curl(master.socket, ['-d', call('upgrade'), `${url}/`])
  assert.deepEqual(json(body).result, { ok: true })
  const read = await until('the new program', async () => {
    const found = await scrape(master)
    return found.value('phd_upgrades_total') === 1 && found
  })
  assert.equal(read.value('phd_process_ready', { program: 'web', name: 'web:0' }), 1)
  assert.equal((await master.process('web:0')).pid, pid)
  await master.murder()
  const next = await startMaster(t, web)
  next.scene.mayLeave(false)
  const adopted = await scrape(next)
  assert.equal(adopted.value('phd_program_running_processes', { program: 'web' }), 2)
  assert.equal((await next.process('web:0')).pid, pid)
})

test('strangers get 403, observers look and may not change; one client too many gets 503', {
  skip: skip || needsRoot || missing('setpriv'),
}, async (t) => {
  const [OBSERVER, STRANGER] = [54322, 54323]
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  const master = await startMaster(
    t,
    `${quick}[master]\nobserve = ${OBSERVER}\nmax_clients = 3\n[job]\ncommand = sleep 600\n`,
  )
  const as = (uid: number, ...args: string[]) =>
    curl(master.socket, args, ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'])
  assert.equal((await as(STRANGER, `${url}/healthz`)).status, 403)
  const denied = await as(STRANGER, '-d', call('ping'), `${url}/`)
  assert.deepEqual([denied.status, json(denied.body).error?.code], [403, -32005])
  for (const path of ['healthz', 'metrics', 'openrpc.json'])
    assert.equal((await as(OBSERVER, `${url}/${path}`)).status, 200, path)
  assert.equal(json((await as(OBSERVER, '-d', call('status'), `${url}/`)).body).error, undefined)
  const stop = await as(OBSERVER, '-d', call('stop', { target: 'job' }), `${url}/`)
  assert.deepEqual([stop.status, json(stop.body).error?.code], [200, -32005])
  assert.equal((await master.process('job:0')).wanted, 'up')
  assert.ok(master.log.some((line) => line.msg === 'denied' && line.method === 'stop' && line.uid === OBSERVER))

  const others = [await rawSocket(master.socket), await rawSocket(master.socket)]
  for (const one of others) assert.equal((await one.call('ping')).result, 'pong')
  const full = await curl(master.socket, [`${url}/healthz`])
  assert.deepEqual([full.status, json(full.body).error?.code], [503, -32008])
  for (const { socket } of others) socket.destroy()
  await until('a free place', async () => (await curl(master.socket, [`${url}/healthz`])).status === 200)
})
