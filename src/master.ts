// A running master: its parts made, joined and begun, and taken down in order at the end. Decides
// nothing: what an event means is the supervisor's, what a caller may ask is control's.

import type { SocketAccess } from './access.ts'
import type { ConfigDiff } from './api/contract.ts'
import type { Config } from './config/load.ts'
import { roleOf } from './control/access.ts'
import { Configuration } from './control/configuration.ts'
import { type LogReading, logsOf } from './control/logs.ts'
import { methodsOf, type Room } from './control/methods.ts'
import { callsCounted, metricsOf } from './control/metrics.ts'
import { openRpc } from './control/openrpc.ts'
import { Operator } from './control/operator.ts'
import { rpcServer } from './control/rpc.ts'
import { schemas } from './control/schemas.ts'
import { type ControlServer, serveControl } from './control/server.ts'
import type { WebServer } from './control/web.ts'
import { endingOf } from './ending.ts'
import { messageOf } from './errors.ts'
import { adoptionFacts, endOrphans } from './inheritance.ts'
import { makeMachine } from './machine.ts'
import type { Received } from './os/handover.ts'
import { systemAccounts } from './os/identity.ts'
import { isFdScarce } from './os/libc.ts'
import { hungUp, peerGroupsOf, peerOf } from './os/libc-io.ts'
import { followLog } from './os/log-follow.ts'
import { growthOf } from './os/log-growth.ts'
import { lastLines } from './os/log-reader.ts'
import type { MasterLog } from './os/master-log.ts'
import { notifierOf } from './os/notifier.ts'
import type { Capture } from './os/output.ts'
import { removePidfile, writePidfile } from './os/pidfile.ts'
import { packageVersion } from './package.ts'
import { signalActions } from './signal-actions.ts'
import { announcerOf } from './supervisor/announcing.ts'
import { listenToSignals } from './supervisor/signals.ts'
import { upgraderOf } from './upgrade.ts'
import { openWebPage } from './web.ts'

export interface MasterOptions {
  readonly config: Config
  readonly sections: readonly string[] | null
  readonly foreground: boolean
  readonly masterLog: MasterLog
  /** The descriptor that holds the lock of run_path. */
  readonly lock: number
  /** From the program that this process was before; null = a start of its own. */
  readonly handover: Received | null
  /** Sockets that systemd has opened for us, by key. */
  readonly activated: Readonly<Record<string, number>>
  readonly access: SocketAccess
  /** Called once, when everything has ended in order, with the exit code. */
  readonly ended: (code: number) => void
}

