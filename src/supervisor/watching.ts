// watch: programs whose files have changed are reloaded, once those have been quiet for a moment. A reload that
// fails leaves the old process where the strategy allows it, and is said; the next change tries again.

import type { Clock } from '../core/ports.ts'
import { nameOf, slotsOf } from '../core/program.ts'
import { outputOf } from './launch.ts'
import type { Log } from './ports.ts'
import { reloadOperation } from './rolling.ts'
import type { Supervisor } from './supervisor.ts'

export interface WatchingParts {
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly log: Log
  /** Files and folders of the master's own, which change all the time. */
  readonly own: readonly string[]
  /** Tells each change of a file that matches and is not ours; returns what ends it. */
  watchFiles(
    globs: readonly string[],
    isOurs: (file: string) => boolean,
    changed: (file: string) => void,
    failed: (e: unknown) => void,
  ): () => void
}

/** An editor or a build writes several files in a row. */
const QUIET_MS = 300

interface Watched {
  readonly globs: readonly string[]
  end(): void
}

export function reloadOnChange({ supervisor, clock, log, own, watchFiles }: WatchingParts): void {
  const watched = new Map<string, Watched>()

  const keep = (program: string): void => {
    const known = supervisor.programs.get(program)
    const globs = known && !known.removed ? (known.spec.watch ?? []) : []
    const before = watched.get(program)
    if (isSame(before?.globs ?? [], globs)) return
    before?.end()
    watched.delete(program)
    if (globs.length > 0) watched.set(program, begin(program, globs))
  }

  const begin = (program: string, globs: readonly string[]): Watched => {
    let wait = (): void => {}
    const changed = (file: string): void => {
      wait()
      wait = clock.alarm(clock.now() + QUIET_MS, () => reload(program, file))
    }
    const failed = (e: unknown): void => log.error({ program, err: String(e) }, 'cannot watch all files')
    const endWatch = watchFiles(globs, isOurs, changed, failed)
    return {
      globs,
      end() {
        wait()
        endWatch()
      },
    }
  }

  const reload = (program: string, file: string): void => {
    const known = supervisor.programs.get(program)
    if (!known || known.removed || supervisor.isStopping) return
    log.info({ program, file }, 'watched files have changed: reload')
    const slots = slotsOf(known).map(({ slot }) => slot)
    const operation = reloadOperation(slots, false, true)
    supervisor.operate(program, operation, ({ superseded }) => {
      const failed = operation.outcomes().find((o) => !o.ok)
      if (!failed || superseded !== null) return
      const facts = { program, name: nameOf(program, failed.slot), reason: failed.error }
      log.error(facts, 'the reload after a change failed; the next change tries again')
    })
  }

  /** Would a process that prints be reloaded for that? */
  const isOurs = (file: string): boolean => {
    const logs = [...supervisor.programs.values()].flatMap(({ instances }) =>
      instances.flatMap(({ spec, slot }) => {
        const { stdout, stderr } = outputOf(spec, slot)
        return stderr === null ? [stdout] : [stdout, stderr]
      }),
    )
    return [...own, ...logs].some((path) => file === path || file.startsWith(`${path}.`) || file.startsWith(`${path}/`))
  }

  supervisor.watch((notice) => {
    const i = notice.kind === 'instance' ? (notice.after ?? notice.before) : null
    if (i) keep(i.program)
  })
  for (const program of supervisor.programs.keys()) keep(program) // of an earlier master
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, at) => one === b[at])
