// What changed between two configurations, by meaning: `10` and `10s` are the same. Pure.

import type { ConfigDiff, Effect, ProgramChange } from '../api/contract.ts'
import type { Kept } from '../core/record.ts'
import type { Config, ProgramConfig, Setting } from './config.ts'
import { rowOf } from './settings.ts'

/** From the weakest to the strongest. */
const STRENGTH: readonly Effect[] = ['live', 'reload', 'listener', 'master-restart']

export function diffConfigs(before: Config, after: Config): ConfigDiff {
  const changed: ProgramChange[] = []
  const unchanged: string[] = []
  for (const [program, next] of after.programs) {
    const former = before.programs.get(program)
    if (!former) continue
    const change = compare(program, former, next)
    if (change) changed.push(change)
    else unchanged.push(program)
  }
  return {
    added: [...after.programs.keys()].filter((program) => !before.programs.has(program)),
    changed,
    removed: [...before.programs.keys()].filter((program) => !after.programs.has(program)),
    unchanged,
    master: keysThatDiffer(before.master.settings, after.master.settings),
  }
}

/** The configuration that was in force under the earlier master, as far as its programs go. */
export function formerConfig(next: Config, kept: Kept): Config {
  const programs = new Map<string, ProgramConfig>()
  for (const [program, { spec, removed }] of kept.program) {
    if (removed) continue
    const known = kept.settings.get(program) as Pick<ProgramConfig, 'settings'> | undefined
    programs.set(program, { spec, settings: known?.settings ?? next.programs.get(program)?.settings ?? [] })
  }
  return { ...next, programs }
}

function compare(program: string, before: ProgramConfig, after: ProgramConfig): ProgramChange | null {
  const sdk = before.spec.run.kind === 'worker' || after.spec.run.kind === 'worker'
  const effects = new Map<string, Effect>()
  for (const key of keysThatDiffer(before.settings, after.settings)) {
    const effect = effectOf(key, sdk)
    if (effect) effects.set(key, effect)
  }
  // The content of a dotenv file is part of what a process gets, and stands in no setting.
  if (!sameEntries(before.spec.env, after.spec.env) && ![...effects.keys()].some(isEnvironment))
    effects.set('env_file', 'reload')
  // Nor does what the sections of groups say.
  if (before.spec.groups.join() !== after.spec.groups.join()) effects.set('groups', 'live')
  if (effects.size === 0) return null
  const effect = [...effects.values()].reduce((a, b) => (STRENGTH.indexOf(b) > STRENGTH.indexOf(a) ? b : a))
  return { program, keys: [...effects.keys()], effect }
}

/** null = this alone changes nothing: the keys that use it do. An SDK worker reads everything in its cfg. */
function effectOf(key: string, sdk: boolean): Effect | null {
  const row = rowOf(key, 'program')
  if (row?.effect) return row.effect
  if (key.startsWith('env.')) return 'reload'
  return sdk ? 'reload' : null
}

function keysThatDiffer(before: readonly Setting[], after: readonly Setting[]): readonly string[] {
  const former = new Map(before.map((setting) => [setting.key, setting.effective]))
  const next = new Map(after.map((setting) => [setting.key, setting.effective]))
  return [...new Set([...next.keys(), ...former.keys()])].filter(
    (key) => (former.get(key) ?? '') !== (next.get(key) ?? ''),
  )
}

function sameEntries(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
}

const isEnvironment = (key: string): boolean => key === 'environment' || key === 'env_file' || key.startsWith('env.')
