// The master's own log: pino, JSON lines. Those of one turn of the event loop are written together at its end, before
// anything else can happen: an asynchronous log would lose its last lines when the master is killed, and a write for each
// line costs a start more than all that is decided for it. In the foreground the same lines also go to stdout,
// readable on a TTY.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import type { LogLevel } from '../api/contract.ts'

export interface MasterLog {
  readonly log: pino.Logger
  /** Opens the file anew (USR1). */
  reopen(): void
  /** Writes what was said in this turn so far. For whoever ends the program in the middle of it. */
  flush(): void
  /** Called when lines have been written. */
  onLine: (() => void) | null
  level(set?: LogLevel): LogLevel
}

export interface MasterLogOptions {
  /** null = none. */
  readonly file: string | null
  readonly level: LogLevel
  readonly foreground: boolean
}

export async function openMasterLog({ file, level, foreground }: MasterLogOptions): Promise<MasterLog> {
  const destination = file === null ? null : openFile(file)
  const streams: pino.DestinationStream[] = destination ? [destination] : []
  if (foreground) streams.push(await foregroundStream())
  const state: { onLine: (() => void) | null } = { onLine: null }
  let said = ''
  const flush = (): void => {
    if (said === '') return
    const lines = said
    said = ''
    for (const stream of streams) stream.write(lines)
    state.onLine?.()
  }
  process.on('exit', flush)
  const gathered = {
    write(line: string) {
      if (said === '') process.nextTick(flush)
      said += line
    },
  }
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    gathered,
  )
  return Object.assign(state, {
    log,
    flush,
    reopen() {
      flush()
      if (file !== null) mkdirSync(dirname(file), { recursive: true })
      destination?.reopen()
    },
    level(set?: LogLevel) {
      if (set !== undefined) log.level = set
      return log.level as LogLevel
    },
  })
}

function openFile(file: string): ReturnType<typeof pino.destination> {
  mkdirSync(dirname(file), { recursive: true })
  const destination = pino.destination({ dest: file, sync: true, append: true, mode: 0o640 })
  // A log that cannot be written (disk full, a terminal that is gone) must not end the master.
  destination.on('error', () => undefined)
  return destination
}

async function foregroundStream(): Promise<pino.DestinationStream> {
  if (!process.stdout.isTTY) {
    const stdout = pino.destination({ dest: 1, sync: true })
    stdout.on('error', () => undefined)
    return stdout
  }
  const { default: pretty } = await import('pino-pretty')
  const shown = pretty({
    sync: true,
    destination: 1,
    colorize: !process.env.NO_COLOR,
    translateTime: 'HH:MM:ss',
    ignore: 'pid,program,uid,name',
    messageFormat: (line, key) => sentence(line, text(line[key])),
    hideObject: true,
  })
  shown.on('error', () => undefined)
  return shown
}

/** One readable line: `web:0 STARTING -> RUNNING (pid 4711)`. */
function sentence(line: Record<string, unknown>, message: string): string {
  const { name, from, to, pid, reason, ...more } = line
  if (message === 'state') {
    const who = pid ? ` (pid ${text(pid)})` : ''
    const why = reason ? `: ${text(reason)}` : ''
    return `${text(name)} ${text(from)} -> ${text(to)}${who}${why}`
  }
  const shown = Object.entries({ name, pid, reason, ...more })
    .filter(([key, value]) => value !== undefined && !['level', 'time', 'msg', 'program', 'next'].includes(key))
    .map(([key, value]) => `${key}=${text(value)}`)
  return [message, ...shown].join(' ')
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
