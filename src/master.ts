// A running master: its parts made, joined and begun, and taken down in order at the end. Decides
// nothing: what an event means is the supervisor's, what a caller may ask is control's.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { ConfigDiff } from './api/contract.ts'
import type { Config } from './config/load.ts'
import { Configuration } from './control/configuration.ts'
import { eventLog } from './control/events.ts'
import { feedEvents } from './control/feed.ts'
import { type LogReading, logsOf } from './control/logs.ts'
import { methodsOf, type Room } from './control/methods.ts'
import { Operator } from './control/operator.ts'
import { rpcServer } from './control/rpc.ts'
import { schemas } from './control/schemas.ts'
import { serveControl } from './control/server.ts'
import type { StatusFacts } from './control/status.ts'
import { endingOf } from './ending.ts'
import { messageOf } from './errors.ts'
import { adoptionFacts, type Inheritance, inherit } from './inheritance.ts'
import { watchStrangers } from './os/adopted.ts'
import { systemClock } from './os/clock.ts'
import { makeOwnFolder } from './os/folders.ts'
import { groupId } from './os/groups.ts'
import { kinOf } from './os/kin.ts'
import { hungUp, peerOf } from './os/libc-io.ts'
import { followLog } from './os/log-follow.ts'
import { growthOf } from './os/log-growth.ts'
import { lastLines } from './os/log-reader.ts'
import type { MasterLog } from './os/master-log.ts'
import { type Capture, captureOutput } from './os/output.ts'
import { removePidfile, writePidfile } from './os/pidfile.ts'
import { reap } from './os/reaper.ts'
import { systemSpawner } from './os/spawner.ts'
import { openStore } from './os/store.ts'
import { usageReader } from './os/usage.ts'
import { listenForWorkers } from './os/workers.ts'
import { packageFile, packageVersion } from './package.ts'
import { signalActions } from './signal-actions.ts'
import { launcherOf } from './supervisor/launch.ts'
import { listenToSignals } from './supervisor/signals.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { workersOf } from './supervisor/worker-launch.ts'

export interface MasterOptions {
  readonly config: Config
  readonly sections: readonly string[] | null
  readonly foreground: boolean
  readonly masterLog: MasterLog
  /** Called once, when everything has ended in order. */
  readonly ended: () => void
}

