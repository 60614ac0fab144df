// A storm: random programs, random vices, random commands, random time and kills of the master, played
// against the real supervisor in the fake world, with everything that must always hold looked at after
// each step. One seed and one list of steps give the same storm again, so a failure can be shrunk and replayed.

import { isLive } from '../../src/core/program.ts'
import { hookKey, instanceKey } from '../../src/core/record.ts'
import type { Instance } from '../../src/core/state.ts'
import type { Notice } from '../../src/supervisor/ports.ts'
import { dice } from './dice.ts'
import { World } from './fake-os.ts'
import { crash, recover } from './storm-crash.ts'
import { tooEarly, unmet } from './storm-order.ts'
import { checkBy, hookBy, natureOf, specBy } from './storm-programs.ts'
import { calmFault, stormFault } from './storm-rules.ts'
import { act, add, NAMES } from './storm-steps.ts'
import { isAlive, type Storm, type Weather } from './storm-weather.ts'

/**
 * Plays the storm, then good weather until all is calm. Throws what rule was broken, and when.
 * @param mortal the master may be killed in it
 */
export function play({ seed, steps }: Storm, mortal: boolean): void {
  const weather = begin(seed)
  const { world } = weather
  const trail: string[] = []
  const look = (): void => {
    const fault = stormFault(weather)
    if (fault) throw new Error(`${fault}\n  at ${world.clock.time} ms, after:\n  ${trail.join('\n  ')}`)
  }
  for (const step of steps) {
    const d = dice(step)
    weather.step = null
    const at = world.clock.time
    const isOver = weather.stopping !== null && weather.stopping.stopped > 0
    trail.push(`${at}: ${mortal && !isOver && d.chance(10) ? crash(weather, d) : act(weather, d)}`)
    world.settle()
    if (!isAlive(weather)) trail.push(...recover(weather, d))
    look()
  }
  world.life.killIn = null
  weather.goodSince = world.clock.time
  for (const name of NAMES) world.locks.leave(name)
  for (let tries = 0; ; tries++) {
    world.advance(500)
    look()
    const unrest = calmFault(weather)
    if (unrest === null) return
    if (tries > 240)
      throw new Error(`never calm: ${unrest}\n  after:\n  ${[...trail, ...standing(world)].join('\n  ')}`)
  }
}

/** Every instance as it stands, and every process. */
function standing({ supervisor, processes }: World): string[] {
  const instances = [...supervisor.programs.values()].flatMap((p) => p.instances)
  return [
    ...instances.map((i) => `${instanceKey(i)}, wanted ${i.wanted}: ${JSON.stringify(i.state)}`),
    ...[...processes.values()].map((p) => `${p.pid} in group ${p.group} of ${p.program}:${p.slot} is ${p.state}`),
  ]
}

function begin(seed: number): Weather {
  const natures = dice(seed + 1)
  const jitter = dice(seed + 2)
  const world = new World({
    nature: (instance) => natureOf(instance, world.clock.time < weather.goodSince ? natures : null),
    hook: () => hookBy(world.clock.time < weather.goodSince ? natures : null),
    check: () => checkBy(world.clock.time < weather.goodSince ? natures : null),
    random: () => jitter.below(1000) / 1000,
    watch: (notice) => hear(weather, notice),
  })
  const weather: Weather = {
    world,
    known: new Map(),
    file: new Map(),
    operations: [],
    leaving: [],
    goodSince: Number.POSITIVE_INFINITY,
    asking: null,
    step: null,
    stopping: null,
    rolling: new Map(),
    rolled: new Set(),
    owed: new Set(),
    updated: new Map(),
    unlocked: new Set(),
    stops: new Map(),
    countedFrom: 0,
  }
  watchDoings(weather)
  const first = dice(seed)
  for (const name of NAMES.slice(0, 1 + first.below(NAMES.length))) add(weather, specBy(first, name), first)
  return weather
}

