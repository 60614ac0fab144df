// Short errands: programs that the master runs for itself and whose end and words it waits for. They are
// no instances of anything. The reaper tells of their end, as of all children.

import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../core/ports.ts'
import { posixSpawn } from './libc.ts'
import type { Ended } from './reaper.ts'

export interface Errand {
  /** Resolved. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** SIGKILL after so long. */
  readonly timeoutMs: number
}

export interface Answer extends Omit<Ended, 'pid'> {
  /** What it wrote to stdout and stderr, up to 64 KB. */
  readonly output: string
  readonly timedOut: boolean
}

export interface Errands {
  /** Rejects when it cannot be started. */
  run(errand: Errand): Promise<Answer>
  /** A child has ended; false = it was no errand. */
  ended(e: Ended): boolean
}

const MOST_BYTES = 64 * 1024

/** @param folder where their output is kept while they run: nobody else may enter it */
export function errandsIn(folder: string, clock: Clock): Errands {
  const running = new Map<number, (e: Ended) => void>()
  let serial = 0
  return {
    async run({ argv, env, cwd, timeoutMs }) {
      const path = join(folder, `errand.${process.pid}.${++serial}`)
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
      unlinkSync(path) // a name only for the opening
      try {
        const words = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
        const pid = posixSpawn({ path: argv[0] ?? '', argv, env: words, cwd, fds: ['/dev/null', fd, fd] })
        let timedOut = false
        const cancel = clock.alarm(clock.now() + timeoutMs, () => {
          timedOut = true
          process.kill(pid, 'SIGKILL') // not reaped yet: the number is still its own
        })
        const { code, signal } = await new Promise<Ended>((over) => running.set(pid, over))
        cancel()
        return { code, signal, timedOut, output: readAll(fd) }
      } finally {
        closeSync(fd)
      }
    },
    ended(e) {
      const over = running.get(e.pid)
      if (!over) return false
      running.delete(e.pid)
      over(e)
      return true
    },
  }
}

function readAll(fd: number): string {
  const bytes = Buffer.alloc(Math.min(MOST_BYTES, fstatSync(fd).size))
  const length = readSync(fd, bytes, 0, bytes.length, 0)
  return bytes.toString('utf8', 0, length)
}
