// Questions to the supervisor: round trips, many at once, and the command that people type, as a whole process.

import { execFileSync, spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Client, connect } from '../../src/api/client.ts'
import { needs } from '../peers/peer.ts'
import { phd } from '../peers/phd.ts'
import { pm2, pm2Env } from '../peers/pm2.ts'
import { supervisord } from '../peers/supervisord.ts'
import { xmlRpc } from '../peers/xmlrpc.ts'
import { allRun, elapsed, folder, idleProcesses, print, root, startMaster } from '../tools.ts'
import { witnessIn } from '../witness.ts'

/** Rates of calls one by one: interleaved rounds of half a second each. */
async function oneByOne(asked: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  const rates = new Map<string, number[]>()
  for (let round = 0; round < 6; round++) {
    for (const [label, ask] of Object.entries(asked)) {
      const from = process.hrtime.bigint()
      let calls = 0
      while (elapsed(from) < 500) {
        await ask()
        calls++
      }
      // The first round warms both ends up.
      if (round > 0) rates.set(label, [...(rates.get(label) ?? []), calls / (elapsed(from) / 1000)])
    }
  }
  for (const [label, values] of rates) print(`calls: ${label}, one by one`, 'calls/s', values)
}

export async function calls(): Promise<void> {
  const witness = witnessIn(folder)
  if (witness === null) {
    process.stdout.write('calls: skipped, there is no C compiler\n')
    return
  }
  const places = { phd: join(folder, 'c-phd'), supervisord: join(folder, 'c-s'), pm2: join(folder, 'c-p') }
  const ours = await phd.start(places.phd, 100, witness)
  const theirs = supervisord.missing() === null ? await supervisord.start(places.supervisord, 100, witness) : null
  const third = pm2.missing() === null ? await pm2.start(places.pm2, 100, witness) : null
  await witness.next([ours, theirs, third].filter((one) => one !== null).length * 100)
  const client = await connect(join(places.phd, 'phd.sock'))
  await allRun(client)
  const xml = theirs ? xmlRpc(join(places.supervisord, 's.sock')) : null
  const axon = third ? await axonRpc(join(places.pm2, 'home/rpc.sock')) : null
  await oneByOne({
    'ping, phd': () => client.call('ping', {}),
    ...(xml ? { 'getState, supervisord': () => xml.call('supervisor.getState') } : {}),
    ...(axon ? { 'getVersion, PM2': () => axon.call('getVersion') } : {}),
    'status of 100, phd': () => client.call('status', {}),
    ...(xml ? { 'getAllProcessInfo of 100, supervisord': () => xml.call('supervisor.getAllProcessInfo') } : {}),
    ...(axon ? { 'getMonitorData of 100, PM2': () => axon.call('getMonitorData') } : {}),
  })
  await pipelined('ping, 20,000 in flight, phd', 20_000, () => client.call('ping', {}))
  if (axon) await pipelined('getVersion, 2,000 in flight, PM2', 2_000, () => axon.call('getVersion'))
  const many = await Promise.all(Array.from({ length: 100 }, () => connect(join(places.phd, 'phd.sock'))))
  await pipelined('ping, 100 connections one by one each, phd', 20_000, undefined, many)
  for (const one of many) one.close()
  await wholeProcess({
    'node -e 0': [process.execPath, '-e', '0'],
    'phctl status, 100': [
      process.execPath,
      join(root, 'dist/bin/phctl.cjs'),
      '-s',
      join(places.phd, 'phd.sock'),
      'status',
    ],
    ...(theirs
      ? { 'supervisorctl status, 100': ['supervisorctl', '-c', join(places.supervisord, 'supervisord.conf'), 'status'] }
      : {}),
    ...(third ? { 'pm2 ls, 100': ['env', `PM2_HOME=${pm2Env(places.pm2).PM2_HOME}`, 'pm2', 'ls'] } : {}),
  })
  client.close()
  xml?.close()
  axon?.close()
  for (const one of [ours, theirs, third]) await one?.end()
  witness.close()
  await statusOf(1_000)
  await whileStarting(500)
}

async function pipelined(
  label: string,
  count: number,
  ask: (() => Promise<unknown>) | undefined,
  many: readonly Client[] = [],
): Promise<void> {
  const rates: number[] = []
  for (let run = 0; run < 5; run++) {
    const from = process.hrtime.bigint()
    if (ask) await Promise.all(Array.from({ length: count }, ask))
    else {
      await Promise.all(
        many.map(async (one) => {
          for (let n = 0; n < count / many.length; n++) await one.call('ping', {})
        }),
      )
    }
    rates.push(count / (elapsed(from) / 1000))
  }
  print(`calls: ${label}`, 'calls/s', rates)
}

/** The commands that people type, from exec to exit, in turn. */
async function wholeProcess(commands: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const times = new Map<string, number[]>()
  for (let round = 0; round < 15; round++) {
    for (const [label, [command = '', ...args]] of Object.entries(commands)) {
      const from = process.hrtime.bigint()
      spawnSync(command, args, { stdio: 'ignore' })
      times.set(label, [...(times.get(label) ?? []), elapsed(from)])
    }
  }
  for (const [label, values] of times) print(`command: ${label}`, 'ms', values)
}

async function statusOf(count: number): Promise<void> {
  const master = await startMaster(idleProcesses(count))
  await allRun(master.client)
  await oneByOne({ [`status of ${count}, phd`]: () => master.client.call('status', {}) })
  await master.end()
}

async function whileStarting(count: number): Promise<void> {
  const master = await startMaster(idleProcesses(count))
  const values: number[] = []
  let over = false
  const all = allRun(master.client).then(() => {
    over = true
  })
  const client = await connect(join(master.base, 'phd.sock'))
  while (!over) {
    const from = process.hrtime.bigint()
    await client.call('ping', {})
    values.push(elapsed(from))
    await new Promise((next) => setTimeout(next, 2))
  }
  await all
  client.close()
  print(`calls: ping while ${count} processes start`, 'ms', values)
  await master.end()
}

interface Axon {
  call(method: string): Promise<unknown>
  close(): void
}

/** PM2's own client for its daemon, from where PM2 is installed. */
async function axonRpc(socket: string): Promise<Axon> {
  if (needs('pm2') !== null) throw new Error('cannot ask PM2: it is not here')
  const pm2Path = realpathSync(execFileSync('sh', ['-c', 'command -v pm2'], { encoding: 'utf8' }).trim())
  const load = createRequire(pm2Path)
  const axon = load('../modules/pm2-axon') as { socket(kind: string): { connect(path: string): void; close(): void } }
  const rpc = load('../modules/pm2-axon-rpc') as {
    Client: new (s: object) => { call(method: string, args: object, done: (e: unknown, value: unknown) => void): void }
  }
  const requests = axon.socket('req')
  const client = new rpc.Client(requests)
  requests.connect(socket)
  return {
    call: (method) =>
      new Promise((resolve, reject) => client.call(method, {}, (e, value) => (e ? reject(e) : resolve(value)))),
    close: () => requests.close(),
  }
}
