// What must hold after every step of a storm, and what must hold once the weather is good again.
// Each rule returns its complaint in words, or null.

import { isBeside } from '../../src/core/hooks.ts'
import { type Program, slotsOf } from '../../src/core/program.ts'
import { deadlineOf, type Instance, owedOf, pidOf } from '../../src/core/state.ts'
import type { Asked } from './operate.ts'
import { tooOld, unmet, waitsRightly } from './storm-order.ts'
import { recordFault } from './storm-record.ts'
import type { Weather } from './storm-weather.ts'

type Rule = (weather: Weather) => string | null

/** The first rule broken in the midst of it. */
export const stormFault = (weather: Weather): string | null => firstOf(always, weather)
/** What still keeps the world from being as it is wanted. */
export const calmFault = (weather: Weather): string | null => firstOf(atLast, weather)

function firstOf(rules: Readonly<Record<string, Rule>>, weather: Weather): string | null {
  for (const [name, rule] of Object.entries(rules)) {
    const complaint = rule(weather)
    if (complaint !== null) return `[${name}] ${complaint}`
  }
  return null
}

const every = ({ world }: Weather): Instance[] => [...world.supervisor.programs.values()].flatMap((p) => p.instances)
const nameOf = (i: Instance): string => `${i.program}:${i.slot} (generation ${i.generation}, ${i.state.at})`

const lookAtOf = ({ timetable }: Program): number | null => timetable?.waits?.lookAt ?? null