/** The caller holds the lock of run_path. Resolves when the pidfile is written and the socket answers. */
export async function runMaster(options: MasterOptions): Promise<void> {
  const { config, sections, foreground, masterLog, lock, handover, activated } = options
  const { master } = config
  const { log } = masterLog
  const machine = makeMachine({ config, masterLog, handover, activated })
  const {
    clock,
    events,
    store,
    output,
    listeners,
    channel,
    errands,
    heralds,
    single,
    supervisor,
    facts,
    measured,
    inheritance,
    environment,
  } = machine
  const startedAt = handover?.startedAt ?? clock.now()
  const operator = new Operator(supervisor, clock)
  const failed = (e: unknown): void => log.warn({ err: messageOf(e) }, 'not all could be applied')
  const updated = (diff: ConfigDiff): void => events.emit('config.updated', { ...diff })
  const configuration = new Configuration(
    config,
    { sections, foreground, updated, failed, store, accounts: systemAccounts },
    supervisor,
    operator,
  )
  const { pid, env } = process
  const serving: { server: ControlServer | null; web: WebServer | null } = { server: null, web: null }
  const notifier = notifierOf({ env, pid, clock, noted: (facts, text) => log.warn(facts, text) })
  const announcer = announcerOf({ notifier, supervisor, clock, pid })
  const end = endingOf({
    supervisor,
    output,
    listeners,
    channel,
    clock,
    events,
    announcer,
    log,
    pidfile: master.pidfile,
    web: () => serving.web,
    store,
    stopReaping: () => machine.stopReaping(),
    heralds,
    leases: machine.leases,
    exitWhen: master.exitWhen,
    ended: options.ended,
  })
  const ownLog = growthOf(clock)
  const { logFile } = master
  if (logFile !== null) masterLog.onLine = () => ownLog.tell(logFile)
  const reopen = (): void => {
    try {
      masterLog.reopen()
    } catch (e) {
      // The old file is still written; the other logs are reopened all the same.
      log.error({ file: logFile, err: messageOf(e) }, 'cannot reopen')
      events.emit('log.trouble', { file: logFile, error: messageOf(e) })
    }
    if (logFile !== null) ownLog.replaced(logFile)
    output.reopen()
    channel.reopen()
    log.info({}, 'log files reopened')
  }
  const upgrade = upgraderOf({
    config,
    sections,
    foreground,
    clock,
    log,
    errands,
    store,
    output,
    listeners,
    heralds,
    single,
    environment,
    server: () => serving.server,
    isStopping: () => supervisor.isStopping,
    handover: () => ({
      lock,
      upgrades: room.upgrades + 1,
      startedAt,
      seq: events.seq,
      foreground,
      version: room.version,
    }),
    lastWords: () => masterLog.flush(),
  })
  const room: Room = {
    supervisor,
    operator,
    configuration,
    clock,
    facts,
    events,
    logs: logsOf(supervisor, logFile, clock, logReading(output, ownLog, logFile)),
    version: packageVersion(),
    features: machine.features,
    web: () => serving.web && { url: serving.web.url, control: master.webControl },
    startedAt,
    upgrades: handover?.upgrades ?? 0,
    upgrade,
    reopen,
    level: (set) => masterLog.level(set),
    shutdown: (stopped) => end.begin('asked to shut down', stopped),
  }
  listenToSignals(
    clock,
    signalActions({
      supervisor,
      operator,
      configuration,
      log,
      foreground,
      announcer,
      stop: (why) => end.begin(why),
      reopen,
      upgrade,
    }),
  )
  const calls = callsCounted()
  const clients = (): number => serving.server?.clients ?? 0
  const { mode, gid, access } = options.access
  writePidfile(master.pidfile, process.pid)
  const undo = (e: unknown): never => {
    removePidfile(master.pidfile, process.pid)
    throw e
  }
  serving.web = await openWebPage({ config, room, log, calls, mayFail: inheritance !== null }).catch(undo)
  const server = await serveControl({
    path: master.socket,
    inherited: handover?.control ?? null,
    clock,
    mode,
    gid,
    maxClients: master.maxClients,
    maxMessage: master.maxMessage,
    pages: {
      isStopping: () => supervisor.isStopping,
      openRpc: () => openRpc(room.version),
      metrics: metricsOf({ ...room, ...measured, calls, clients }),
    },
    rpc: rpcServer({
      handlers: methodsOf(room),
      schemas,
      answered: calls.answered,
      audit: (method, params, { uid, pid }, denied) =>
        log.info({ audit: true, method, params, uid, pid }, denied ? 'denied' : 'called'),
      failed: (method, error) => log.error({ method, err: error }, 'a method failed'),
    }),
    // Groups are asked for only where somebody judges by them.
    peerOf: (fd) => ({ ...peerOf(fd), groups: access === null ? [] : peerGroupsOf(fd) }),
    roleOf: (peer) => roleOf(peer, access),
    hungUp,
    isScarce: isFdScarce,
    log: (facts, text) => log.warn(facts, text),
  }).catch(undo)
  end.serving(server)
  serving.server = server
  if (handover) {
    const facts = { pid: process.pid, from: handover.version, to: room.version, upgrades: handover.upgrades }
    log.info(facts, 'upgraded in place')
    events.emit('master.upgraded', facts)
  } else events.emit('master.started', { pid: process.pid, version: room.version })
  if (inheritance && !handover) {
    if (master.orphans === 'stop') endOrphans(supervisor, inheritance)
    const facts = adoptionFacts(inheritance)
    log.warn(facts, 'the last master did not end in order: its processes are taken over')
    events.emit('master.adopted', facts)
  }
  configuration.begin(inheritance?.kept ?? null)
  end.watch()
  announcer.ready()
}

/** Program logs grow in the capture; the master's own grows with each line of it. */
function logReading(output: Capture, own: ReturnType<typeof growthOf>, masterFile: string | null): LogReading {
  return {
    lastLines,
    followLog,
    onGrowth: (path, watcher) => (path === masterFile ? own.on(path, watcher) : output.onGrowth(path, watcher)),
    clear: (path) => output.clear(path),
  }
}
