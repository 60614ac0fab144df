// The steps of a storm: what time, the processes and those who ask things of the master do to it.

import { slotsOf } from '../../src/core/program.ts'
import type { Spec } from '../../src/core/spec.ts'
import { pidOf } from '../../src/core/state.ts'
import type { Dice } from './dice.ts'
import type { World } from './fake-os.ts'
import { type Asked, verbs } from './operate.ts'
import { settingsOf } from './storm-file.ts'
import { facts, scheduleBy, specBy } from './storm-programs.ts'
import { asking, type Known, type Weather } from './storm-weather.ts'

export const NAMES = ['a', 'b', 'c'] as const

/** One step; returns it in words. */
export function act(weather: Weather, d: Dice): string {
  const { world } = weather
  if (d.chance(8)) return others(world, d)
  const kind = d.below(100)
  if (kind < 40 || weather.stopping) return passTime(weather, d, kind)
  if (kind < 47) return strike(world, d)
  if (kind < 50) return word(world, d)
  if (kind < 51) return shutdown(weather)
  const name = d.pick(NAMES)
  const known = weather.known.get(name)
  weather.step = { program: name, adds: !known }
  if (!known) return add(weather, specBy(d, name), d)
  return command(weather, known, d, kind)
}

/** Another master takes the lock of a program, or lets go of it. */
function others({ locks }: World, d: Dice): string {
  const name = d.pick(NAMES)
  if (locks.others.has(name)) {
    locks.leave(name)
    return `another master leaves ${name}`
  }
  locks.take(name)
  return locks.others.has(name) ? `another master takes ${name}` : `nobody gets ${name}`
}

function passTime({ world, stopping }: Weather, d: Dice, kind: number): string {
  const { clock } = world
  if (stopping && d.chance(10)) {
    stopping.killed = true
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
  if (d.chance(20)) {
    const ms = d.pick([1, -1]) * d.below(d.pick([10_000, 500_000]))
    clock.set += ms
    return `the clock is set by ${ms} ms`
  }
  const ms = d.below(5000)
  const alarmsFirst = d.chance(50)
  world.stall(ms, alarmsFirst)
  return `a stall of ${ms} ms, ${alarmsFirst ? 'alarms' : 'deaths'} first`
}

export function strike(world: World, d: Dice): string {
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

export function shutdown(weather: Weather): string {
  const stopping = { stopped: 0, killed: false }
  weather.stopping = stopping
  weather.world.supervisor.shutdown(() => stopping.stopped++)
  return 'shutdown'
}

/** The file says it from now on, and what is in force is written down, as it takes effect; null = the program is gone. */
function configure({ file, world }: Weather, program: string, spec: Spec | null): void {
  if (spec) file.set(program, spec)
  else file.delete(program)
  world.rows.put('settings', program, spec && { settings: settingsOf(spec) })
}

/** As an update of the configuration does it: with a start when it shall run. */
export function add(weather: Weather, random: Spec, d: Dice): string {
  const { world, known, operations } = weather
  const wanted = d.chance(70) ? 'up' : 'down'
  const spec = { ...random, autostart: wanted === 'up' }
  const { program } = spec
  const was = known.get(program)?.startFirst ?? world.leaders(program).length > 0
  const slots = Array.from({ length: spec.workers }, (_, slot) => slot)
  known.set(program, {
    name: program,
    asked: new Map(slots.map((slot) => [slot, wanted])),
    startFirst: was || spec.reloadStrategy === 'start-first',
  })
  configure(weather, program, spec)
  asking(weather, program, 'add', () => world.supervisor.add(spec, wanted))
  if (wanted === 'up' && spec.workers > 0) {
    operations.push(asking(weather, program, 'start', () => verbsOf(world, program).start()))
  }
  return `add ${program} ${wanted} (${facts(spec)})`
}

function command(weather: Weather, known: Known, d: Dice, kind: number): string {
  const { name } = known
  const { supervisor } = weather.world
  const give = verbsOf(weather.world, name)
  const all = slotsOf(supervisor.programs.get(name) ?? { instances: [] }).map(({ slot }) => slot)
  // A schedule is followed by all of a program or by none of it.
  const isScheduled = supervisor.programs.get(name)?.spec.schedule !== undefined
  const slots = isScheduled || d.chance(70) ? all : all.filter(() => d.chance(50))
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
  if (isScheduled && kind < 55) {
    for (const slot of all) known.asked.delete(slot)
    note('run', () => give.run())
    return `run ${name}`
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
    configure(weather, name, null)
    supervisor.remove(name, () => gone.gone++)
    return `remove ${name}`
  }
  if (kind < 98) return changeSettings(weather, known, d, kind < 96)
  const running = slotsOf(supervisor.programs.get(name) ?? { instances: [] }).map((s) => pidOf(s.serving))
  for (const pid of running) if (pid !== null) supervisor.post({ type: 'recycle', pid, why: 'max_requests' })
  return `recycle all of ${name}`
}

/** Of all but the count, or only of those that need no new process. */
function changeSettings(weather: Weather, known: Known, d: Dice, all: boolean): string {
  const { name } = known
  const { supervisor } = weather.world
  const former = weather.file.get(name) ?? specBy(d, name)
  const random = specBy(d, name)
  if (!all) {
    const live = {
      ...former,
      stopMs: random.stopMs,
      ...(former.schedule ? { schedule: scheduleBy(d) } : { autorestart: random.autorestart }),
    }
    configure(weather, name, live)
    supervisor.atOnce(name, (desk) => desk.setSpecLive(live))
    return `live settings of ${name}`
  }
  const spec = { ...random, workers: former.workers, autostart: former.autostart }
  // Which slots run then is the schedule's, or of all of them.
  if (spec.schedule || former.schedule) known.asked.clear()
  known.startFirst ||= spec.reloadStrategy === 'start-first'
  configure(weather, name, spec)
  weather.operations.push(asking(weather, name, 'update', () => verbsOf(weather.world, name).update(spec)))
  return `update ${name} (${facts(spec)})`
}

const verbsOf = (world: World, program: string): ReturnType<typeof verbs> =>
  verbs(world.supervisor, program, () => world.store.flushes)
