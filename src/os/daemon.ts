// Going to the background. The caller's process starts the real master in a session of its own, with
// /dev/null as descriptors 0 to 2 and one pipe, and waits on that pipe: the master writes there when
// its socket answers, or why it cannot start. The caller ends with the master's own exit code.

import { closeSync, readSync, writeSync } from 'node:fs'
import { errno } from '../errors.ts'
import { posixSpawn, waitFor } from './libc.ts'
import { makePipe } from './libc-io.ts'

/** The descriptor of the pipe in the master; its number stands in this environment name. */
const READY_ENV = 'PHD_READY_FD'

export interface Report {
  readonly exit: number
  /** For people, on stderr when exit is not 0. */
  readonly text: string
}

/** Starts `argv` as a daemon and blocks until it reports, or ends. */
export function startDaemon(argv: readonly string[]): Report {
  const pipe = makePipe()
  const env = Object.entries({ ...process.env, [READY_ENV]: '3' }).map(([name, value]) => `${name}=${value}`)
  const fds = ['/dev/null', '/dev/null', '/dev/null', pipe.write]
  const pid = posixSpawn({ path: argv[0] ?? '', argv, env, cwd: '/', fds })
  closeSync(pipe.write)
  const text = readAll(pipe.read)
  closeSync(pipe.read)
  if (text !== '') return JSON.parse(text) as Report
  const { code, signal } = waitFor(pid)
  const how = code === null ? `was killed by signal ${signal}` : `ended with exit ${code}`
  return { exit: code === null || code === 0 ? 1 : code, text: `the master ${how} before it was ready` }
}

export interface Parent {
  /** Tells the waiting caller; the first word counts. */
  report(report: Report): void
}

/** In the master: the caller that waits for us, or null when nobody does. */
export function waitingParent(): Parent | null {
  const fd = process.env[READY_ENV]
  delete process.env[READY_ENV]
  if (fd === undefined) return null
  let open = true
  return {
    report(report) {
      if (!open) return
      open = false
      try {
        writeSync(Number(fd), JSON.stringify(report))
      } catch (e) {
        if (errno(e) !== 'EPIPE') throw e // the caller did not wait for us
      }
      closeSync(Number(fd))
    },
  }
}

function readAll(fd: number): string {
  const chunk = Buffer.alloc(4096)
  let text = ''
  for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) text += chunk.toString('utf8', 0, n)
  return text
}
