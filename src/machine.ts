// The lower half of a master: what deals with Linux, and the supervisor that decides, joined. What an
// earlier master or program has left is taken over here, before the socket speaks.

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Config } from './config/load.ts'
import { type Events, eventLog } from './control/events.ts'
import { feedEvents } from './control/feed.ts'
import type { MetricsParts } from './control/metrics.ts'
import type { StatusFacts } from './control/status.ts'
import { totalsOf } from './control/totals.ts'
import type { Clock } from './core/ports.ts'
import type { Event } from './core/state.ts'
import { type Inheritance, inherit, isOurChild } from './inheritance.ts'
import { leasesBy } from './leases.ts'
import { abilities, type Feature, without } from './os/abilities.ts'
import { watchStrangers } from './os/adopted.ts'
import { capturedBytes } from './os/captured.ts'
import { cgroupsOf } from './os/cgroups.ts'
import { busySeconds, systemClock } from './os/clock.ts'
import { type Errands, errandsIn } from './os/errands.ts'
import { watchFiles } from './os/files.ts'
import { makeOwnFolder } from './os/folders.ts'
import type { Received } from './os/handover.ts'
import { type Ears, listenForHeralds } from './os/heralds.ts'
import { systemAccounts } from './os/identity.ts'
import { kinOf } from './os/kin.ts'
import { peerOf } from './os/libc-io.ts'
import { type SystemListeners, systemListeners } from './os/listeners.ts'
import type { MasterLog } from './os/master-log.ts'
import { type Capture, captureOutput } from './os/output.ts'
import { probesOf } from './os/probes.ts'
import { reap } from './os/reaper.ts'
import { type SystemSingleLocks, singleLocks } from './os/single-lock.ts'
import { systemSpawner } from './os/spawner.ts'
import { type Journal, openStore } from './os/store.ts'
import { usageReader } from './os/usage.ts'
import { listenForWorkers, type WorkerChannel } from './os/workers.ts'
import { packageFile, packageVersion } from './package.ts'
import { nextRun } from './schedule.ts'
import type { Desk } from './supervisor/desk.ts'
import { launcherOf } from './supervisor/launch.ts'
import type { Leases } from './supervisor/leases.ts'
import { limitMemory } from './supervisor/memory-limit.ts'
import { tellStandby } from './supervisor/standby.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { reloadOnChange } from './supervisor/watching.ts'
import { workersOf } from './supervisor/worker-launch.ts'

export interface MachineOptions {
  readonly config: Config
  readonly masterLog: MasterLog
  readonly handover: Received | null
  /** Sockets that systemd has opened for us, by key. */
  readonly activated: Readonly<Record<string, number>>
}

export interface Machine {
  readonly clock: Clock
  readonly events: Events
  readonly store: Journal
  readonly output: Capture
  readonly listeners: SystemListeners
  readonly channel: WorkerChannel
  readonly errands: Errands
  readonly heralds: Pick<Ears, 'handOver' | 'close'>
  readonly single: Pick<SystemSingleLocks, 'handOver'>
  readonly leases: Pick<Leases, 'settled'>
  readonly supervisor: Supervisor
  readonly facts: StatusFacts
  /** What a scrape wants beside these. */
  readonly measured: Pick<MetricsParts, 'totals' | 'cpuSeconds' | 'busySeconds' | 'captured'>
  readonly inheritance: Inheritance | null
  /** The master's own environment, as processes inherit it. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What this machine can do beyond the least. */
  readonly features: readonly Feature[]
  stopReaping(): void
}

type Log = MasterLog['log']

