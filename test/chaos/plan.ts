// What a chaos run does, and when: chosen by the seed alone, so that the same seed asks the same again,
// whatever came of it the last time. Pure.

import { type Dice, dice } from '../helpers/dice.ts'
import { type Role, roles } from './roles.ts'

export type Verb = 'start' | 'stop' | 'restart' | 'reload'

export type Change =
  | { readonly key: 'workers'; readonly to: number }
  | { readonly key: 'gracefulMs'; readonly to: number }
  | { readonly key: 'mark'; readonly to: number }

/** `pick`s choose among what is there at that moment. */
export type Action =
  | {
      readonly kind: 'kill master'
      /** What it is just doing then; null = whatever it does. */
      readonly aim: Aim | null
      /** So long after that moment. */
      readonly aimMs: number
      /** Before the next one is started. */
      readonly restMs: number
      /** Workers that die as well: the first half with it, or so long before; the others while there is none. */
      readonly picks: readonly number[]
      readonly leadMs: number | null
      /** The next one is killed as well, so long after its start; null = it may live. */
      readonly againMs: number | null
    }
  /** In place; some workers die meanwhile. */
  | { readonly kind: 'upgrade'; readonly picks: readonly number[]; readonly afterMs: number }
  | { readonly kind: 'kill workers'; readonly picks: readonly number[] }
  | { readonly kind: 'freeze'; readonly pick: number; readonly ms: number }
  | { readonly kind: 'operate'; readonly verb: Verb; readonly program: string; readonly slot: number | null }
  | { readonly kind: 'scale'; readonly program: string; readonly to: number }
  | { readonly kind: 'update'; readonly program: string; readonly change: Change }
  | { readonly kind: 'bad update' }
  | { readonly kind: 'reopen'; readonly by: 'call' | 'signal' }
  | { readonly kind: 'rename'; readonly pick: number; readonly by: 'call' | 'signal' | 'nobody' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'clients'; readonly clients: readonly Visit[] }

/** What a master does that leaves a trace in a folder as soon as it begins. */
export type Aim = 'spawn' | 'rotation' | 'compression' | 'record'

/** A client that leaves in the middle. */
export interface Visit {
  readonly asks: 'status' | 'logs' | 'events' | 'half a line' | 'junk'
  readonly leavesMs: number
}

export interface Step {
  readonly action: Action
  /** Then so long nothing. */
  readonly pauseMs: number
}

/** Of each 40 rounds masters are killed or upgraded in the first 16; then one lives on, so that its growth is seen. */
export const kills = (round: number): boolean => round % 40 < 16

export function planRound(seed: number, round: number): Step[] {
  const random = dice(Math.imul(seed, 31) + round * 7919)
  const steps = 8 + random.below(8)
  return Array.from({ length: steps }, () => ({
    action: choose(random, kills(round), round),
    pauseMs: random.chance(30) ? 0 : random.below(400),
  }))
}

const weights = {
  'kill master': 16,
  upgrade: 5,
  'kill workers': 16,
  freeze: 8,
  operate: 26,
  scale: 14,
  update: 12,
  'bad update': 2,
  reopen: 4,
  rename: 8,
  clear: 3,
  clients: 12,
} as const satisfies Record<Action['kind'], number>

function choose(random: Dice, killing: boolean, round: number): Action {
  const kinds = (Object.keys(weights) as Action['kind'][]).filter(
    (kind) => killing || !(kind === 'kill master' || kind === 'upgrade'),
  )
  const kind = random.pick(kinds.flatMap((one) => Array<typeof one>(weights[one]).fill(one)))
  return makers[kind](random, round)
}

const makers: { readonly [K in Action['kind']]: (random: Dice, round: number) => Action & { readonly kind: K } } = {
  'kill master': (random) => ({
    kind: 'kill master',
    aim: random.chance(50) ? random.pick(['spawn', 'spawn', 'rotation', 'compression', 'record'] as const) : null,
    aimMs: random.below(4),
    restMs: random.chance(50) ? 0 : random.below(2_000),
    picks: random.chance(40) ? picks(random, 3) : [],
    leadMs: random.chance(50) ? random.below(40) : null,
    againMs: random.chance(20) ? random.below(600) : null,
  }),
  upgrade: (random) => ({
    kind: 'upgrade',
    picks: random.chance(60) ? picks(random, 3) : [],
    afterMs: random.below(400),
  }),
  'kill workers': (random) => ({ kind: 'kill workers', picks: picks(random, 4) }),
  freeze: (random) => ({ kind: 'freeze', pick: random.below(PICKS), ms: 20 + random.below(1_200) }),
  operate: (random) => {
    const { name, base } = aRole(random)
    const verb = random.pick(['start', 'stop', 'restart', 'restart', 'reload', 'reload'] as const)
    const slot = verb === 'restart' && random.chance(50) ? random.below(base) : null
    return { kind: 'operate', verb, program: name, slot }
  },
  scale: (random) => ({ kind: 'scale', program: aRole(random).name, to: random.below(6) }),
  update: (random, round) => ({ kind: 'update', program: aRole(random).name, change: changeOf(random, round) }),
  'bad update': () => ({ kind: 'bad update' }),
  reopen: (random) => ({ kind: 'reopen', by: random.pick(['call', 'signal'] as const) }),
  rename: (random) => ({
    kind: 'rename',
    pick: random.below(PICKS),
    by: random.pick(['call', 'signal', 'nobody'] as const),
  }),
  clear: () => ({ kind: 'clear' }),
  clients: (random) => ({ kind: 'clients', clients: Array.from({ length: 1 + random.below(6) }, () => visit(random)) }),
}

const PICKS = 1_000_000

const aRole = (random: Dice): Role => random.pick(roles)

const picks = (random: Dice, most: number): number[] =>
  Array.from({ length: 1 + random.below(most) }, () => random.below(PICKS))

function changeOf(random: Dice, round: number): Change {
  const key = random.pick(['workers', 'gracefulMs', 'mark'] as const)
  if (key === 'workers') return { key, to: 1 + random.below(4) }
  if (key === 'gracefulMs') return { key, to: 200 + random.below(2_000) }
  return { key, to: round * 1000 + random.below(1000) }
}

function visit(random: Dice): Visit {
  const asks = random.pick(['status', 'logs', 'events', 'half a line', 'junk'] as const)
  return { asks, leavesMs: random.below(300) }
}