const always: Readonly<Record<string, Rule>> = {
  /** Signals to the reaped, launches of what is wanted down, FATAL and EXITED that rise: noted where they happen. */
  'nothing forbidden happened': ({ world }) => world.faults[0] ?? null,

  'what the kernel has is what the supervisor knows': (weather) => {
    const hooks = new Set(weather.world.kernel.hooks().map((p) => p.pid))
    const known = new Set(
      every(weather)
        .flatMap((i) => pidOf(i) ?? [])
        .filter((pid) => !hooks.has(pid)),
    )
    for (const { pid, program, slot } of weather.world.leaders()) {
      if (!known.delete(pid)) return `process ${pid} of ${program}:${slot} lives, and no instance knows it`
    }
    for (const pid of known) return `an instance has process ${pid}, which the kernel does not have`
    return null
  },

  'no process of a program whose lock another master has': (weather) => {
    const { world, unlocked } = weather
    // Made with the key on, and nobody has switched it off since.
    for (const { pid, program } of world.leaders())
      if (!world.supervisor.programs.get(program)?.spec.singleInstance) unlocked.add(pid)
    const single = new Set(
      world
        .leaders()
        .filter((p) => p.instance.spec.singleInstance && !unlocked.has(p.pid))
        .map(({ pid }) => pid),
    )
    const one = every(weather).find(
      (i) => i.spec.singleInstance && single.has(pidOf(i) ?? 0) && world.locks.others.has(i.program),
    )
    return one ? `the process of ${nameOf(one)} lives, and another master has its lock` : null
  },

  'a hook that runs is what its instance waits for, or has been killed': (weather) => {
    const known = new Set(every(weather).flatMap((i) => [pidOf(i), 'hook' in i.state ? i.state.hook?.pid : null]))
    const { kernel, signalled } = weather.world
    const isKilled = (pid: number): boolean => signalled.some(([, to, signal]) => to === -pid && signal === 'SIGKILL')
    const stray = kernel.hooks().find((p) => p.state === 'alive' && !known.has(p.pid) && !isKilled(p.pid))
    return stray ? `${stray.pid} is a hook of ${stray.program}:${stray.slot}, and nobody knows it` : null
  },

  'one hook an instance': ({ world }) => {
    const seen = new Set<string>()
    const isKilled = (pid: number): boolean =>
      world.signalled.some(([, to, signal]) => to === -pid && signal === 'SIGKILL')
    for (const { pid, program, slot, token, instance, state } of world.kernel.hooks()) {
      if (state !== 'alive' || isKilled(pid)) continue
      const name = `${program}:${slot}:${instance.generation}`
      if (seen.has(name)) return `${pid} (${token}) is the second hook of ${name}`
      seen.add(name)
    }
    return null
  },

  'no check is owed and forgotten': (weather) => {
    const i = every(weather).find((one) => one.state.at === 'running' && one.state.check?.phase === 'owed')
    return i && weather.world.clock.soons.length === 0 ? `${nameOf(i)} waits for its check` : null
  },

  'one process a slot, two during a replacement': ({ world, known }) => {
    const counts = new Map<string, number>()
    for (const { program, slot } of world.leaders()) {
      const name = `${program}:${slot}`
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      const most = known.get(program)?.startFirst === false ? 1 : 2
      if (count > most) return `${name} has ${count} processes`
    }
    return null
  },

  'one instance a slot is wanted up, two during a rollout': (weather) => {
    const up = new Set<string>()
    for (const i of every(weather)) {
      if (i.wanted === 'down') continue
      const name = `${i.program}:${i.slot}`
      if (up.has(name) && !weather.rolling.has(i.program)) return `two instances of ${name} are wanted up`
      up.add(name)
    }
    return null
  },

  'what is recorded is what is': recordFault,

  'no two processes come of one intent': ({ world, countedFrom }) => {
    const seen = new Set<string>()
    for (const { pid, program, slot, instance } of world.leaders()) {
      if (pid <= countedFrom) continue
      const name = `${program}:${slot}:${instance.generation}`
      if (seen.has(name)) return `${pid} is the second process of ${name}`
      seen.add(name)
    }
    return null
  },

  'who is to end has been told': (weather) => {
    for (const i of every(weather)) {
      if (i.state.at !== 'stopping' || i.state.kills > 0 || isBeside(i.state)) continue
      const { group, since } = i.state
      const isTold = weather.world.signalled.some(([at, pid]) => at >= since && Math.abs(pid) === group)
      if (i.state.pid !== null && !isTold) return `${nameOf(i)} was never told`
    }
    return null
  },

  'a stop that an earlier master began ends in SIGKILL by its deadline': ({ world, stops }) => {
    for (const [group, by] of stops) {
      if (by > world.clock.time) continue
      const lives = [...world.processes.values()].some((p) => p.group === group && p.state === 'alive')
      const killed = world.signalled.some(([, pid, signal]) => pid === -group && signal === 'SIGKILL')
      if (lives && !killed) return `${group} lives, and was to be killed at ${by}`
    }
    return null
  },

  'no deadline has passed': (weather) => {
    const { time } = weather.world.clock
    const late = every(weather).find((i) => (deadlineOf(i) ?? Number.POSITIVE_INFINITY) <= time)
    const blind = [...weather.world.supervisor.programs.values()].find((p) => (lookAtOf(p) ?? time + 1) <= time)
    if (blind) return `${blind.name} was to look at the clock at ${lookAtOf(blind)}`
    return late ? `the deadline of ${nameOf(late)} was ${deadlineOf(late)}` : null
  },

  'one alarm, at the earliest deadline': (weather) => {
    const { alarms, earliest } = weather.world.clock
    const looks = [...weather.world.supervisor.programs.values()].map(lookAtOf)
    const waits = [...every(weather).map(deadlineOf), ...looks]
    const wanted = Math.min(...waits.map((at) => at ?? Number.POSITIVE_INFINITY))
    if (alarms.size > 1) return `${alarms.size} alarms are armed`
    return earliest === wanted ? null : `the alarm is armed for ${earliest}, the earliest deadline is ${wanted}`
  },

  'who follows a schedule knows when it runs next, and nobody else does': ({ world, stopping }) => {
    for (const { name, spec, wanted, removed, timetable } of world.supervisor.programs.values()) {
      const follows = spec.schedule !== undefined && wanted === 'up' && !removed && !stopping
      const next = timetable?.waits?.next ?? null
      if (follows !== (next !== null)) return `${name} ${follows ? 'has no next run' : `runs at ${next}`}`
      if (follows && timetable?.waits?.schedule.cron !== spec.schedule?.cron) return `${name} follows an old schedule`
    }
    return null
  },

  'no spawn is owed and forgotten': (weather) => {
    const waiting = every(weather).find((i) => owedOf(i) !== null)
    return waiting && weather.world.clock.soons.length === 0 ? `${nameOf(waiting)} waits for its spawn` : null
  },

  'instances are in order, and no two have one address': ({ world }) => {
    for (const { instances } of world.supervisor.programs.values()) {
      const wrong = instances.find((i, at) => {
        const before = instances[at - 1]
        return before && (before.slot > i.slot || (before.slot === i.slot && before.generation >= i.generation))
      })
      if (wrong) return `${nameOf(wrong)} is out of order`
    }
    return null
  },

  'what users see of a slot is what stays of it': ({ world }) => {
    for (const program of world.supervisor.programs.values()) {
      for (const { slot, serving } of slotsOf(program)) {
        const stays = program.instances.find((i) => i.slot === slot && i.wanted === 'up')
        if (stays && serving.wanted === 'down') return `${nameOf(serving)} is shown, ${nameOf(stays)} stays`
      }
    }
    return null
  },

  'an operation that has ended speaks of each of its slots': ({ operations }) => {
    for (const o of operations) {
      const said = o.outcomes.map((one) => one.slot).join()
      const slots = [...o.operation.slots].sort((a, b) => a - b).join()
      if (o.ends > 0 && said !== slots) return `${o.operation.kind} of ${o.program} ${slots} tells of ${said}`
    }
    return null
  },

  'an operation ends once': ({ operations, leaving, stopping }) => {
    const twice = operations.find((o) => o.ends > 1) ?? leaving.find((o) => o.gone > 1)
    if (stopping && stopping.stopped > 1) return `shutdown ended ${stopping.stopped} times`
    return twice ? `something of ${twice.program} ended twice` : null
  },
}

