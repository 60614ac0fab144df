// All open log files: each opened once for the streams that go there, and closed with the last of them.

import { closeSync, ftruncateSync, statSync, unlinkSync } from 'node:fs'
import type { Clock } from '../core/ports.ts'
import { type LogFile, type LogTarget, OpenLog } from './log-file.ts'
import { growthOf, type LogWatcher } from './log-growth.ts'
import { openLog } from './log-open.ts'
import { OpenStdout } from './log-stdout.ts'
import type { Trouble } from './log-trouble.ts'
import { archivesOf } from './rotation.ts'

export interface LogFiles {
  /** Throws a system error that names the file. */
  open(target: LogTarget): LogFile
  /** One stream less; the last one closes it. */
  close(file: LogFile): void
  /** Opens all anew where another file, or none, stands at their path. */
  reopen(): void
  /** Empties a file and removes its archives. */
  clear(path: string): void
  /** Tells of what happens to a file. Returns what ends it. */
  onGrowth(path: string, watcher: LogWatcher): () => void
}

export function logFiles(clock: Clock, trouble: Trouble): LogFiles {
  const opened = new Map<string, LogFile>()
  const growth = growthOf(clock)
  return {
    onGrowth: growth.on,
    open(target) {
      const known = opened.get(target.path)
      if (known) {
        known.users++
        known.target = target
        return known
      }
      const { path } = target
      const watcher = { grown: () => growth.tell(path), replaced: () => growth.replaced(path) }
      const file =
        path === 'inherit' ? new OpenStdout(target, clock, trouble) : new OpenLog(target, clock, trouble, watcher)
      opened.set(path, file)
      growth.written(path, true)
      growth.replaced(path)
      return file
    },
    close({ path }) {
      const file = opened.get(path)
      if (!file || --file.users > 0) return
      opened.delete(path)
      file.close()
      growth.written(path, false)
    },
    reopen() {
      for (const file of opened.values()) file.reopen()
    },
    clear(path) {
      const file = opened.get(path)
      if (file) file.clear()
      else if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
        const fd = openLog(path)
        ftruncateSync(fd)
        closeSync(fd)
        growth.replaced(path)
      }
      for (const archive of archivesOf(path)) unlinkSync(archive)
    },
  }
}
