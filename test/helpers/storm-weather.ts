// What a storm is and what it knows of itself: the world it plays in, what was asked of it, and what of
// that is certain, without asking the supervisor.

import type { Spec } from '../../src/core/spec.ts'
import type { OperationKind } from '../../src/supervisor/queue.ts'
import type { World } from './fake-os.ts'
import type { Asked } from './operate.ts'

export interface Storm {
  readonly seed: number
  /** Each decides one step: what happens, to whom, how much. */
  readonly steps: readonly number[]
}

/** What the storm knows by itself of a program. */
export interface Known {
  readonly name: string
  /** What was asked last for a slot, where that is certain. */
  readonly asked: Map<number, 'up' | 'down'>
  /** Two processes in one slot are possible. */
  startFirst: boolean
}

export interface Weather {
  readonly world: World
  readonly known: Map<string, Known>
  /** The configuration as it stands in the file. */
  readonly file: Map<string, Spec>
  readonly operations: Asked[]
  /** Programs asked to go, and how often their `gone` came. */
  readonly leaving: { readonly program: string; gone: number }[]
  /** From then on all that is made is healthy, and nothing is asked any more. */
  goodSince: number
  /** What is being asked at this moment, before it counts as an operation; an `add` may start what rests. */
  asking: { readonly program: string | null; readonly kind: string } | null
  /** The program of which this step asks something. */
  step: { readonly program: string; readonly adds: boolean } | null
  /** After shutdown: how often `stopped` came, and whether all were to be killed. */
  stopping: { stopped: number; killed: boolean } | null
  /** Planned replacements under way, by program, and since when. */
  readonly rolling: Map<string, Map<OperationKind, number>>
  /** Those that this master began or resumed: `a update`. */
  readonly rolled: Set<string>
  /** Those that the last master had begun or owed. */
  readonly owed: Set<string>
  /** The settings with which an update of the program ended well. */
  readonly updated: Map<string, string>
  /** Processes whose program has had single_instance switched off since they were made. */
  readonly unlocked: Set<number>
  /** Groups that an earlier master was ending: SIGKILL must have come by then. */
  readonly stops: Map<number, number>
  /** Generations of older processes were lost with a record. */
  countedFrom: number
}

/** The master of the weather is there to be asked. */
export const isAlive = ({ world }: Weather): boolean => world.life.over === null

/** Asks, and knows meanwhile what is asked. */
export function asking<T>(weather: Weather, program: string | null, kind: string, ask: () => T): T {
  weather.asking = { program, kind }
  try {
    return ask()
  } finally {
    weather.asking = null
  }
}
