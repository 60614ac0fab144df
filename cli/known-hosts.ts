// The hosts that have names: [hosts] of the configuration that is given, or found by itself.

import { type Host, hostsIn } from '../src/config/hosts.ts'
import { caller, findConfig, placesOf } from '../src/config/places.ts'

export interface Known {
  /** Null: there is no configuration. */
  readonly file: string | null
  readonly hosts: readonly Host[]
}

/** Throws PH_CONFIG where the section is wrong. */
export function knownHosts(config: string | null): Known {
  const file = config ?? findConfig(placesOf(caller(), process.env))
  return { file, hosts: file === null ? [] : hostsIn(file) }
}

/** What can stand behind -H, beside what ssh knows. */
export function hostWords(config: string | null): readonly string[] {
  const names = knownHosts(config).hosts.map(({ name }) => name)
  return names.length === 0 ? [] : [...names, 'all']
}
