// What `show` says of a program: every value with its origin, and what a process in a slot would get. Secrets
// are masked here, for nobody is shown them.

import type { Shown } from '../api/contract.ts'
import type { ProgramConfig, Setting } from '../config/config.ts'
import { masked, maskedWords, parsePairs } from '../config/environment.ts'
import { maskedSetting } from '../config/print.ts'
import { limitsShown } from '../core/identity.ts'
import { socketsOf } from '../core/listening.ts'
import type { Accounts } from '../core/ports.ts'
import { forSlot } from '../core/spec.ts'
import { commandOf, environmentOf, inheritable, listenEnvironment, outputOf } from '../supervisor/launch.ts'

export function shownOf({ spec, settings }: ProgramConfig, slot: number, socket: string, accounts: Accounts): Shown {
  const environment = {
    ...environmentOf(
      inheritable(process.env),
      { spec, slot },
      { accounts, socket, masterPid: process.pid, fence: () => null },
    ),
    ...listenEnvironment(socketsOf(spec, slot)),
  }
  const { stdout, stderr } = outputOf(spec, slot)
  const written = namesIn(settings)
  // A dotenv file is where secrets are kept: whatever they are called, they stay there.
  const shown = (name: string, value: string): string =>
    Object.hasOwn(spec.env, name) && !written.has(name) ? '***' : masked(name, value)
  return {
    program: spec.program,
    settings: settings.map((s) => ({
      key: s.key,
      value: forSlot(maskedSetting(s), slot),
      origin: s.origin ? `${s.origin.file}:${s.origin.line}` : 'default',
    })),
    argv: maskedWords(commandOf(spec, slot) ?? [process.execPath, spec.run.kind === 'worker' ? spec.run.module : '']),
    directory: forSlot(spec.directory, slot),
    environment: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, shown(name, value)])),
    stdout,
    stderr,
    slot,
    listeners: spec.listeners.map(({ text }) => text),
    limits: limitsShown(spec.identity),
  }
}

/** Variables that the configuration file itself sets. */
function namesIn(settings: readonly Setting[]): ReadonlySet<string> {
  const names = settings.flatMap(({ key, value }) => {
    if (key === 'environment') return [...parsePairs(value).keys()]
    return key.startsWith('env.') ? [key.slice(4)] : []
  })
  return new Set(names)
}
