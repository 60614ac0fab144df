// Becoming a newer phd in place: the process stays, and with it its pid, its children and the descriptors
// that are named here; everything else is the record's. Until the new program has its signal handlers (a
// tenth of a second) a signal would end it (blocking them before exec does not help: Node clears the mask and all
// dispositions in its first ms), and it may fail in ways that its check did not show: a guard, a
// shell that waits on a pipe which only we hold, starts a phd that adopts should we be gone without a word.

import { closeSync, writeSync } from 'node:fs'
import { errno } from '../errors.ts'
import { execve, posixSpawn } from './libc.ts'
import { keepOnExec, makePipe } from './libc-io.ts'

const HANDOVER_ENV = 'PHD_HANDOVER'
/** Node lets none of them through an exec: a log on stdout would end with it. */
const STANDARD = [0, 1, 2] as const

/** What goes over besides the record. */
export interface Handover {
  readonly lock: number
  /** The listening control socket. */
  readonly control: number
  /** Readers of FIFOs, by name. */
  readonly streams: Readonly<Record<string, number>>
  /** Listening sockets of programs, by key. */
  readonly listeners: Readonly<Record<string, number>>
  /** Where processes say that they are ready, by name; an older program has none. */
  readonly heralds?: Readonly<Record<string, number>>
  /** Locks of programs with single_instance, by program; an older program has none. */
  readonly singles?: Readonly<Record<string, number>>
  /** How often this master has been upgraded, this time included. */
  readonly upgrades: number
  /** Monotonic ms. */
  readonly startedAt: number
  /** Number of the last event. */
  readonly seq: number
  /** Not in the background. */
  readonly foreground: boolean
  /** Who hands over. */
  readonly version: string
}

/** As it was given to the new program. */
export interface Received extends Handover {
  /** All is well: the guard may go. */
  settle(): void
}

export interface Successor {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Somebody else starts a next master when this process ends (systemd). */
  readonly watched: boolean
}

/** Does not return. Throws when it cannot be done; then nothing has changed. */
export function handOver(handover: Handover, { argv, env, watched }: Successor): never {
  const [path = ''] = argv
  const guard = watched ? null : startGuard(argv, pairs(env))
  const kept = [...STANDARD, ...descriptorsOf(handover), ...(guard === null ? [] : [guard])]
  try {
    for (const fd of kept) keepOnExec(fd, true)
    const message = JSON.stringify({ ...handover, guard, pid: process.pid })
    execve(path, argv, pairs({ ...env, [HANDOVER_ENV]: message }))
  } catch (e) {
    for (const fd of kept) keepOnExec(fd, false)
    if (guard !== null) dismiss(guard)
    throw e
  }
}

/** What an earlier program in this process has handed over; null = this is a start of its own. */
export function receiveHandover(): Received | null {
  const text = process.env[HANDOVER_ENV]
  delete process.env[HANDOVER_ENV]
  if (text === undefined) return null
  const { guard, pid, ...handover } = JSON.parse(text) as Handover & { guard: number | null; pid: number }
  if (pid !== process.pid) return null // inherited by mistake: meant for another process
  for (const fd of descriptorsOf(handover)) keepOnExec(fd, false)
  if (guard !== null) keepOnExec(guard, false)
  return {
    ...handover,
    settle() {
      if (guard !== null) dismiss(guard)
    },
  }
}

const descriptorsOf = ({ lock, control, streams, listeners, heralds, singles }: Handover): number[] => [
  lock,
  control,
  ...Object.values(streams),
  ...Object.values(listeners),
  ...Object.values(heralds ?? {}),
  ...Object.values(singles ?? {}),
]

/** Returns the end of its pipe that keeps it waiting. */
function startGuard(argv: readonly string[], env: readonly string[]): number {
  const pipe = makePipe()
  const words = ['sh', '-c', 'read -r word || exec "$@"', 'sh', ...argv]
  try {
    posixSpawn({ path: '/bin/sh', argv: words, env, cwd: '/', fds: [pipe.read, 1, 2] })
  } catch (e) {
    closeSync(pipe.write)
    throw e
  } finally {
    closeSync(pipe.read)
  }
  return pipe.write
}

function dismiss(guard: number): void {
  try {
    writeSync(guard, 'ok\n')
  } catch (e) {
    if (errno(e) !== 'EPIPE') throw e // somebody has ended it: it needs no word any more
  }
  closeSync(guard)
}

const pairs = (env: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
