// Captured output: one FIFO per stream of a process, taken by the pump, moved into log files.
//
// A FIFO and not a socket pair: the child can open /dev/stdout again, and what it has written stays
// readable whatever happens to us. The child's end is opened on its own, read-write and blocking, so
// the child never gets SIGPIPE and never shares our O_NONBLOCK. Reading ends when the last writer has
// closed: a grandchild that holds stdout keeps its stream, and nobody waits for it.
// How the bytes of one stream get into its file is stream.ts.

import { closeSync, constants, fstatSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock, Output, Streams } from '../core/ports.ts'
import type { OutputSpec } from '../core/spec.ts'
import { errno, messageOf } from '../errors.ts'
import { growPipe, mkfifo } from './libc-io.ts'
import type { Trouble } from './log-file.ts'
import { logFiles } from './log-files.ts'
import type { LogWatcher } from './log-growth.ts'
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
    const undo: (() => void)[] = [() => files.close(file)]
    try {
      makeFifo(fifo)
      undo.push(() => unlinkSync(fifo))
      // Ours first and without blocking; then the child's, by an open of its own.
      const fd = openFifo(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
      undo.push(() => closeSync(fd))
      const theirs = openFifo(fifo, constants.O_RDWR)
      undo.push(() => closeSync(theirs))
      growPipe(theirs, spec.pipeBytes)
      const failed = (e: unknown): void => trouble({ file: file.path, error: messageOf(e) })
      const source = {
        fd,
        take: takeStream({ fd, file, name, label, format: spec.format, clock }, tools),
        failed,
        ended() {
          unfree()
          closeSync(fd)
          files.close(file)
          try {
            unlinkSync(fifo)
          } catch (e) {
            if (errno(e) !== 'ENOENT') failed(e) // cleared by somebody else: what was wanted
          }
        },
      }
      pumping.add(source)
      const unfree = file.onFree(() => pumping.wake(source))
      return theirs
    } catch (e) {
      for (const step of undo.reverse()) step()
      throw e
    }
  }

  return {
    open(name, spec): Streams {
      const stdout = pipeTo(spec.stdout, 'stdout', name, spec)
      const close = (fd: number | string): void => {
        if (typeof fd === 'number') closeSync(fd)
      }
      let stderr: number | string = stdout
      try {
        if (spec.stderr !== null) stderr = pipeTo(spec.stderr, 'stderr', name, spec)
      } catch (e) {
        close(stdout) // nobody will write there: the pump then ends it
        throw e
      }
      return {
        stdout,
        stderr,
        release() {
          for (const fd of new Set([stdout, stderr])) close(fd)
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

/** Only a FIFO, never through a link. */
function openFifo(path: string, flags: number): number {
  const fd = openSync(path, flags | constants.O_NOFOLLOW)
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  throw new Error(`cannot capture output: ${path} is no FIFO any more`)
}