/** What is done in the world must be wanted, and must stand in the record before. */
function watchDoings(weather: Weather): void {
  const { world } = weather
  const { launcher, signals } = world.ports
  const { launch, launchHook } = launcher
  const hookPids = new Set<number>()
  const { send } = signals
  launcher.launch = (i, token) => {
    const name = instanceKey(i)
    const asked = weather.known.get(i.program)?.asked.get(i.slot)
    if (i.wanted === 'down') world.faults.push(`${name} launched while wanted down`)
    if (asked === 'down') world.faults.push(`${name} launched after it was stopped`)
    const lacks = unmet(world, i.program)
    if (lacks !== null) world.faults.push(`${name} launched without ${lacks}`)
    if (weather.stopping) world.faults.push(`${name} launched during shutdown`)
    if (world.store.durable.process.get(name)?.token !== token) world.faults.push(`${name} launched with no intent`)
    return launch(i, token)
  }
  launcher.launchHook = (i, token) => {
    const name = instanceKey(i)
    const hook = 'hook' in i.state ? i.state.hook?.name : undefined
    if (i.wanted === 'down' && hook?.endsWith('_start')) world.faults.push(`${hook} of ${name} while wanted down`)
    const lacks = hook === 'pre_start' ? unmet(world, i.program) : null
    if (lacks !== null) world.faults.push(`${hook} of ${name} without ${lacks}`)
    if (world.store.durable.process.get(hookKey(i))?.token !== token)
      world.faults.push(`${hook} of ${name} with no intent`)
    const made = launchHook(i, token)
    if ('pid' in made) hookPids.add(made.pid)
    return made
  }
  signals.send = (pid, signal, group) => {
    const states = [...world.store.durable.instance.values()].map(({ state }) => state)
    const isKnown = states.some((s) => ('group' in s ? s.group : 'left' in s ? s.left?.group : null) === pid)
    // What a hook has left is ended with it, whatever comes after it in the record.
    const isHook = signal === 'SIGKILL' && group && hookPids.has(pid)
    // Nobody is left of the group: it ended in the turn that decided on the signal.
    const isEmpty = group && ![...world.processes.values()].some((p) => p.group === pid && p.state === 'alive')
    if (!isKnown && !isHook && !isEmpty && signal !== 'SIGHUP' && signal !== 'SIGUSR2')
      world.faults.push(`${signal} to ${pid}, of which the record knows nothing`)
    return send(pid, signal, group)
  }
}

function hear(weather: Weather, notice: Notice): void {
  if (notice.kind === 'rollout') noteRollout(weather, notice)
  if (notice.kind === 'schedule') noteSchedule(weather, notice)
  if (notice.kind !== 'instance' || !notice.before || !notice.after) return
  noteLostCapacity(weather, notice.before, notice.after)
  noteRise(weather, notice.before, notice.after)
  const early = weather.stopping && !weather.stopping.killed && tooEarly(weather.world, notice.before, notice.after)
  if (early) weather.world.faults.push(early)
}

function noteRollout(
  { world, rolling, rolled, updated }: Weather,
  { program, what, phase, error }: Extract<Notice, { kind: 'rollout' }>,
): void {
  const kinds = rolling.get(program) ?? new Map()
  rolling.set(program, kinds)
  rolled.add(`${program} ${what}`)
  if (phase === 'begun') kinds.set(what, world.clock.time)
  else kinds.delete(what)
  if (kinds.size === 0) rolling.delete(program)
  if (what !== 'update') return
  if (phase === 'begun' || error !== null) updated.delete(program)
  else updated.set(program, JSON.stringify(world.supervisor.programs.get(program)?.spec))
}

/** A run begins where none is, and only where the schedule is followed. */
function noteSchedule({ world, stopping }: Weather, { program, found }: Extract<Notice, { kind: 'schedule' }>): void {
  const known = world.supervisor.programs.get(program)
  const isBusy =
    known?.instances.some((i) => isLive(i) || i.state.at === 'waiting' || i.state.at === 'backoff') ?? false
  if (found === 'set' || found === 'missed') return
  if (stopping || known?.wanted !== 'up') world.faults.push(`${program} is stopped, and its run is ${found}`)
  if ((found === 'skipped') !== isBusy) world.faults.push(`a run of ${program} is ${found}, busy: ${isBusy}`)
}

/** FATAL and EXITED leave only when somebody asks. */
function noteRise({ world, operations, asking, rolling, owed }: Weather, before: Instance, after: Instance): void {
  const { at } = before.state
  if ((at !== 'fatal' && at !== 'exited') || after.state.at === at || after.state.at === 'stopped') return
  if (after.state.at === 'stopping') return
  const { program } = before
  // What loses its schedule runs from now on.
  if (after.spec.schedule || world.store.durable.program.get(program)?.spec.schedule) return
  const raising = at === 'fatal' ? ['add', 'start', 'restart', 'reload', 'update'] : ['add', 'start', 'restart']
  const asked = operations.some((o) => o.ends === 0 && o.program === program && raising.includes(o.operation.kind))
  const asks = asking && (asking.program ?? program) === program && raising.includes(asking.kind)
  const kinds = [...(rolling.get(program)?.keys() ?? [])]
  const rolls = kinds.some((kind) => raising.includes(kind) && owed.has(`${program} ${kind}`))
  // A start that waited when its master died is begun by the next one.
  const waited = world.store.durable.program.get(program)?.owed?.some(({ kind }) => raising.includes(kind)) ?? false
  if (!asked && !asks && !rolls && !waited) world.faults.push(`${program}:${before.slot} rose from ${at} by itself`)
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
