// Captured output: one FIFO per stream of a process, taken by the pump, moved into log files.
// A FIFO and not a socket pair: the child can open /dev/stdout again, and what it has written stays readable whatever
// happens to us. The child's end is opened on its own, read-write and blocking, so it never gets SIGPIPE and never
// shares our O_NONBLOCK. Reading ends when the last writer has closed: a grandchild may hold it, and nobody waits.
// When we die they write on into their FIFOs, and wait when these are full: the next master reads on. See stream.ts.

import { closeSync, constants, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../core/identity.ts'
import type { Clock, Output, Store, Streams } from '../core/ports.ts'
import type { Kept, Unsaid } from '../core/record.ts'
import type { OutputSpec } from '../core/spec.ts'
import { errno, messageOf } from '../errors.ts'
import type { Captured } from './captured.ts'
import { endedStreams } from './ended-streams.ts'
import { openFifo, pipeFor } from './fifo.ts'
import { clearFolder } from './folders.ts'
import { heardBy } from './heard.ts'
import { openLastWriters } from './last-writers.ts'
import { pipeBytes, pipeIsOpen } from './libc-io.ts'
import { logFiles } from './log-files.ts'
import type { LogWatcher } from './log-growth.ts'
import type { Trouble } from './log-trouble.ts'
import { pump, type Taken } from './pump.ts'
import { type TakenStream, takeStream } from './stream.ts'
import { streamTools } from './stream-tools.ts'

export interface Capture extends Output {
  /** Opens log files anew (USR1). */
  reopen(): void
  /** Empties a log file and removes its archives. */
  clear(path: string): void
  /** Tells of what happens to a log file. Returns what ends it. */
  onGrowth(path: string, watcher: LogWatcher): () => void
  /** Stops reading: the readers of all FIFOs by name, for the program that we are about to become. */
  handOver(): Readonly<Record<string, number>>
  goOn(): void // that came to nothing
  /** Takes what is in the pipes now, as far as it can be done at once: the last words of those who have ended. */
  look(): void
  /** Takes all that is there, writes it, and closes all. For the end of the master. */
  finish(): void
}

export interface CaptureOptions {
  /** Where the FIFOs stand. */
  readonly folder: string
  readonly writers: string // the file of last writers
  readonly clock: Clock
  readonly trouble: Trouble
  readonly captured?: Pick<Captured, 'counter'>
  readonly store: Store
  /** The streams of an earlier master, by the names of their FIFOs, and its log files. */
  readonly kept: Pick<Kept, 'stream' | 'file'> | null
  /** Readers of its FIFOs that are open already. */
  readonly readers: Readonly<Record<string, number>>
}

/** Where one stream of a process goes. */
interface Goes {
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  readonly path: string
  readonly output: OutputSpec
  readonly token?: string
}

interface Reading {
  readonly fd: number
  readonly goes: Goes
  readonly stream: TakenStream
}

const LF = 0x0a

/** A log that could not be opened for a stream of an earlier master is tried again. */
const RETRY_MS = 1_000

export function captureOutput(parts: CaptureOptions): Capture {
  const { folder, writers, clock, trouble, captured, store, kept, readers } = parts
  const files = logFiles(clock, trouble)
  const pumping = pump(clock)
  const tools = streamTools()
  const lastWriters = openLastWriters({
    file: writers,
    store,
    kept: kept?.file ?? null,
    trouble: (e) => trouble({ file: writers, error: messageOf(e) }),
  })
  /** What is being read, by the names of their FIFOs. */
  const reading = new Map<string, Reading>()
  const ended = endedStreams()
  /** Open already, and not taken from yet. */
  const held = new Map(Object.entries(readers))
  /** Who looks at the lines of a process, by its token. */
  const lookers = new Map<string, (text: string) => void>()
  const heard = heardBy(clock)
  let serial = Math.max(0, ...[...(kept?.stream.keys() ?? [])].map((id) => Number.parseInt(id, 36)))

  /** Has the reader of a FIFO moved into its file. Undone in reverse where a later step fails. */
  const take = (id: string, fd: number, goes: Goes, adopted: boolean, undo: (() => void)[]) => {
    const { name, label, path, output, token } = goes
    const { maxBytes, backups, compress, format, full } = output
    const program = name.slice(0, name.lastIndexOf(':'))
    const file = files.open({ path, maxBytes, backups, compress })
    undo.push(() => files.close(file))
    const count = captured?.counter(program, label)
    const failed = (e: unknown): void => trouble({ file: file.path, error: messageOf(e) })
    const resumes = adopted && lastWriters.of(path) === id
    const onLine = (): ((text: string) => void) | null => lookers.get(token ?? '') ?? null
    const { mark, unmark } = lastWriters.marker(path, id)
    // While its log cannot be written it waits for us: that is no silence.
    const waiting = (): number => (file.stuck ? clock.now() : pipeBytes(fd))
    const hearing = token === undefined ? null : heard.listen(token, waiting)
    undo.push(() => hearing?.ended())
    const unsaid = kept?.stream.get(id)?.unsaid ?? null
    const options = { fd, file, name, label, format, full, clock, resumes, unsaid, mark, unmark, onLine }
    const stream = takeStream(options, tools)
    const drop = (): void => {
      const chunk = tools.duplicate(fd)
      const bytes = pipeBytes(fd)
      file.trouble.dropped({ lines: chunk.filter((byte) => byte === LF).length, bytes })
      const many = `too many ended processes of "${program}" wait for it`
      failed(new Error(`${many}: the last ${bytes} bytes of one are dropped`))
      pumping.drop(source)
    }
    const source = {
      fd,
      take(hup: boolean): Taken {
        const taken = stream.take(hup)
        count?.(taken.bytes)
        if (taken.bytes > 0) hearing?.heard()
        if (hup && taken.state === 'stuck') ended.waits(program, id, drop)
        return taken
      },
      failed,
      ended() {
        ended.over(program, id)
        unfree()
        hearing?.ended()
        closeSync(fd)
        files.close(file)
        store.put('stream', id, null)
        reading.delete(id)
        try {
          unlinkSync(join(folder, id))
        } catch (e) {
          if (errno(e) !== 'ENOENT') failed(e) // cleared by somebody else: what was wanted
        }
      },
    }
    reading.set(id, { fd, goes, stream })
    record(id, null)
    pumping.add(source)
    const unfree = file.trouble.onFree(() => pumping.wake(source))
    // What came while nobody listened has told nobody.
    if (adopted) pumping.wake(source)
  }

  const record = (id: string, unsaid: Unsaid | null): void => {
    const goes = reading.get(id)?.goes
    if (goes) store.put('stream', id, { ...goes, ...(unsaid ? { unsaid } : {}) })
  }

  const pipeTo = (goes: Goes, owner: Account | null): number | '/dev/null' => {
    if (goes.path === 'none') return '/dev/null'
    const id = (++serial).toString(36)
    const undo: (() => void)[] = []
    try {
      const { ours, theirs } = pipeFor(owner, join(folder, id), goes.output.pipeBytes, undo)
      take(id, ours, goes, false, undo)
      return theirs
    } catch (e) {
      for (const step of undo.reverse()) step()
      throw e
    }
  }

  /** Reads on where an earlier master stopped; a FIFO that nobody can write to any more holds nothing. */
  const adopt = (id: string, goes: Goes): void => {
    const undo: (() => void)[] = []
    try {
      const fd = held.get(id) ?? openFifo(join(folder, id), constants.O_RDONLY | constants.O_NONBLOCK)
      held.set(id, fd)
      if (pipeIsOpen(fd)) take(id, fd, goes, true, undo)
      else {
        closeSync(fd)
        store.put('stream', id, null)
        unlinkSync(join(folder, id))
      }
      held.delete(id)
    } catch (e) {
      for (const step of undo.reverse()) step()
      if (errno(e) === 'ENOENT' && !held.has(id)) {
        store.put('stream', id, null)
        return
      }
      // Its log cannot be opened now, and its process waits when the pipe is full: nothing is lost yet.
      trouble({ file: goes.path, error: messageOf(e) })
      clock.alarm(clock.now() + RETRY_MS, () => adopt(id, goes))
    }
  }

  // Who wrote last to a file goes first: a line that it had begun is finished before anybody else writes there.
  const wroteLast = ([id, { path }]: readonly [string, Goes]): number => Number(lastWriters.of(path) === id)
  const streams = [...(kept?.stream ?? [])].sort((a, b) => wroteLast(b) - wroteLast(a))
  for (const [id, goes] of streams) adopt(id, goes)
  clearFolder(folder, (id) => kept?.stream.has(id) ?? false)
  return {
    open(name, spec, token, owner = null): Streams {
      const goes = { name, output: spec, ...(token === undefined ? {} : { token }) }
      const stdout = pipeTo({ ...goes, label: 'stdout', path: spec.stdout }, owner)
      const close = (fd: number | string): void => {
        if (typeof fd === 'number') closeSync(fd)
      }
      let stderr: number | string = stdout
      try {
        if (spec.stderr !== null) stderr = pipeTo({ ...goes, label: 'stderr', path: spec.stderr }, owner)
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
    onLines(token, line) {
      if (line) lookers.set(token, line)
      else lookers.delete(token)
    },
    quietFor: (token) => heard.quietFor(token),
    reopen: () => files.reopen(),
    clear: (path) => files.clear(path),
    onGrowth: (path, watcher) => files.onGrowth(path, watcher),
    handOver() {
      pumping.rest()
      for (const [id, { stream }] of reading) record(id, stream.unsaid())
      return Object.fromEntries([...held, ...[...reading].map(([id, { fd }]) => [id, fd] as const)])
    },
    goOn() {
      for (const id of reading.keys()) record(id, null)
      pumping.goOn()
    },
    look: () => pumping.look(),
    finish: () => pumping.finish(),
  }
}
