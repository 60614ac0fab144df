// What the streams share to look into their pipes: a scratch pipe, the buffer it is read into, and a place to throw
// bytes away. Looking leaves the bytes where they are.

import { constants, openSync, readSync } from 'node:fs'
import { growPipe, makePipe, pageBytes, pipeSize, spliceTo, teeTo } from './libc-io.ts'

export interface StreamTools {
  /** At most so much of a pipe is looked at. */
  readonly mostBytes: number
  /** A copy of what the pipe holds; the bytes stay there. Good until the next call. */
  duplicate(pipe: number): Buffer
  /** Takes so many bytes, which are there, out of the pipe. */
  discard(pipe: number, bytes: number): void
  /** A pipe that holds so much may be full, and its writer wait. */
  fullBytes(pipe: number): number
}

export function streamTools(): StreamTools {
  const scratch = makePipe()
  growPipe(scratch.write, 1024 * 1024)
  // What the scratch pipe cannot hold is not looked at: a user's pipe pages may be used up.
  const buffer = Buffer.allocUnsafe(pipeSize(scratch.write))
  const nowhere = openSync('/dev/null', constants.O_WRONLY)
  return {
    mostBytes: buffer.length,
    duplicate(pipe) {
      const copied = teeTo(pipe, scratch.write, buffer.length) ?? 0
      let at = 0
      while (at < copied) at += readSync(scratch.read, buffer, at, copied - at, null)
      return buffer.subarray(0, copied)
    },
    discard(pipe, bytes) {
      let left = bytes
      while (left > 0) left -= spliceTo(pipe, nowhere, null, left) ?? left
    },
    // A pipe is full when its pages are, and two neighbours hold more than one page's worth together (else the kernel
    // would have merged them): so a full one holds at least half its size, but for a page at either end.
    fullBytes: (pipe) => Math.max(1, Math.min(pipeSize(pipe), buffer.length) / 2 - 2 * pageBytes()),
  }
}
