// A storm: random programs, random vices, random commands, random time, played against the real
// supervisor in the fake world, with everything that must always hold looked at after each step.
// One seed and one list of steps give the same storm again, so a failure can be shrunk and replayed.

import { slotsOf } from '../../src/core/program.ts'
import type { Spec } from '../../src/core/spec.ts'
import { type Instance, pidOf } from '../../src/core/state.ts'
import { type Dice, dice } from './dice.ts'
import { type Nature, World } from './fake-os.ts'
import { type Asked, verbs } from './operate.ts'
import { specOf } from './specs.ts'
import { calmFault, stormFault } from './storm-rules.ts'

export interface Storm {
  readonly seed: number
  /** Each decides one step: what happens, to whom, how much. */
  readonly steps: readonly number[]
}

/** What the storm knows by itself of a program, without asking the supervisor. */
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
  readonly operations: Asked[]
  /** Programs asked to go, and how often their `gone` came. */
  readonly leaving: { readonly program: string; gone: number }[]
  faults: boolean
  /** What is being asked at this moment, before it counts as an operation; an `add` may start what rests. */
  asking: { readonly program: string; readonly kind: string } | null
  /** After shutdown: how often `stopped` came. */
  stopping: { stopped: number } | null
}

const NAMES = ['a', 'b', 'c'] as const

/** Plays the storm, then good weather until all is calm. Throws what rule was broken, and when. */
export function play({ seed, steps }: Storm): void {
  const weather = begin(seed)
  const { world } = weather
  const trail: string[] = []
  const look = (): void => {
    const fault = stormFault(weather)
    if (fault) throw new Error(`${fault}\n  at ${world.clock.time} ms, after:\n  ${trail.join('\n  ')}`)
  }
  for (const step of steps) {
    trail.push(`${world.clock.time}: ${act(weather, dice(step))}`)
    world.settle()
    look()
  }
  weather.faults = false
  for (let tries = 0; ; tries++) {
    world.advance(500)
    look()
    const unrest = calmFault(weather)
    if (unrest === null) return
    if (tries > 240)
      throw new Error(`never calm: ${unrest}\n  after:\n  ${[...trail, ...standing(world)].join('\n  ')}`)
  }
}

/** Every instance as it stands. */
function standing({ supervisor }: World): string[] {
  return [...supervisor.programs.values()].flatMap((p) =>
    p.instances.map(
      ({ slot, generation, wanted, state }) =>
        `${p.name}:${slot} of generation ${generation}, wanted ${wanted}: ${JSON.stringify(state)}`,
    ),
  )
}

function begin(seed: number): Weather {
  const natures = dice(seed + 1)
  const jitter = dice(seed + 2)
  const world = new World({
    nature: (instance) => natureOf(instance, weather.faults ? natures : null),
    random: () => jitter.below(1000) / 1000,
  })
  const weather: Weather = {
    world,
    known: new Map(),
    operations: [],
    leaving: [],
    faults: true,
    asking: null,
    stopping: null,
  }
  world.supervisor.watch((notice) => {
    if (notice.kind !== 'instance' || !notice.before || !notice.after) return
    const { before, after } = notice
    const { at } = before.state
    noteLostCapacity(weather, before, after)
    if ((at !== 'fatal' && at !== 'exited') || after.state.at === at || after.state.at === 'stopped') return
    if (after.state.at === 'stopping') return
    const raising = at === 'fatal' ? ['add', 'start', 'restart', 'reload', 'update'] : ['add', 'start', 'restart']
    const open = weather.operations.flatMap((o) => (o.ends === 0 ? { program: o.program, kind: o.operation.kind } : []))
    const asked = [...open, ...(weather.asking ? [weather.asking] : [])]
    if (!asked.some((a) => a.program === before.program && raising.includes(a.kind)))
      world.faults.push(`${before.program}:${before.slot} rose from ${at} by itself`)
  })
  const launch = world.ports.launcher.launch
  world.ports.launcher.launch = (i, token) => {
    const asked = weather.known.get(i.program)?.asked.get(i.slot)
    if (i.wanted === 'down') world.faults.push(`${i.program}:${i.slot} launched while wanted down`)
    if (asked === 'down') world.faults.push(`${i.program}:${i.slot} launched after it was stopped`)
    if (weather.stopping) world.faults.push(`${i.program}:${i.slot} launched during shutdown`)
    return launch(i, token)
  }
  const first = dice(seed)
  for (const name of NAMES.slice(0, 1 + first.below(NAMES.length))) add(weather, specBy(first, name), first)
  return weather
}

