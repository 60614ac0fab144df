// What a program waits for: which conditions of those it depends on are met, and in words which are
// not. Level-triggered: asked again after each change of anything, it remembers nothing. Pure.

import { nameOf, type Program, type Slot, slotsOf, wordOf } from './program.ts'
import type { Condition, Dependency, Spec } from './spec.ts'
import { type In, type Instance, isReady } from './state.ts'

type Programs = ReadonlyMap<string, Program>

export interface Hindrance {
  /** `waiting for db:0 (BACKOFF, exit 1)` */
  readonly text: string
  /** Nothing brings it on by itself. */
  readonly stuck: boolean
}

/** Why no process of it may start now; null = all that it depends on is far enough. */
export function hindranceOf({ dependsOn }: Pick<Spec, 'dependsOn'>, programs: Programs): Hindrance | null {
  const unmet = dependsOn.flatMap((one) => unmetOf(one, programs.get(one.program)))
  if (unmet.length === 0) return null
  const more = unmet.length > NAMED ? ` and ${unmet.length - NAMED} more` : ''
  const words = unmet.slice(0, NAMED).map(({ text }) => text)
  return { text: `waiting for ${words.join(', ')}${more}`, stuck: unmet.some(({ stuck }) => stuck) }
}

/** Others are counted. */
const NAMED = 3

/** All slots that are wanted up must meet it. A program of no slots has none to wait for; one that is stopped is waited for. */
function unmetOf({ program: name, condition }: Dependency, program: Program | undefined): Hindrance[] {
  if (!program || program.removed) return [{ text: `${name} (no such program)`, stuck: true }]
  if (program.desired === 0) return []
  const slots = slotsOf(program)
  if (slots.length < program.desired) return [{ text: `${name} (STARTING)`, stuck: false }]
  const wanted = slots.filter((s) => s.serving.wanted === 'up' || s.replacement?.wanted === 'up')
  if (wanted.length === 0) return [{ text: `${name} (STOPPED)`, stuck: true }]
  return wanted.filter((s) => !slotMeets(s, condition)).map(({ serving: i }) => hindering(i, condition))
}

function slotMeets({ serving, replacement }: Slot, condition: Condition): boolean {
  return meets(serving, condition) || (replacement !== null && meets(replacement, condition))
}

/** Is this process far enough for those that depend on it? */
export function meets(i: Instance, condition: Condition): boolean {
  const { state } = i
  switch (condition) {
    case 'started':
      return state.at === 'running' || (state.at === 'starting' && state.pid !== null) || hasCompleted(i)
    case 'running':
      return state.at === 'running'
    case 'ready':
      return isReady(i)
    case 'healthy':
      return isReady(i) && (i.spec.health === undefined || (state.at === 'running' && state.health === 'passing'))
    case 'completed':
      return hasCompleted(i)
    default:
      return condition satisfies never
  }
}

const hasCompleted = (i: Instance): boolean => i.state.at === 'exited' && i.exit?.expected === true

/** One process that is not far enough: where it stands, and whether it will come by itself. */
function hindering(i: Instance, condition: Condition): Hindrance {
  const { state, exit } = i
  const name = nameOf(i.program, i.slot)
  const ended = exit === null ? i.reason : exit.code === null ? `killed by ${exit.signal}` : `exit ${exit.code}`
  const say = (stuck: boolean, more: string | null = null): Hindrance => ({
    text: `${name} (${[wordOf(i), more].filter(Boolean).join(', ')})`,
    stuck,
  })
  switch (state.at) {
    case 'stopped':
      return say(true)
    case 'waiting':
      return say(state.stuck, state.stuck ? 'waiting itself' : null)
    case 'starting':
      return say(false)
    case 'running':
      return say(false, condition === 'completed' ? 'not ended yet' : shortOf({ ...i, state }))
    case 'stopping':
      return say(i.wanted === 'down')
    case 'backoff':
      return say(i.failures > 0, ended)
    case 'exited':
    case 'fatal':
      return say(true, ended)
    case 'standby':
      return say(true, i.reason)
    default:
      return state satisfies never
  }
}

/** What a running process lacks. */
function shortOf({ state }: In<'running'>): string {
  if (state.withdrawn !== undefined) return 'not ready'
  return state.health === undefined ? 'not checked yet' : 'not healthy'
}

/**
 * Is it older than a process of something it depends on, which has taken the place of another? What has merely been
 * added, by scale, replaces nothing; what ends (`completed`) is not run with.
 */
export function isOutdated(i: Instance, { dependsOn }: Pick<Spec, 'dependsOn'>, programs: Programs): boolean {
  const since = bornAt(i)
  if (since === null) return false
  return dependsOn.some(({ program, condition }) => {
    if (condition === 'completed') return false
    const others = programs.get(program)?.instances ?? []
    return others.some((other) => (other.exit !== null || other.replaces === true) && (bornAt(other) ?? 0) > since)
  })
}

/** When its process was made; null = it has none, or that is on its way out. */
function bornAt({ state }: Instance): number | null {
  if (state.at === 'running') return state.since
  return state.at === 'starting' && state.pid !== null ? state.since : null
}
