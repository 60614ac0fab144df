// Asks whether a starting process is ready: whether an address takes a connection, answers a request, whether a
// command exits 0. Again and again, first after a tenth of a second, later every second, one look at a time,
// and only until it is told to end. An answer is told each time that there is one (whoever hears it may want a
// later one), a failure when it differs from the last. Of a running process it is asked once; when, and for how long
// it may take, is its state's.

import { get } from 'node:http'
import { connect } from 'node:net'
import type { Clock, Probe, Probes, Spawner } from '../core/ports.ts'
import type { Event } from '../core/state.ts'
import { errno, messageOf } from '../errors.ts'
import type { Ended } from './reaper.ts'

export interface ProbesOptions {
  readonly clock: Clock
  readonly spawner: Spawner
  /** Something was found out about a process. */
  said(pid: number, event: Event): void
}

export interface Asking extends Probes {
  /** A child has ended; false = it was no probe. */
  ended(e: Ended): boolean
  /** Kills the commands that run: the program that we are about to become would not know of them. */
  abandon(): void
}

/** How a look ended: null = ready; else why not. */
type Finding = string | null
type Found = (finding: Finding) => void

interface Asked extends Probe {
  over: boolean
  /** Ends what is under way. */
  stop: () => void
  pauseMs: number
}

const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 1_000
/** A look that takes longer is ended. */
const HANGS_MS = 5_000

export function probesOf({ clock, spawner, said }: ProbesOptions): Asking {
  const asked = new Map<number, Asked>()
  /** Commands that run, by their own pids. */
  const commands = new Map<number, (e: Ended) => void>()
  /** What ends the checks that run, by the pid that each is of. */
  const checks = new Map<number, () => void>()

  const look = (one: Asked): void => {
    let cancel = (): void => undefined
    const found = (finding: Finding): void => {
      cancel()
      if (one.over) return
      said(one.pid, finding === null ? { type: 'ready' } : { type: 'missed', text: finding })
      if (one.over) return // it was what was waited for
      const pause = clock.alarm(clock.now() + one.pauseMs, () => look(one))
      one.stop = pause
      one.pauseMs = Math.min(LAST_PAUSE_MS, one.pauseMs * 1.5)
    }
    const once = onlyOnce(found)
    const stop = begin(one, once)
    one.stop = stop
    cancel = clock.alarm(clock.now() + HANGS_MS, () => {
      once(`no answer within ${HANGS_MS / 1000} s`)
      stop()
    })
    // Told to end, it must not keep an alarm either.
    const alarm = cancel
    if (one.stop === stop)
      one.stop = () => {
        alarm()
        stop()
      }
  }

  const begin = (one: Probe, found: Found): (() => void) => {
    const { ready } = one
    switch (ready.kind) {
      case 'tcp':
        return askTcp(ready.address, found)
      case 'http':
        return askHttp(ready.url, found)
      case 'exec':
        return run(ready.argv, one, found)
      default:
        return ready satisfies never
    }
  }

  const run = (argv: readonly string[], { cwd, env, identity }: Probe, found: Found): (() => void) => {
    const nowhere = '/dev/null'
    const made = spawner.spawn({
      argv,
      cwd,
      env,
      stdout: nowhere,
      stderr: nowhere,
      listeners: [],
      toldPid: false,
      diesWithUs: false,
      identity,
    })
    if (!('pid' in made)) {
      clock.soon(() => found(made.reason))
      return () => undefined
    }
    commands.set(made.pid, ({ code, signal }) => found(code === 0 ? null : (signal ?? `exit ${code}`)))
    // A session of its own, so all that it made goes with it. While it is not reaped, the number is its own.
    return () => kill(made.pid)
  }

  const kill = (pid: number): void => {
    if (commands.has(pid)) process.kill(-pid, 'SIGKILL')
  }

  return {
    begin(probe) {
      const one: Asked = { ...probe, over: false, stop: () => undefined, pauseMs: FIRST_PAUSE_MS }
      asked.set(probe.pid, one)
      one.stop = clock.alarm(clock.now() + FIRST_PAUSE_MS, () => look(one))
    },
    end(pid) {
      const one = asked.get(pid)
      if (!one) return
      asked.delete(pid)
      one.over = true
      one.stop()
    },
    check(probe) {
      const { pid } = probe
      const once = onlyOnce((finding) => {
        if (checks.get(pid) !== end) return
        checks.delete(pid)
        said(pid, { type: 'checked', finding })
      })
      let stop = (): void => undefined
      const end = (): void => stop()
      checks.set(pid, end)
      stop = begin(probe, once)
    },
    endCheck(pid) {
      const end = checks.get(pid)
      checks.delete(pid)
      end?.()
    },
    ended(e) {
      const over = commands.get(e.pid)
      if (!over) return false
      commands.delete(e.pid)
      over(e)
      return true
    },
    abandon() {
      for (const pid of commands.keys()) kill(pid)
    },
  }
}

function askTcp(address: string, found: Found): () => void {
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at).replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(address.slice(at + 1)) })
  socket.on('error', (e) => found(wordOf(e)))
  socket.on('connect', () => {
    socket.destroy()
    found(null)
  })
  return () => socket.destroy()
}

function askHttp(url: string, found: Found): () => void {
  const request = get(url, { agent: false, headers: { connection: 'close' } }, (response) => {
    const { statusCode: status = 0 } = response
    response.on('error', () => undefined) // what it answered is known
    response.destroy()
    found(status >= 200 && status < 300 ? null : `answered ${status}`)
  })
  request.on('error', (e) => found(wordOf(e)))
  return () => request.destroy()
}

/** ECONNREFUSED; of several addresses of a name, what the first one said. */
function wordOf(e: Error): string {
  const [first] = e instanceof AggregateError ? (e.errors as Error[]) : [e]
  return errno(first) ?? messageOf(first)
}

function onlyOnce(found: Found): Found {
  let over = false
  return (finding) => {
    if (over) return
    over = true
    found(finding)
  }
}