/** The caller holds the lock of run_path. Resolves when the pidfile is written and the socket answers. */
export async function runMaster(options: MasterOptions): Promise<void> {
  const { config, sections, foreground, masterLog } = options
  const { master } = config
  const { log } = masterLog
  const clock = systemClock()
  const random = Math.random
  const startedAt = clock.now()
  const post: { to: Supervisor | null } = { to: null }

  const events = eventLog(clock)
  const strangers = watchStrangers(clock, (e) => post.to?.post({ type: 'reaped', ...e }))
  const inheritance = inherit({ config, clock, log, strangers })
  const kept = inheritance?.kept ?? null
  const state = join(master.runPath, 'state')
  const store = openStore({ folder: state, version: packageVersion(), kept, trouble: recordTrouble(log) })
  const output = captureOutput({
    folder: makeOwnFolder(join(master.runPath, 'io'), 0o711),
    writers: join(state, 'writers'),
    clock,
    store,
    kept,
    trouble(facts) {
      if (facts.error === null) log.info(facts, 'log written again')
      else log.error(facts, 'cannot log')
      events.emit('log.trouble', facts)
    },
  })
  const channelPath = join(master.runPath, 'w.sock')
  const channel = listenForWorkers(channelPath, workerEvents(post, log), (fd) => peerOf(fd).pid)
  const workers = workersOf({
    channel,
    path: channelPath,
    argv: [process.execPath, packageFile('dist/src/worker/boot.js')],
    orphans: master.orphans,
    random,
  })
  const kin = kinOf({ strangers, soon: clock.soon })
  const launcher = launcherOf({
    spawner: systemSpawner(),
    output,
    workers,
    environment: { ...process.env },
    socket: master.socket,
    masterPid: process.pid,
    orphans: master.orphans,
    born: (process) => kin.born(process),
    token: () => randomBytes(16).toString('hex'),
    recorded: () => store.flush(),
  })
  const supervisor = new Supervisor({ clock, launcher, signals: kin, store, log, random })
  post.to = supervisor
  const stopReaping = reap((e) => {
    strangers.forget(e.pid)
    supervisor.post({ type: 'reaped', ...e })
  })
  const operator = new Operator(supervisor, clock)
  const failed = (e: unknown): void => log.warn({ err: messageOf(e) }, 'not all could be applied')
  const updated = (diff: ConfigDiff): void => events.emit('config.updated', { ...diff })
  const configuration = new Configuration(
    config,
    { sections, foreground, updated, failed, store },
    supervisor,
    operator,
  )
  const usage = usageReader(clock)
  const facts: StatusFacts = {
    clock,
    usage: (pid) => usage.of(pid),
    counters: (pid) => supervisor.counters(pid),
    left: (leader) => kin.countLeft(leader),
  }
  feedEvents(supervisor, events, facts)

  const end = endingOf({
    supervisor,
    output,
    channel,
    clock,
    events,
    log,
    pidfile: master.pidfile,
    store,
    stopReaping,
    ended: options.ended,
  })
  const ownLog = growthOf(clock)
  masterLog.onLine = () => ownLog.tell(master.logFile)
  const reopen = (): void => {
    try {
      masterLog.reopen()
    } catch (e) {
      // The old file is still written; the other logs are reopened all the same.
      log.error({ file: master.logFile, err: messageOf(e) }, 'cannot reopen')
      events.emit('log.trouble', { file: master.logFile, error: messageOf(e) })
    }
    ownLog.replaced(master.logFile)
    output.reopen()
    channel.reopen()
    log.info({}, 'log files reopened')
  }
  const room: Room = {
    supervisor,
    operator,
    configuration,
    clock,
    facts,
    events,
    logs: logsOf(supervisor, master.logFile, clock, logReading(output, ownLog, master.logFile)),
    version: packageVersion(),
    startedAt,
    reopen,
    level: (set) => masterLog.level(set),
    shutdown: (stopped) => end.begin('asked to shut down', stopped),
  }
  listenToSignals(
    clock,
    signalActions({ supervisor, operator, configuration, log, foreground, stop: (why) => end.begin(why), reopen }),
  )
  writePidfile(master.pidfile, process.pid)
  const server = await serveControl({
    path: master.socket,
    mode: master.socketMode,
    gid: master.socketGroup === null ? null : groupId(master.socketGroup),
    maxClients: master.maxClients,
    maxMessage: master.maxMessage,
    rpc: rpcServer({
      handlers: methodsOf(room),
      schemas,
      audit: (method, params, caller) =>
        log.info({ audit: true, method, params, uid: caller.uid, pid: caller.pid }, 'called'),
      failed: (method, error) => log.error({ method, err: error }, 'a method failed'),
    }),
    peerOf,
    hungUp,
    log: (facts, text) => log.warn(facts, text),
  }).catch((e: unknown) => {
    removePidfile(master.pidfile, process.pid)
    throw e
  })
  end.serving(server)
  events.emit('master.started', { pid: process.pid, version: room.version })
  if (inheritance) {
    supervisor.adopt(inheritance.restored)
    if (master.orphans === 'stop') endOrphans(supervisor, inheritance)
    const facts = adoptionFacts(inheritance)
    log.warn(facts, 'the last master did not end in order: its processes are taken over')
    events.emit('master.adopted', facts)
  }
  configuration.begin(kept)
}

/** Program logs grow in the capture; the master's own grows with each line of it. */
function logReading(output: Capture, own: ReturnType<typeof growthOf>, masterFile: string): LogReading {
  return {
    lastLines,
    followLog,
    onGrowth: (path, watcher) => (path === masterFile ? own.on(path, watcher) : output.onGrowth(path, watcher)),
    clear: (path) => output.clear(path),
  }
}

type Log = MasterLog['log']

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
    beat(pid, requests, errors) {
      post.to?.post({ type: 'counters', pid, counters: { requests, errors } })
      post.to?.post({ type: 'worker', pid, event: { type: 'beat' } })
    },
    recycle: (pid) => post.to?.post({ type: 'recycle', pid, why: 'max_requests' }),
    trouble: (text) => log.warn({}, text),
  }
}

/** With orphans = stop nothing of an earlier master goes on: what the kernel has not ended makes room for a new process. */
function endOrphans(supervisor: Supervisor, { restored }: Inheritance): void {
  for (const { instance, ended } of restored.flatMap((one) => one.processes)) {
    if (ended !== null || instance.wanted === 'down') continue
    supervisor.atOnce(instance.program, (desk) => desk.tell(instance, { type: 'restart' }))
  }
}
