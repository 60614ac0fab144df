// Captured output: one FIFO per stream of a process, read on the main loop, written to log files.
//
// A FIFO and not a socket pair: the child can open /dev/stdout again, and what it has written stays
// readable whatever happens to us. The child's end is opened on its own, read-write and blocking, so
// the child never gets SIGPIPE and never shares our O_NONBLOCK. Reading ends when the last writer has
// closed: a grandchild that holds stdout keeps its stream, and nobody waits for it.
//
// Lines of several processes in one file are never torn: bytes behind the last newline are held until
// their line is whole. Each stream has a quota of bytes a turn, so a flood in one leaves the others
// and the control socket responsive.

import { closeSync, constants, openSync, readSync, unlinkSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock, Output, OutputTarget, Streams } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { mkfifo, setPipeSize } from './libc.ts'
import { type LogFile, logFiles, type Trouble } from './log-file.ts'

const READ_BYTES = 64 * 1024
/** Bytes of one stream a turn; then the others have theirs. */
const QUOTA_BYTES = 512 * 1024
/** Of a line that is not whole yet; a longer one is passed on as it comes. */
const HOLD_BYTES = 256 * 1024

export interface Capture extends Output {
  /** Opens every log file anew (USR1). */
  reopen(): void
  /** Takes what is in the pipes now, writes it, and closes all. For the end of the master. */
  finish(): void
}

export interface CaptureOptions {
  /** Where the FIFOs stand. */
  readonly folder: string
  readonly clock: Clock
  readonly trouble: Trouble
}

export function captureOutput({ folder, clock, trouble }: CaptureOptions): Capture {
  const files = logFiles(clock, trouble)
  const readers = new Set<Reader>()
  let serial = 0

  const pipeTo = (target: string, pipeBytes: number): number | '/dev/null' => {
    if (target === 'none') return '/dev/null'
    const file = files.open(target)
    const path = join(folder, `${(++serial).toString(36)}`)
    try {
      mkfifo(path, 0o600)
      // Ours first and without blocking; then the child's, by an open of its own.
      const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const writeFd = openSync(path, constants.O_RDWR)
      growPipe(writeFd, pipeBytes)
      const reader = readPipe(readFd, file, clock, () => {
        readers.delete(reader)
        files.close(file)
        unlinkSync(path)
      })
      readers.add(reader)
      return writeFd
    } catch (e) {
      files.close(file)
      throw e
    }
  }

  return {
    open(_name: string, target: OutputTarget): Streams {
      const stdout = pipeTo(target.stdout, target.pipeBytes)
      const stderr = target.stderr === null ? stdout : pipeTo(target.stderr, target.pipeBytes)
      return {
        stdout,
        stderr,
        release() {
          for (const fd of new Set([stdout, stderr])) if (typeof fd === 'number') closeSync(fd)
        },
      }
    },
    reopen: () => files.reopen(),
    finish() {
      for (const reader of [...readers]) reader.finish()
    },
  }
}

function growPipe(fd: number, bytes: number): void {
  try {
    setPipeSize(fd, bytes)
  } catch (e) {
    // EPERM: this user's pipe pages are used up. The pipe keeps its size: slower, nothing lost.
    if (errno(e) !== 'EPERM') throw e
  }
}

interface Reader {
  /** Takes what is there, passes on what it held, and closes. */
  finish(): void
}

/** One buffer for all: what a read delivers is used up before the next read begins. */
const shared = Buffer.allocUnsafe(READ_BYTES)

function readPipe(fd: number, file: LogFile, clock: Clock, closed: () => void): Reader {
  const hold = lineHold(file)
  let taken = 0
  let turn = false
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer: shared,
      callback: (bytes: number) => {
        hold.push(shared.subarray(0, bytes))
        taken += bytes
        if (!turn) {
          turn = true
          clock.soon(() => {
            turn = false
            taken = 0
            if (!file.stuck) socket.resume()
          })
        }
        return taken < QUOTA_BYTES && !file.stuck
      },
    },
  } as ConstructorParameters<typeof Socket>[0])
  const unstick = file.onFree(() => socket.resume())
  socket.on('error', (e) => file.trouble(`cannot read from a pipe: ${messageOf(e)}`))
  socket.on('close', () => {
    unstick()
    hold.end()
    closed()
  })
  return {
    finish() {
      if (socket.destroyed) return // at its end already
      readRest(fd, hold)
      socket.destroy()
    },
  }
}

function readRest(fd: number, hold: LineHold): void {
  try {
    for (let n = readSync(fd, shared); n > 0; n = readSync(fd, shared)) hold.push(shared.subarray(0, n))
  } catch (e) {
    if (errno(e) !== 'EAGAIN') throw e // empty, and somebody still has it open
  }
}

interface LineHold {
  push(chunk: Buffer): void
  /** No more will come: an unfinished line is finished. */
  end(): void
}

/** Passes whole lines on and keeps what is behind the last newline. */
function lineHold(file: LogFile): LineHold {
  let held: Buffer[] = []
  let size = 0
  /** A line longer than we hold is being passed on as it comes. */
  let inLongLine = false
  const pass = (last: Buffer): void => {
    file.write(held.length === 0 ? last : Buffer.concat([...held, last]))
    held = []
    size = 0
  }
  return {
    push(chunk) {
      const end = inLongLine ? chunk.length : chunk.lastIndexOf(0x0a) + 1
      if (end > 0) {
        pass(chunk.subarray(0, end))
        inLongLine &&= chunk[end - 1] !== 0x0a
      }
      if (end === chunk.length) return
      held.push(Buffer.from(chunk.subarray(end)))
      size += chunk.length - end
      if (size < HOLD_BYTES) return
      inLongLine = true
      pass(Buffer.alloc(0))
    },
    end() {
      if (size > 0 || inLongLine) pass(Buffer.from('\n'))
    },
  }
}
