// Hooks as data: the commands around the life of a process, and the one that runs now. A hook is a process of
// ours like any other, but no instance's own: it is owed, made, and its end comes back as an event. At most one
// runs for an instance at a time. Pure.

import type { HookName, Spec } from './spec.ts'

/** The hook that is owed or runs. */
export interface Hook {
  readonly name: HookName
  /** As it was when the hook was owed; slot marks allowed. */
  readonly argv: readonly string[]
  readonly timeoutMs: number
  /** null = about to be made. */
  readonly pid: number | null
  /** hook_timeout is over then; null until it runs. Monotonic ms. */
  readonly deadline: number | null
}

/** The hook is owed, where the program has one of that name. */
export function hookOf({ hooks }: Spec, name: HookName): Hook | null {
  const argv = hooks?.commands[name]
  return argv ? { name, argv, timeoutMs: hooks.timeoutMs, pid: null, deadline: null } : null
}

/** It runs from now on. */
export const hookRuns = (hook: Hook, pid: number, now: number): Hook => ({
  ...hook,
  pid,
  deadline: now + hook.timeoutMs,
})

export const hookDue = ({ pid, deadline }: Hook): number | null => (pid === null ? null : deadline)

/** Does the state wait for its hook? Not where a stopped start's pre_start has taken the place of the process. */
export const isBeside = ({ at, hook }: { readonly at: string; readonly hook?: Hook }): boolean =>
  hook !== undefined && !(at === 'stopping' && hook.name === 'pre_start')

export const hookLate = ({ name, timeoutMs }: Hook): string => `${name} did not end within ${timeoutMs / 1000} s`

/** `pre_start exited 1`; null = it went well. */
export function hookFault(name: HookName, e: { readonly code: number | null; readonly signal: string | null }) {
  if (e.code === 0) return null
  if (e.code === null && e.signal === null) return `${name} ended, nobody knows how`
  return e.signal === null ? `${name} exited ${e.code}` : `${name} was killed by ${e.signal}`
}
