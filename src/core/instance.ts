// The heart: what one process of a program may be, and what each happening makes of it.
//
// An instance is one slot of a program in one generation. Its life is a table: each state names the
// events it answers to and the function that answers; an absent pair is ignored on purpose. The
// functions are pure: they return the next instance and the effects that the world owes us. Outcomes
// of effects come back as events. There are no timers here: a wait is a `deadline` in the state.
//
//   stopped -> [waiting] -> starting -> running -> (exit) -> backoff -> [waiting] -> starting ...
//                                  \-> stopping -> stopped          \-> fatal | exited
//   starting -> standby -> starting: while another master has the lock of its program
//
// Promises: a state carries all its data (no flags beside it); `wanted` is kept apart from what is;
// FATAL and EXITED leave only when somebody asks (start, restart, stop). Must not read a clock: `now` comes in.

import * as check from './checking.ts'
import * as hook from './hooking.ts'
import * as rest from './resting.ts'
import * as up from './starting.ts'
import type { At, Context, Event, In, Instance, Step } from './state.ts'
import * as down from './stopping.ts'
import * as word from './words.ts'

type Handler<S extends At, T extends Event['type']> = (i: In<S>, e: Extract<Event, { type: T }>, c: Context) => Step
type Rules = { readonly [S in At]: { readonly [T in Event['type']]?: Handler<S, T> } }

/** The table. Read a line as: in this state, each event is answered by this function. */
// biome-ignore format: a table is read in columns
export const rules: Rules = {
  stopped:  { start: up.start, run: up.run, restart: up.start },
  waiting:  { start: up.keep, stop: down.leave, restart: up.keep, kill: down.leave, depsOk: up.depsOk, waits: up.waits },
  starting: { start: up.keep, waits: up.waitsAgain, stop: down.stop, restart: down.bounce, kill: down.kill, spawned: up.spawned,
              spawnFailed: up.spawnFailed, ready: up.ready, said: up.said, missed: up.missed, status: word.status,
              extend: word.extend, hangs: word.hangs, exited: up.startFailed, deadline: up.late,
              lockTaken: up.standBy, lockGot: up.lockGot, lockLost: down.lose,
              hookSpawned: hook.hookSpawned, hookFailed: up.prepared, hookEnded: up.prepared },
  running:  { start: up.keep, stop: down.stop, restart: down.bounce, kill: down.kill, beat: word.beat, ready: word.readyAgain,
              withdrew: word.withdrew, status: word.status, hangs: word.hangs, exited: up.ended, deadline: up.overdue,
              recycleLater: up.recycleLater, lockLost: down.lose, checking: check.checking, checked: check.checked,
              hookSpawned: hook.hookSpawned, hookFailed: hook.begunWith, hookEnded: hook.begunWith },
  stopping: { start: down.wantUp, stop: down.wantDown, restart: down.wantUp, kill: down.killNow,
              status: word.status, lockLost: down.loseNow,
              extend: word.extend, exited: down.gone, emptied: down.gone, deadline: down.murder, untold: down.askAgain,
              hookSpawned: hook.hookSpawned, hookFailed: down.hookOver, hookEnded: down.hookOver },
  backoff:  { start: up.start, run: up.run, stop: rest.rest, restart: up.start, kill: rest.rest, emptied: rest.cleared, deadline: rest.spawnAgain },
  exited:   { start: up.start, run: up.run, stop: rest.rest, restart: up.start, kill: rest.rest, emptied: rest.cleared, deadline: rest.murderLeft },
  fatal:    { start: up.start, run: up.run, stop: rest.rest, restart: up.start, kill: rest.rest, emptied: rest.cleared, deadline: rest.murderLeft },
  standby:  { start: up.start, run: up.run, restart: up.start, stop: rest.rest, kill: rest.rest, lockGot: up.run, lockTaken: up.standBy },
}

/** What `event` makes of the instance. An event that its state does not name changes nothing. */
export function transition(instance: Instance, event: Event, context: Context): Step {
  const handler = rules[instance.state.at][event.type] as Handler<At, Event['type']> | undefined
  return handler ? handler(instance as In<At>, event as never, context) : { next: instance, effects: [] }
}
