// depends_on: from the names in the file to programs that are there, groups taken apart, circles refused.

import { circleIn, graphOf } from '../core/order.ts'
import type { Condition, Dependency } from '../core/spec.ts'
import type { ProgramConfig, Setting } from './config.ts'
import type { Groups } from './groups.ts'
import type { Entry } from './lexer.ts'
import type { View } from './master.ts'
import { hintOf } from './near.ts'
import { BadValue, type Findings } from './problems.ts'
import { quote } from './units.ts'

const conditions = ['started', 'running', 'ready', 'healthy', 'completed'] as const satisfies readonly Condition[]

/** `db, migrate:completed`; the names may still be of groups, or of nobody. */
export function parseDependencies(text: string): readonly Dependency[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((one) => {
      const [, program = one, word] = /^(.*?)(?::(.*))?$/.exec(one) ?? []
      const condition = conditions.find((each) => each === (word ?? 'ready').toLowerCase())
      if (program === '' || condition === undefined) {
        throw new BadValue(`cannot be ${quote(one)}: wanted NAME or NAME:CONDITION, one of ${conditions.join(', ')}`)
      }
      return { program, condition }
    })
}

export interface Named {
  readonly programs: ReadonlyMap<string, ProgramConfig>
  readonly groups: Groups
  /** Programs of the file that were not selected: nobody waits for them. */
  readonly unselected: ReadonlySet<string>
}

/** The same programs, each with what it really depends on and the groups that it is in. */
export function withOrder(views: readonly View[], named: Named, findings: Findings): Map<string, ProgramConfig> {
  const { programs, groups } = named
  const ordered = new Map<string, ProgramConfig>()
  for (const view of views) {
    const { name } = view.header
    const config = programs.get(name)
    if (!config) continue
    const memberOf = [...groups]
      .filter(([, members]) => members.includes(name))
      .map(([group]) => group)
      .sort()
    const dependsOn = resolve(view, config, named, findings)
    const spec = { ...config.spec, dependsOn, groups: memberOf }
    ordered.set(name, { spec, settings: config.settings.map((each) => resolved(each, dependsOn)) })
  }
  refuseCircle(views, ordered, findings)
  return ordered
}

function resolve(view: View, config: ProgramConfig, named: Named, findings: Findings): readonly Dependency[] {
  const { name } = view.header
  const entry = view.layer.find('depends_on')
  const say = (how: 'refuse' | 'warn', message: string): void =>
    findings[how](entry ?? view.header, name, entry?.written ?? 'depends_on', message)
  const found = new Map<string, Dependency>()
  for (const { program: wanted, condition } of config.spec.dependsOn) {
    const members = named.groups.get(wanted) ?? [wanted]
    for (const program of members) {
      if (named.unselected.has(program)) continue
      const fault = program === name ? whySelf(view, wanted) : faultOf(program, condition, named)
      if (fault === null && program !== name) found.set(`${program}:${condition}`, { program, condition })
      if (fault === null) continue
      say(fault.how, fault.text)
      if (fault.how === 'warn') found.set(`${program}:${condition}`, { program, condition })
    }
  }
  return [...found.values()]
}

/** Shown, compared and printed as what it comes to. */
function resolved(setting: Setting, dependsOn: readonly Dependency[]): Setting {
  if (setting.key !== 'depends_on') return setting
  const words = dependsOn.map(({ program, condition }) => (condition === 'ready' ? program : `${program}:${condition}`))
  return { ...setting, value: words.join(', '), effective: words.length === 0 ? '' : JSON.stringify(dependsOn) }
}

interface Fault {
  readonly how: 'refuse' | 'warn'
  readonly text: string
}

/** Named in [DEFAULT] it is meant for the others. */
function whySelf({ layer, header }: View, wanted: string): Fault | null {
  if (!layer.own.has('depends_on')) return null
  const through = wanted === header.name ? '' : ` (it is in the group ${wanted})`
  return { how: 'refuse', text: `cannot be ${quote(wanted)}: a program cannot wait for itself${through}` }
}

function faultOf(program: string, condition: Condition, { programs, groups }: Named): Fault | null {
  const known = programs.get(program)
  if (!known) {
    const hint = hintOf(program, [...programs.keys(), ...groups.keys()])
    return { how: 'refuse', text: `cannot be ${quote(program)}: no such program or group${hint}` }
  }
  const { autorestart, health } = known.spec
  if (condition === 'healthy' && !health) {
    return {
      how: 'warn',
      text: `waits for ${program} to be healthy, and that one has no health_check: it will do when it is ready`,
    }
  }
  if (condition === 'completed' && autorestart === 'always') {
    const text = `cannot wait for ${program} to be completed: its autorestart is always, so it never is; wanted on-failure or never`
    return { how: 'refuse', text }
  }
  if (condition === 'completed' || condition === 'started' || autorestart !== 'never') return null
  const text = `waits for ${program} while it runs, and that one is not started again when it ends; did you mean ${program}:completed?`
  return { how: 'warn', text }
}

/** One circle is enough to see: the others show when it is gone. */
function refuseCircle(views: readonly View[], programs: Named['programs'], findings: Findings): void {
  const circle = circleIn(graphOf(programs))
  const [first] = circle ?? []
  if (!circle || first === undefined) return
  const entries = new Map(views.map((view) => [view.header.name, view.layer.find('depends_on')]))
  const at = (name: string): Entry | null => entries.get(name) ?? null
  const places = circle.slice(1, -1).map((name) => `; ${name}: ${at(name)?.file}:${at(name)?.line}`)
  const place = at(first) ?? views.find((view) => view.header.name === first)?.header
  if (!place) return
  findings.refuse(place, first, 'depends_on', `cannot go in a circle: ${circle.join(' -> ')}${places.join('')}`)
}