/** In a replacement the old process is told to end only when the new one runs. */
function noteLostCapacity({ world, asking, stopping }: Weather, before: Instance, after: Instance): void {
  if (before.state.at !== 'running' || after.state.at !== 'stopping' || after.wanted === 'up') return
  const program = world.supervisor.programs.get(after.program)
  if (!program || program.removed || after.slot >= program.desired || asking || stopping) return
  const newer = program.instances.find((i) => i.slot === after.slot && i.generation > after.generation)
  if (newer?.wanted === 'up' && newer.state.at === 'starting') {
    world.faults.push(`${after.program}:${after.slot} was told to end before the new one runs`)
  }
}

function specBy(d: Dice, program: string): Spec {
  const worker = d.chance(50)
  return specOf({
    program,
    ...(worker ? { run: { kind: 'worker', module: '/job.js', className: null }, ready: 'worker' } : {}),
    workers: d.below(4),
    autorestart: d.pick(['always', 'always', 'on-failure', 'never']),
    startMs: d.pick([0, 200, 1000]),
    startTimeoutMs: 1500,
    startRetries: d.pick([0, 1, 3, 10, -1]),
    backoffMaxMs: 1000,
    backoffResetMs: d.pick([500, 3000]),
    stopMs: d.pick([0, 500, 2000]),
    stopGroup: d.chance(30),
    reloadStrategy: d.pick(['start-first', 'stop-first', 'signal']),
    reloadParallel: d.pick([1, 1, 2]),
    maxAgeMs: d.pick([0, 0, 0, 5000]),
    workerTimeoutMs: worker ? d.pick([0, 0, 1500]) : 0,
  })
}

/** A healthy process; with dice, its vices. */
function natureOf({ spec }: Instance, d: Dice | null): ReturnType<World['options']['nature']> {
  const beats = spec.workerTimeoutMs > 0 ? { beatMs: 400 } : {}
  if (!d) return { readyMs: 50, ...beats }
  if (d.chance(10)) return { failed: 'EAGAIN', permanent: d.chance(20) }
  const how = d.pick([0, 0, 1, 2, 3, 'SIGSEGV', 'SIGKILL'] as const)
  const nature: Nature = {
    readyMs: d.chance(20) ? null : d.below(1000),
    ...(d.chance(70) ? beats : {}),
    ...(d.chance(35) ? { ends: { afterMs: d.pick([0, 0, d.below(300), d.below(4000)]), how } } : {}),
    ...(d.chance(10) ? { says: 'boot failed' } : {}),
    ...(d.chance(25) ? { onStop: 'ignore' } : d.chance(40) ? { onStop: { afterMs: d.below(3000), how: 0 } } : {}),
    ...(d.chance(3) ? { unkillableMs: 1500 } : {}),
    ...(d.chance(15) ? { leaves: [d.pick(['obeys', 'ignores', { vanishesAfterMs: d.below(2000) }] as const)] } : {}),
  }
  return nature
}

/** One step; returns it in words. */
function act(weather: Weather, d: Dice): string {
  const { world } = weather
  const kind = d.below(100)
  if (kind < 40 || weather.stopping) return passTime(weather, d, kind)
  if (kind < 47) return strike(world, d)
  if (kind < 50) return word(world, d)
  if (kind < 51) return shutdown(weather)
  const name = d.pick(NAMES)
  const known = weather.known.get(name)
  if (!known) return add(weather, specBy(d, name), d)
  return command(weather, known, d, kind)
}

function passTime({ world, stopping }: Weather, d: Dice, kind: number): string {
  const { clock } = world
  if (stopping && d.chance(10)) {
    world.supervisor.killAll()
    return 'kill all'
  }
  if (kind < 25) {
    const ms = d.pick([0, 1, 99, d.below(500), d.below(3000)])
    world.advance(ms)
    return `${ms} ms pass`
  }
  if (kind < 33) {
    const ms = Math.min(5000, Math.max(0, clock.earliest - clock.time - d.below(2)))
    world.advance(ms)
    return `${ms} ms pass, to the next deadline`
  }
  const ms = d.below(5000)
  const alarmsFirst = d.chance(50)
  world.stall(ms, alarmsFirst)
  return `a stall of ${ms} ms, ${alarmsFirst ? 'alarms' : 'deaths'} first`
}

function strike(world: World, d: Dice): string {
  const all = world.leaders()
  if (all.length === 0) return 'nothing to strike'
  const { pid } = d.pick(all)
  const signal = d.pick(['SIGKILL', 'SIGKILL', 'SIGSEGV', 'SIGTERM'] as const)
  world.strike(pid, signal)
  return `${signal} to ${pid} from outside`
}

/** A word that may come late, twice, or of a pid that nobody knows; an orphan may have the pid of a former process. */
function word({ supervisor, processes }: World, d: Dice): string {
  const pid = 100 + d.below(30)
  const type = d.pick(['ready', 'beat', 'recycle', 'reaped'] as const)
  if (type === 'recycle') supervisor.post({ type, pid, why: 'max_requests' })
  else if (type === 'reaped' && processes.has(pid)) return `${pid} lives`
  else if (type === 'reaped') supervisor.post({ type, pid, code: 0, signal: null })
  else supervisor.post({ type: 'worker', pid, event: { type } })
  return `${type} of ${pid}`
}