const atLast: Readonly<Record<string, Rule>> = {
  'every operation has ended': ({ operations, leaving, file, world }) => {
    // Without a schedule a healthy process goes on for ever, and a run of it, too.
    const ends = (o: Asked): boolean => o.operation.kind !== 'run' || file.get(o.program)?.schedule !== undefined
    const open = operations.find((o) => o.ends === 0 && ends(o) && !waitsRightly(world, o.program))
    if (open) return `${open.operation.kind} of ${open.program} has not: ${open.words}`
    const stays = leaving.find((o) => o.gone === 0)
    return stays ? `${stays.program} was removed, and is not gone` : null
  },

  'every planned replacement has ended': ({ rolling, goodSince, world }) => {
    for (const [program, kinds] of rolling) {
      if (waitsRightly(world, program)) continue
      for (const [kind, since] of kinds) if (since <= goodSince) return `${kind} of ${program} goes on`
    }
    return null
  },

  'what is too old asks again': (weather) => {
    for (const i of every(weather)) {
      const asks = i.state.at !== 'running' || i.spec.maxAgeMs === 0 || i.state.recycleAt !== null
      if (!asks && !weather.rolling.has(i.program)) return `${nameOf(i)} will never be recycled`
    }
    return null
  },

  'shutdown leaves nothing': (weather) => {
    if (!weather.stopping) return null
    const { processes } = weather.world
    if (processes.size > 0) return `${processes.size} processes are left`
    return weather.stopping.stopped === 1 ? null : `stopped was called ${weather.stopping.stopped} times`
  },

  'as many slots as wanted': ({ world, known, stopping }) => {
    if (stopping) return null
    for (const { name, removed, desired, instances } of world.supervisor.programs.values()) {
      if (removed || !known.has(name)) return `${name} is still there`
      const slots = instances.map((i) => i.slot).join()
      const wanted = Array.from({ length: desired }, (_, slot) => slot).join()
      if (slots !== wanted) return `${name} has the slots ${slots}, and should have ${wanted}`
    }
    return null
  },

  'every slot is where it is wanted': (weather) => {
    const waits = (i: Instance): boolean => unmet(weather.world, i.program) !== null
    for (const i of every(weather)) {
      const { at } = i.state
      const good =
        i.wanted === 'down'
          ? at === 'stopped'
          : at === 'running' || at === 'exited' || at === 'fatal' || (at === 'waiting' && waits(i))
      if (!good) return `${nameOf(i)} is wanted ${i.wanted}`
      if ('left' in i.state && i.state.left) return `${nameOf(i)} has leftovers`
    }
    return null
  },

  'what was asked last is what is wanted': ({ world, known, stopping }) => {
    if (stopping) return null
    for (const { name, asked } of known.values()) {
      const program = world.supervisor.programs.get(name)
      if (program?.spec.schedule) {
        const [wanted = program.wanted] = asked.values()
        if (wanted !== program.wanted) return `${name} was asked ${wanted}, its schedule is ${program.wanted}`
        continue // a slot is wanted up from the beginning of a run on
      }
      for (const i of world.supervisor.programs.get(name)?.instances ?? []) {
        const wanted = asked.get(i.slot)
        if (wanted !== undefined && wanted !== i.wanted)
          return `${nameOf(i)} was asked ${wanted}, is wanted ${i.wanted}`
      }
    }
    return null
  },

  'who is asked is well': (weather) => {
    const sick = every(weather).find(
      ({ spec, state: s }) => s.at === 'running' && spec.health && !s.withdrawn && s.health !== 'passing',
    )
    return sick ? `${nameOf(sick)} is not known to be well` : null
  },

  'after an update that went well the newest settings run': ({ world, operations, stopping }) => {
    if (stopping) return null
    for (const { name, spec, instances } of world.supervisor.programs.values()) {
      const last = operations.findLast((o) => o.program === name && o.operation.kind === 'update')
      if (!last || last.ends === 0 || last.superseded !== null || last.outcomes.some((o) => !o.ok)) continue
      const old = spec.schedule ? null : instances.find((i) => i.state.at === 'running' && i.spec !== spec)
      if (old) return `${nameOf(old)} runs older settings`
    }
    return null
  },

  'after a resumed update that went well the newest settings run': ({ world, updated, stopping }) => {
    if (stopping) return null
    for (const { name, spec, instances } of world.supervisor.programs.values()) {
      if (updated.get(name) !== JSON.stringify(spec) || spec.schedule) continue
      const old = instances.find((i) => i.state.at === 'running' && i.spec !== spec)
      if (old) return `${nameOf(old)} runs older settings`
    }
    return null
  },

  'who goes with its dependencies has gone with them': ({ world, stopping }) => (stopping ? null : tooOld(world)),

  'nothing else lives': (weather) => {
    const running = every(weather).filter((i) => i.state.at === 'running').length
    const { size } = weather.world.processes
    return size === running ? null : `${size} processes live, ${running} instances run`
  },
}
