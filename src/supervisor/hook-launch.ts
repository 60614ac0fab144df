// From the hook that is owed to an instance to its process: in the program's directory, as its user and within the
// limits of each process, with its environment and facts of its own, its output captured into the program's log. It
// gets no listeners, no place in the program's cgroup and no way to say ready: it is not the program.

import { identityFor } from '../core/identity.ts'
import type { Accounts, Output, Spawned, Spawner, SpawnFailure } from '../core/ports.ts'
import { nameOf } from '../core/program.ts'
import type { KeptProcess } from '../core/record.ts'
import { forSlot, type OutputSpec } from '../core/spec.ts'
import type { Instance } from '../core/state.ts'
import { TOKEN_ENV } from '../worker/protocol.ts'

export interface HookLaunchParts {
  readonly accounts: Accounts
  readonly spawner: Spawner
  readonly output: Pick<Output, 'open'>
  readonly orphans: 'adopt' | 'stop'
  born(process: KeptProcess, made: boolean): void
  recorded(): void
  outputOf(instance: Instance): OutputSpec
  /** The environment of the instance's process. */
  environmentOf(instance: Instance): Readonly<Record<string, string>>
}

/** Throws a system error of its log. */
export function launchHook(instance: Instance, token: string, parts: HookLaunchParts): Spawned | SpawnFailure {
  const { spec, slot, state } = instance
  const hook = 'hook' in state ? state.hook : undefined
  if (!hook) return { reason: 'it is not wanted any more', permanent: false }
  const owner = parts.accounts.of(spec.identity)
  if (owner && 'reason' in owner) return owner
  const streams = parts.output.open(nameOf(instance.program, slot), parts.outputOf(instance), token, owner)
  try {
    parts.recorded()
    const made = parts.spawner.spawn({
      argv: hook.argv.map((word) => forSlot(word, slot)),
      cwd: forSlot(spec.directory, slot),
      env: { ...parts.environmentOf(instance), ...factsOf(instance, hook.name), [TOKEN_ENV]: token },
      stdout: streams.stdout,
      stderr: streams.stderr,
      listeners: [],
      toldPid: false,
      diesWithUs: parts.orphans === 'stop',
      identity: identityFor(spec, slot),
    })
    if ('pid' in made) parts.born({ ...made, token }, true)
    return made
  } finally {
    streams.release()
  }
}

/** What a hook is told beyond the program's environment. */
function factsOf({ state, exit }: Instance, name: string): Record<string, string> {
  const pid = state.at === 'running' ? state.pid : state.at === 'stopping' ? state.group : null
  const facts: Record<string, string> = { PHD_HOOK: name }
  if (pid !== null) facts.PHD_PID = String(pid)
  if (name !== 'post_stop' || !exit) return facts
  if (exit.code !== null) facts.PHD_EXIT_CODE = String(exit.code)
  if (exit.signal !== null) facts.PHD_EXIT_SIGNAL = exit.signal
  return facts
}