function shutdown(weather: Weather): string {
  const stopping = { stopped: 0 }
  weather.stopping = stopping
  weather.world.supervisor.shutdown(() => stopping.stopped++)
  return 'shutdown'
}

/** As an update of the configuration does it: with a start when it shall run. */
function add(weather: Weather, spec: Spec, d: Dice): string {
  const { world, known, operations } = weather
  const { program } = spec
  const wanted = d.chance(70) ? 'up' : 'down'
  const was = known.get(program)?.startFirst ?? world.leaders(program).length > 0
  const slots = Array.from({ length: spec.workers }, (_, slot) => slot)
  known.set(program, {
    name: program,
    asked: new Map(slots.map((slot) => [slot, wanted])),
    startFirst: was || spec.reloadStrategy === 'start-first',
  })
  asking(weather, program, 'add', () => world.supervisor.add(spec, wanted))
  if (wanted === 'up' && spec.workers > 0) {
    operations.push(asking(weather, program, 'start', () => verbs(world.supervisor, program).start()))
  }
  return `add ${program} ${wanted} (${facts(spec)})`
}

function command(weather: Weather, known: Known, d: Dice, kind: number): string {
  const { name } = known
  const { supervisor } = weather.world
  const give = verbs(supervisor, name)
  const all = slotsOf(supervisor.programs.get(name) ?? { instances: [] }).map(({ slot }) => slot)
  const slots = d.chance(70) ? all : all.filter(() => d.chance(50))
  const note = (kind: string, ask: () => Asked): void => {
    weather.operations.push(asking(weather, name, kind, ask))
  }
  // While a scale is open a slot may be one that leaves, and a new one may come in its place.
  const isScaled = weather.operations.some((o) => o.program === name && o.ends === 0 && o.operation.kind === 'scale')
  const wish = (what: 'up' | 'down'): void => {
    for (const slot of slots) {
      if (isScaled || slot >= (supervisor.programs.get(name)?.desired ?? 0)) known.asked.delete(slot)
      else known.asked.set(slot, what)
    }
  }
  if (kind < 60) {
    wish('up')
    note('start', () => give.start(slots))
    return `start ${name} ${slots.join()}`
  }
  if (kind < 69) {
    wish('down')
    note('stop', () => give.stop(slots))
    return `stop ${name} ${slots.join()}`
  }
  if (kind < 75) {
    wish('up')
    note('restart', () => give.restart(slots))
    return `restart ${name} ${slots.join()}`
  }
  if (kind < 83) {
    note('reload', () => give.reload(slots, d.chance(50)))
    return `reload ${name} ${slots.join()}`
  }
  if (kind < 89) {
    const to = d.below(5)
    for (const slot of [...known.asked.keys()]) if (slot >= to) known.asked.delete(slot)
    note('scale', () => give.scale(to))
    return `scale ${name} ${to}`
  }
  if (kind < 92) {
    const gone = { program: name, gone: 0 }
    weather.leaving.push(gone)
    weather.known.delete(name)
    supervisor.remove(name, () => gone.gone++)
    return `remove ${name}`
  }
  const spec = { ...specBy(d, name), workers: supervisor.programs.get(name)?.spec.workers ?? 0 }
  known.startFirst ||= spec.reloadStrategy === 'start-first'
  if (kind < 96) {
    note('update', () => give.update(spec))
    return `update ${name} (${facts(spec)})`
  }
  if (kind < 98) {
    const live = {
      ...(supervisor.programs.get(name)?.spec ?? spec),
      stopMs: spec.stopMs,
      autorestart: spec.autorestart,
    }
    supervisor.atOnce(name, (desk) => desk.setSpecLive(live))
    return `live settings of ${name}`
  }
  const running = slotsOf(supervisor.programs.get(name) ?? { instances: [] }).map((s) => pidOf(s.serving))
  for (const pid of running) if (pid !== null) supervisor.post({ type: 'recycle', pid, why: 'max_requests' })
  return `recycle all of ${name}`
}

function asking<T>(weather: Weather, program: string, kind: string, ask: () => T): T {
  weather.asking = { program, kind }
  const asked = ask()
  weather.asking = null
  return asked
}

const facts = (s: Spec): string =>
  `${s.workers} ${s.run.kind} ${s.autorestart} retries ${s.startRetries} start ${s.startMs} stop ${s.stopMs} ${s.reloadStrategy}*${s.reloadParallel} age ${s.maxAgeMs} beat ${s.workerTimeoutMs}`
