// Upgrade in place: the program that stands at our path now is asked whether it could go on from here;
// if so, this process becomes it. Same pid, same children, same sockets and pipes; everything else it knows
// from the record. Until the last step nothing has been touched, and a refusal leaves all as it was.

import type { Config } from './config/load.ts'
import type { ControlServer } from './control/server.ts'
import type { Clock } from './core/ports.ts'
import { messageOf, PhError } from './errors.ts'
import type { Errands } from './os/errands.ts'
import { type Handover, handOver } from './os/handover.ts'
import type { Ears } from './os/heralds.ts'
import type { SystemListeners } from './os/listeners.ts'
import type { MasterLog } from './os/master-log.ts'
import type { Capture } from './os/output.ts'
import type { SystemSingleLocks } from './os/single-lock.ts'
import type { Journal } from './os/store.ts'

export interface UpgradeParts {
  readonly config: Config
  readonly sections: readonly string[] | null
  readonly foreground: boolean
  readonly clock: Clock
  readonly log: MasterLog['log']
  readonly errands: Errands
  readonly store: Journal
  readonly output: Capture
  readonly listeners: SystemListeners
  readonly heralds: Pick<Ears, 'handOver'>
  readonly single: Pick<SystemSingleLocks, 'handOver'>
  /** The environment that this process was started with. */
  readonly environment: Readonly<Record<string, string | undefined>>
  server(): ControlServer | null
  /** The master is on its way out: what comes after it would start anew what is being stopped. */
  isStopping(): boolean
  /** What goes over, but for the descriptors that this file finds itself. */
  handover(): Omit<Handover, 'control' | 'streams' | 'listeners' | 'heralds' | 'singles'>
  /** Writes what the log has still to say. */
  lastWords(): void
}

/** What `phd --check-upgrade` prints. */
export interface Readiness {
  readonly version: string
  readonly runPath: string
  readonly socket: string
}

const CHECK_MS = 20_000

/** Resolves when the new program has passed its check; right after that it is in our place. One at a time. */
export function upgraderOf(parts: UpgradeParts): () => Promise<void> {
  const { clock, log } = parts
  let under = false
  return async () => {
    if (parts.isStopping()) throw new PhError('PH_STOPPING', 'cannot upgrade: the master is shutting down')
    if (under) throw new PhError('PH_CONFLICT', 'cannot upgrade: an upgrade is under way')
    under = true
    try {
      const { version } = await check(parts)
      log.info({ to: version, argv: successorOf(parts) }, 'upgrade: the new program is ready')
    } catch (e) {
      under = false
      log.error({ err: messageOf(e) }, 'upgrade: the new program failed its check; this one goes on')
      throw e
    }
    // After this turn, so that the answer is on its way first.
    clock.soon(() => clock.soon(() => clock.soon(() => become(parts, () => (under = false)))))
  }
}

function become(parts: UpgradeParts, failed: () => void): void {
  const { output, log, store, environment } = parts
  const server = parts.server()
  try {
    if (!server) throw new Error('the control socket is not there yet')
    if (parts.isStopping()) throw new Error('the master is shutting down')
    const streams = output.handOver()
    store.flush()
    if (!store.isSound) throw new Error('the record cannot be written')
    const handover = {
      ...parts.handover(),
      control: server.fd,
      streams,
      listeners: parts.listeners.handOver(),
      heralds: parts.heralds.handOver(),
      singles: parts.single.handOver(),
    }
    parts.lastWords()
    handOver(handover, {
      argv: successorOf(parts),
      env: environment,
      watched: environment.INVOCATION_ID !== undefined,
    })
  } catch (e) {
    output.goOn()
    failed()
    log.error({ err: messageOf(e) }, 'upgrade: cannot become the new program; this one goes on')
  }
}

async function check(parts: UpgradeParts): Promise<Readiness> {
  const { config, errands, environment } = parts
  const [node = '', ...words] = successorOf(parts)
  const refuse = (why: string, cause?: unknown): PhError =>
    new PhError('PH_UPGRADE', `cannot upgrade: ${why}; the old program goes on`, {}, { cause })
  let answer: Awaited<ReturnType<Errands['run']>>
  try {
    const argv = [node, ...words, '--check-upgrade']
    answer = await errands.run({ argv, env: environment, cwd: '/', timeoutMs: CHECK_MS })
  } catch (e) {
    throw refuse(`the new program cannot be started: ${messageOf(e)}`, e)
  }
  const { code, signal, output, timedOut } = answer
  if (timedOut) throw refuse(`the new program did not answer its check within ${CHECK_MS / 1000} s`)
  const readiness = code === 0 ? readinessFrom(output) : null
  if (!readiness) throw refuse(`the new program failed its check (${code ?? signal}): ${reasonIn(output)}`)
  if (readiness.runPath !== config.master.runPath || readiness.socket !== config.master.socket) {
    throw refuse('the configuration names another run_path or socket now, which needs a restart')
  }
  return readiness
}

function readinessFrom(output: string): Readiness | null {
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Readiness
  } catch {
    return null // it exits 0 and says something else: no phd that knows what was asked
  }
}

/** One line of what it said: of a stack trace, the error. */
function reasonIn(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '')
  const said = lines.find((line) => /^\w*Error\b|: \[|cannot/.test(line)) ?? lines[0] ?? 'it said nothing'
  return said.trim().slice(0, 500)
}

/** The command line of this process, from any folder. */
function successorOf({ config, sections, foreground }: UpgradeParts): string[] {
  return [
    process.execPath,
    ...process.execArgv,
    process.argv[1] ?? '',
    '-c',
    config.file,
    ...(foreground ? ['-n'] : []),
    ...(config.instance === null ? [] : ['--instance', config.instance]),
    ...(sections ?? []).flatMap((name) => ['-s', name]),
  ]
}
