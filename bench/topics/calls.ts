// Questions to the supervisor: round trips, many at once, and the command that people type, as a whole process.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { connect } from '../../src/api/client.ts'
import { amp, ndjson, rateOf, type Wire, xmlRpc } from '../lean.ts'
import { phd } from '../peers/phd.ts'
import { pm2, pm2Env } from '../peers/pm2.ts'
import { supervisord } from '../peers/supervisord.ts'
import { allRun, elapsed, folder, idleProcesses, print, root, startMaster } from '../tools.ts'
import { witnessIn } from '../witness.ts'

interface Question {
  readonly label: string
  readonly wire: Wire
  readonly socket: string
  readonly method: string
  readonly connections?: number
  readonly depth?: number
}

/** Answers a second: rounds of half a second each, in turn. */
async function rates(questions: readonly Question[]): Promise<void> {
  const told = new Map<string, number[]>()
  for (let round = 0; round < 6; round++) {
    for (const { label, wire, socket, method, ...how } of questions) {
      const rate = await rateOf(wire, socket, method, how)
      // The first round warms both ends up.
      if (round > 0) told.set(label, [...(told.get(label) ?? []), rate])
    }
  }
  for (const [label, values] of told) print(`calls: ${label}`, 'calls/s', values)
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
  client.close()
  const ping = { label: 'ping, phd', wire: ndjson, socket: join(places.phd, 'phd.sock'), method: 'ping' }
  const s = { label: 'getState, supervisord', wire: xmlRpc, socket: join(places.supervisord, 's.sock') }
  const p = { label: 'getVersion, PM2', wire: amp, socket: join(places.pm2, 'home/rpc.sock'), method: 'getVersion' }
  await rates([
    ping,
    ...(theirs ? [{ ...s, method: 'supervisor.getState' }] : []),
    ...(third ? [p] : []),
    ...[10, 100, 1_000].flatMap((depth) => [
      { ...ping, label: `ping, ${depth} in flight, phd`, depth },
      ...(third ? [{ ...p, label: `getVersion, ${depth} in flight, PM2`, depth }] : []),
    ]),
    { ...ping, label: 'ping, 100 connections one by one each, phd', connections: 100 },
    ...(third ? [{ ...p, label: 'getVersion, 100 connections one by one each, PM2', connections: 100 }] : []),
    { ...ping, label: 'status of 100, phd', method: 'status' },
    ...(theirs
      ? [{ ...s, label: 'getAllProcessInfo of 100, supervisord', method: 'supervisor.getAllProcessInfo' }]
      : []),
    ...(third ? [{ ...p, label: 'getMonitorData of 100, PM2', method: 'getMonitorData' }] : []),
  ])
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
  for (const one of [ours, theirs, third]) await one?.end()
  witness.close()
  await statusOf(1_000)
  await whileStarting(500)
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
  const socket = join(master.base, 'phd.sock')
  await rates([{ label: `status of ${count}, phd`, wire: ndjson, socket, method: 'status' }])
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
