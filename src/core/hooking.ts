// The hooks beside a process: post_start while it runs, pre_stop before its stop signal, post_stop after its
// end. What they come to changes nothing but what is said of it: only pre_start (starting.ts) can fail a start. The
// handlers of the table in instance.ts for these. Pure.

import { type Hook, hookFault, hookLate, hookRuns } from './hooks.ts'
import type { Context, Effect, Event, In, Instance, Step } from './state.ts'

type HookOver = Extract<Event, { type: 'hookEnded' | 'hookFailed' }>

export function hookSpawned(i: In<'starting' | 'running' | 'stopping'>, e: { pid: number }, c: Context): Step {
  const { state } = i
  if (!state.hook || state.hook.pid !== null) return { next: i, effects: [] }
  return { next: { ...i, state: { ...state, hook: hookRuns(state.hook, e.pid, c.now) } }, effects: [] }
}

/** post_start is over. */
export function begunWith(i: In<'running'>, e: HookOver): Step {
  const { hook } = i.state
  return hook ? { next: withoutHook(i), effects: complaintOf(hook, e) } : { next: i, effects: [] }
}

/** post_start has had its time. */
export function hookGivenUp(i: In<'running'>): Step {
  const { hook } = i.state
  if (!hook) return { next: i, effects: [] }
  const why = hookLate(hook)
  return { next: withoutHook(i), effects: [...ending(hook), { do: 'complain', hook: hook.name, why }] }
}

function withoutHook(i: In<'running'>): Instance {
  const { hook: _over, ...state } = i.state
  return { ...i, state }
}

/** SIGKILL to all of it; one that is only owed will not be made. */
export const ending = (hook: Hook | undefined): Effect[] =>
  hook && hook.pid !== null ? [{ do: 'signal', pid: hook.pid, signal: 'SIGKILL', group: true }] : []

export function complaintOf({ name }: Hook, e: HookOver): Effect[] {
  const why = e.type === 'hookFailed' ? `${name} could not be started: ${e.reason}` : hookFault(name, e)
  return why === null ? [] : [{ do: 'complain', hook: name, why }]
}
