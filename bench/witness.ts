// A process that says when it runs: the smallest that a C compiler makes, with the time of its own clock. So a
// start is measured where it counts, in the child, and in the same way whoever starts it.

import { execFileSync } from 'node:child_process'
import { constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { compiled } from './tools.ts'

/** argv: a FIFO, and `ready` for a newline on descriptor 3 (s6). CLOCK_MONOTONIC is the clock of process.hrtime. */
const SOURCE = `#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int main(int c, char **v) {
  struct timespec now;
  char text[64];
  clock_gettime(CLOCK_MONOTONIC, &now);
  int fifo = open(v[1], O_WRONLY);
  int size = sprintf(text, "%d %ld%09ld\\n", getpid(), now.tv_sec, now.tv_nsec);
  if (fifo < 0 || write(fifo, text, size) != size) return 1;
  close(fifo);
  if (c > 2 && write(3, "\\n", 1) != 1) return 1;
  for (;;) pause();
}
`

export interface Birth {
  readonly pid: number
  /** ns on the clock of process.hrtime. */
  readonly at: bigint
}

export interface Witness {
  /** The compiled program. */
  readonly program: string
  /** Its first argument. */
  readonly fifo: string
  /** All births so far. */
  readonly births: readonly Birth[]
  /** The births after the first `from`, as soon as there are `count` of them. */
  next(count: number, from?: number): Promise<readonly Birth[]>
  /** Another one may be made in the same folder then. */
  close(): void
}

const DEADLINE_MS = 180_000

/** Null where there is no C compiler. `folder`: where its FIFO is made. */
export function witnessIn(folder: string): Witness | null {
  const program = compiled('witness', SOURCE)
  if (program === null) return null
  const fifo = join(folder, 'births')
  execFileSync('mkfifo', [fifo])
  const births: Birth[] = []
  // Open for writing too: else it would end with each writer that closes.
  const stream = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK), writable: false })
  let waits: (() => void) | null = null
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [pid = '', at = ''] = line.split(' ')
      births.push({ pid: Number(pid), at: BigInt(at) })
    }
    waits?.()
  })
  return {
    program,
    fifo,
    births,
    async next(count, from = 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`${births.length - from} of ${count} were born`)), DEADLINE_MS)
        waits = () => births.length - from >= count && resolve()
        waits()
      })
      clearTimeout(timer)
      waits = null
      return births.slice(from, from + count)
    },
    close() {
      stream.destroy()
      rmSync(fifo)
    },
  }
}

/** ms from then until the last of them was born. */
export const lastBirth = (births: readonly Birth[], from: bigint): number =>
  births.reduce((last, { at }) => Math.max(last, Number(at - from) / 1e6), 0)
