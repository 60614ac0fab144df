// Captured output: one FIFO per stream of a process, taken by the pump, moved into log files.
//
// A FIFO and not a socket pair: the child can open /dev/stdout again, and what it has written stays
// readable whatever happens to us. The child's end is opened on its own, read-write and blocking, so
// the child never gets SIGPIPE and never shares our O_NONBLOCK. Reading ends when the last writer has
// closed: a grandchild that holds stdout keeps its stream, and nobody waits for it.
// How the bytes of one stream get into its file is stream.ts.

import { closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock, Output, Streams } from '../core/ports.ts'
import type { OutputSpec } from '../core/spec.ts'
import { errno } from '../errors.ts'
import { mkfifo, setPipeSize } from './libc-io.ts'
import { type LogWatcher, logFiles, type Trouble } from './log-file.ts'
import { pump } from './pump.ts'
import { streamTools, takeStream } from './stream.ts'

export interface Capture extends Output {
  /** Opens log files anew (USR1). */
  reopen(): void
  /** Empties a log file and removes its archives. */
  clear(path: string): void
  /** Tells of what happens to a log file. Returns what ends it. */
  onGrowth(path: string, watcher: LogWatcher): () => void
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
  const pumping = pump(clock)
  const tools = streamTools()
  let serial = 0

  const pipeTo = (path: string, label: 'stdout' | 'stderr', name: string, spec: OutputSpec): number | '/dev/null' => {
    if (path === 'none') return '/dev/null'
    const file = files.open({ path, maxBytes: spec.maxBytes, backups: spec.backups, compress: spec.compress })
    const fifo = join(folder, (++serial).toString(36))
    try {
      makeFifo(fifo)
      // Ours first and without blocking; then the child's, by an open of its own.
      const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
      const theirs = openSync(fifo, constants.O_RDWR)
      growPipe(theirs, spec.pipeBytes)
      const take = takeStream({ fd, file, name, label, format: spec.format, clock }, tools)
      const source = {
        fd,
        take,
        ended() {
          unfree()
          closeSync(fd)
          files.close(file)
          removeIfThere(fifo)
        },
      }
      const unfree = file.onFree(() => pumping.wake(source))
      pumping.add(source)
      return theirs
    } catch (e) {
      files.close(file)
      throw e
    }
  }

  return {
    open(name, spec): Streams {
      const stdout = pipeTo(spec.stdout, 'stdout', name, spec)
      const stderr = spec.stderr === null ? stdout : pipeTo(spec.stderr, 'stderr', name, spec)
      return {
        stdout,
        stderr,
        release() {
          for (const fd of new Set([stdout, stderr])) if (typeof fd === 'number') closeSync(fd)
        },
      }
    },
    reopen: () => files.reopen(),
    clear: (path) => files.clear(path),
    onGrowth: (path, watcher) => files.onGrowth(path, watcher),
    finish: () => pumping.finish(),
  }
}

/** The folder is remade where somebody has cleared run_path under us. */
function makeFifo(path: string): void {
  try {
    mkfifo(path, 0o600)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
    mkfifo(path, 0o600)
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e // cleared by somebody else: what was wanted
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