export function makeMachine({ config, masterLog, handover, activated }: MachineOptions): Machine {
  const { master } = config
  const { log } = masterLog
  const features = abilities(process.env.PATH)
  for (const [feature, means] of Object.entries(without)) {
    if (!features.includes(feature as Feature)) log.warn({ feature, means }, 'not available on this machine')
  }
  const clock = systemClock()
  const random = Math.random
  const environment = { ...process.env }
  const post: { to: Supervisor | null } = { to: null }

  const events = eventLog(clock, handover?.seq)
  const strangers = watchStrangers(clock, (e) => post.to?.post({ type: 'reaped', ...e }))
  const { instance } = config
  const { runPath, socket } = master
  const at = (program: string, act: (desk: Desk) => void): void => {
    if (post.to?.programs.get(program)?.removed === false) post.to.atOnce(program, act) // else it wants none any more
  }
  const single = singleLocks({
    folder: join(master.commonPath, 'state', 'single'),
    self: { instance, pid: process.pid, runPath, socket },
    handed: handover?.singles ?? {},
    clock,
    news: (program, standing) => at(program, (desk) => tellStandby(desk, standing)),
    log: (facts, text) => log.warn(facts, text),
  })
  const inheritance = inherit({ config, clock, log, strangers, single })
  const kept = inheritance?.kept ?? null
  const state = join(master.runPath, 'state')
  const leases = leasesBy({ clock, instance, state, socket, log, kept, isThere: () => post.to !== null, at })
  const store = openStore({ folder: state, version: packageVersion(), clock, kept, trouble: recordTrouble(log) })
  const captured = capturedBytes()
  const output = captureOutput({
    captured,
    folder: makeOwnFolder(join(master.runPath, 'io'), 0o711),
    writers: join(state, 'writers'),
    clock,
    store,
    kept,
    readers: handover?.streams ?? {},
    trouble(facts) {
      if (facts.error === null) log.info(facts, 'log written again')
      else log.error(facts, 'cannot log')
      events.emit('log.trouble', facts)
    },
  })
  const listeners = systemListeners({
    store,
    kept: kept?.listener ?? null,
    handed: handover?.listeners ?? activated,
    log: (facts, text) => log.warn(facts, text),
  })
  const channelPath = join(master.runPath, 'w.sock')
  const channel = listenForWorkers(channelPath, workerEvents(post, log), (fd) => peerOf(fd).pid)
  const workers = workersOf({
    channel,
    argv: [process.execPath, packageFile('dist/src/worker/boot.js')],
    orphans: master.orphans,
    random,
  })
  const errands = errandsIn(state, clock)
  const kin = kinOf({ strangers, clock, again: () => post.to?.post({ type: 'look' }) })
  const said = (pid: number, event: Event): void => post.to?.post({ type: 'worker', pid, event })
  const heralds = listenForHeralds({
    folder: makeOwnFolder(join(master.runPath, 'n'), 0o711),
    clock,
    tokens: [...(kept?.process.values() ?? [])].map(({ token }) => token),
    open: handover?.heralds ?? {},
    said,
    noted: (facts, text) => log.warn(facts, text),
  })
  const spawner = systemSpawner()
  const cgroups = cgroupsOf({ runPath: master.runPath })
  const probes = probesOf({ clock, spawner, said })
  const launcher = launcherOf({
    accounts: systemAccounts,
    cgroups,
    spawner,
    output,
    workers,
    listeners,
    heralds,
    probes,
    said,
    environment,
    socket: master.socket,
    masterPid: process.pid,
    orphans: master.orphans,
    born: (process, made) => kin.born({ ...process, child: made || isOurChild(process) }),
    fence: (program) => leases.fence(program),
    token: () => randomUUID().replaceAll('-', ''), // unlike randomBytes, random numbers for many at a time
    recorded: () => store.flush(),
  })
  const signals = cgroups.around(kin)
  const supervisor = new Supervisor({
    clock,
    launcher,
    listeners,
    signals,
    single,
    leases,
    store,
    log,
    random,
    nextRun,
  })
  post.to = supervisor
  const usage = usageReader(clock)
  const facts: StatusFacts = {
    clock,
    usage: (pid) => usage.of(pid),
    counters: (pid) => supervisor.counters(pid),
    left: (leader) => Math.max(kin.countLeft(leader), cgroups.count(leader)),
  }
  const measured = {
    totals: totalsOf(supervisor, clock),
    cpuSeconds: (pid: number) => usage.of(pid).cpuSeconds,
    captured: captured.of,
    busySeconds,
  }
  feedEvents(supervisor, events, facts)
  limitMemory({ supervisor, clock, memoryOf: (pid) => usage.of(pid).memory })
  const own = [master.runPath, master.socket, master.pidfile, ...(master.logFile === null ? [] : [master.logFile])]
  reloadOnChange({ supervisor, clock, log, own, watchFiles })
  // Before anybody is reaped: the ends of children that came with an upgrade must find their instances.
  if (inheritance) supervisor.adopt(inheritance.restored)
  const stopReaping = reap(clock, (all) => {
    output.look() // whoever is told that a process has ended finds its last words in its log
    for (const { pid } of all) strangers.forget(pid)
    const others = all.filter((e) => !errands.ended(e) && !probes.ended(e))
    supervisor.post(...others.map((e) => ({ type: 'reaped', ...e }) as const))
  })
  const notices = {
    handOver() {
      probes.abandon()
      return heralds.handOver()
    },
    close: () => heralds.close(),
  }
  const world = { clock, events, store, output, listeners, channel, errands, heralds: notices, single, leases }
  return { ...world, supervisor, facts, measured, inheritance, environment, features, stopReaping }
}

const recordTrouble =
  (log: Log) =>
  (error: string | null): void => {
    if (error === null) log.info({}, 'the record is written again')
    else
      log.error({ err: error }, 'cannot write the record: were the master killed now, the next one would not know all')
  }

/** Workers' words, as mails. */
function workerEvents(post: { readonly to: Supervisor | null }, log: Log): Parameters<typeof listenForWorkers>[1] {
  return {
    ready: (pid) => post.to?.post({ type: 'worker', pid, event: { type: 'ready' } }),
    bootFailed: (pid, text) => post.to?.post({ type: 'worker', pid, event: { type: 'said', text } }),
    beat(pid, counters) {
      post.to?.post({ type: 'counters', pid, counters })
      post.to?.post({ type: 'worker', pid, event: { type: 'beat' } })
    },
    recycle: (pid) => post.to?.post({ type: 'recycle', pid, why: 'max_requests' }),
    trouble: (text) => log.warn({}, text),
  }
}
