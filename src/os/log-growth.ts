// Who wants to know of which log file that it grew or was replaced, and whether anybody writes it.

import type { Clock } from '../core/ports.ts'

/** What happens to a file. */
export interface Growth {
  /** It has grown, or was replaced; told at most once a turn. */
  grown(): void
  /** Another file stands at its path, or it was emptied; told at once, before anything more is written. */
  replaced(): void
}

export interface LogWatcher extends Growth {
  /** Whether a stream of ours goes there: told when the watching begins, and when it changes. All that ended streams brought is in the file. */
  written(open: boolean): void
}

/** Who wants to know of which file. */
export function growthOf(clock: Clock) {
  const watchers = new Map<string, Set<LogWatcher>>()
  const due = new Set<string>()
  /** Files that streams go to. */
  const open = new Set<string>()
  const tell = (path: string): void => {
    if (!watchers.has(path) || due.has(path)) return
    due.add(path)
    clock.soon(() => {
      due.delete(path)
      for (const watcher of [...(watchers.get(path) ?? [])]) watcher.grown()
    })
  }
  return {
    on(path: string, watcher: LogWatcher): () => void {
      const set = watchers.get(path) ?? new Set()
      watchers.set(path, set.add(watcher))
      watcher.written(open.has(path))
      return () => {
        set.delete(watcher)
        if (set.size === 0 && watchers.get(path) === set) watchers.delete(path)
      }
    },
    tell,
    written(path: string, by: boolean): void {
      if (by) open.add(path)
      else open.delete(path)
      for (const watcher of [...(watchers.get(path) ?? [])]) watcher.written(by)
    },
    replaced(path: string): void {
      for (const watcher of [...(watchers.get(path) ?? [])]) watcher.replaced()
      tell(path)
    },
  }
}
