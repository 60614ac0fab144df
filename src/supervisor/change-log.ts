// What the log says of an instance: one line a transition, one when its health changes, one for a hook that
// failed; and only here.

import type { Hook } from '../core/hooks.ts'
import { nameOf, wordOf } from '../core/program.ts'
import { type Instance, pidOf } from '../core/state.ts'
import type { Log } from './ports.ts'

export function logChange(log: Log, before: Instance, after: Instance): void {
  const { program, slot } = after
  const facts = { program, name: nameOf(program, slot), pid: pidOf(after) ?? pidOf(before) }
  const health = healthOf(after)
  if (health !== undefined && health !== healthOf(before)) {
    const reason = after.state.at === 'running' ? after.state.check?.error : null
    const words = health === 'failing' ? { reason } : {}
    log[health === 'failing' ? 'warn' : 'info']({ ...facts, health, ...words }, 'health')
  }
  if (wordOf(before) === wordOf(after) && !beginsToWait(before, after)) return
  const exit = after.exit !== before.exit && after.exit ? { exit: after.exit.code ?? after.exit.signal } : {}
  const reason = after.reason ? { reason: after.reason } : {}
  log.info({ ...facts, from: wordOf(before), to: wordOf(after), ...exit, ...reason }, 'state')
}

export function logHook(
  log: Log,
  { program, slot }: Instance,
  { hook, why }: { hook: Hook['name']; why: string },
): void {
  log.warn({ program, name: nameOf(program, slot), hook, reason: why }, 'a hook failed')
}

/** It is STARTING as before; now it is known what for. */
const beginsToWait = (before: Instance, after: Instance): boolean =>
  after.state.at === 'waiting' && before.reason === null && after.reason !== null

const healthOf = ({ state }: Instance): string | undefined => (state.at === 'running' ? state.health : undefined)
