// Units of systemd: for each program a service, or a template where it has several processes; its socket and its timer;
// and a target that holds them all. Pure.

import type { ProgramConfig } from '../../src/config/config.ts'
import { forSlot } from '../../src/config/slots.ts'
import { calendarsOf } from './on-calendar.ts'
import { type Export, type File, Program, type Surroundings, slotWords } from './plan.ts'
import { limitLines, SLOT, serviceLines } from './systemd-service.ts'

/** What starts and stops them all. */
const TARGET = 'phd-programs.target'

export function exportSystemd(configs: readonly ProgramConfig[], around: Surroundings): Export {
  const programs = configs.map((config) => new Program(config, 'systemd'))
  const files = programs.flatMap((program) => unitsOf(program, programs, around))
  const wanted = programs.filter(({ spec }) => spec.autostart).flatMap(startedOf)
  const target: File = {
    name: TARGET,
    text: text([`# Exported from ${around.config} by phctl export systemd.`], {
      Unit: [`Description=The programs of ${percents(around.config)}`, `Wants=${wanted.join(' ')}`],
      Install: ['WantedBy=multi-user.target'],
    }),
  }
  return { files: [target, ...files], losses: programs.flatMap(({ losses }) => losses) }
}

/** What the target starts: each instance, or the timer. */
function startedOf({ name, spec, several }: Program): readonly string[] {
  if (spec.schedule !== undefined) {
    return calendarsOf(spec.schedule.cron, spec.schedule.timezone) === null ? [] : [`${name}.timer`]
  }
  return several ? slotsOf(spec.workers).map((slot) => `${name}@${slot}.service`) : [`${name}.service`]
}

/** The units that stand for a program where another one depends on it. */
function unitsFor(program: Program | undefined): readonly string[] {
  if (program === undefined) return []
  return program.several
    ? slotsOf(program.spec.workers).map((slot) => `${program.name}@${slot}.service`)
    : [`${program.name}.service`]
}

const slotsOf = (count: number): readonly number[] => [...Array(count).keys()]

function unitsOf(program: Program, all: readonly Program[], around: Surroundings): readonly File[] {
  const { name, spec, several } = program
  const listens = spec.listeners.length > 0 && !program.isWorker
  const isTask =
    spec.schedule !== undefined ||
    all.some((one) => one.spec.dependsOn.some((d) => d.program === name && d.condition === 'completed'))
  const depends = spec.dependsOn.flatMap((one) => unitsFor(all.find(({ name: other }) => other === one.program)))
  for (const { program: other, condition } of spec.dependsOn) {
    const ready = all.find((one) => one.name === other)?.spec.ready.kind
    if (
      condition === 'healthy' ||
      (condition === 'ready' && ready !== 'notify' && ready !== 'time' && ready !== 'worker')
    )
      program.lose('depends_on', `${other} is started, and nobody knows whether it is ${condition}`)
  }
  const isFree = spec.startRetries < 0 || spec.schedule !== undefined // a time that has come is no retry
  // So many failed starts in the time that phd would take for them.
  const interval = Math.ceil(((spec.startRetries + 1) * (spec.backoffMaxMs + spec.startMs)) / 1000)
  const limits = isFree
    ? ['StartLimitIntervalSec=0']
    : [`StartLimitBurst=${spec.startRetries + 1}`, `StartLimitIntervalSec=${interval}`]
  const slice = several && limitLines(program).length > 0 ? `phd-${name.replaceAll('-', '_')}.slice` : null
  const service = serviceLines(program, commandOf(program, around), { isTask, slice })
  const unit = [
    `Description=${percents(name)}${several ? ' %i' : ''} (${percents(around.config)})`,
    `PartOf=${TARGET}`,
    ...(depends.length > 0 ? [`Requires=${depends.join(' ')}`, `After=${depends.join(' ')}`] : []),
    ...(spec.dependsRestart && depends.length > 0 ? [`PartOf=${depends.join(' ')}`] : []),
    ...limits,
  ]
  const sockets = listens ? [`Sockets=${name}.socket`] : []
  const timer = spec.schedule === undefined ? null : timerOf(program) // before the comments: it may have one
  const head = program.comments().map((line) => `# ${line.replaceAll('\n', ' ')}`)
  return [
    {
      name: several ? `${name}@.service` : `${name}.service`,
      text: text(head, { Unit: unit, Service: [...service, ...sockets] }),
    },
    ...(slice === null ? [] : [{ name: slice, text: text([], { Slice: limitLines(program) }) }]),
    ...(listens ? [socketOf(program)] : []),
    ...(timer === null ? [] : [timer]),
  ]
}

function commandOf(
  program: Program,
  around: Surroundings,
): { argv: readonly string[]; env: Readonly<Record<string, string>> } {
  const words = program.argv(around, around.config)
  const { env } = program.spec
  if (program.several) return slotWords(words, env, SLOT, SLOT)
  return {
    argv: words.map((word) => forSlot(word, 0)),
    env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, forSlot(value, 0)])),
  }
}

function socketOf({ name, spec, several }: Program): File {
  const unix = spec.listeners.find((one) => one.kind === 'unix')
  const [user, group] = unix?.owner?.split(':') ?? []
  return {
    name: `${name}.socket`,
    text: text([], {
      Unit: [`Description=Listeners of ${percents(name)}`, `PartOf=${TARGET}`],
      Socket: [
        ...spec.listeners.map(
          (one) => `ListenStream=${one.kind === 'unix' ? percents(one.path) : one.host === null ? one.port : one.text}`,
        ),
        `Backlog=${spec.backlog}`,
        ...(unix ? [`SocketMode=${unix.mode.toString(8).padStart(4, '0')}`] : []),
        ...(user ? [`SocketUser=${user}`] : []),
        ...(group ? [`SocketGroup=${group}`] : []),
        `Service=${several ? `${name}@0` : name}.service`,
      ],
      Install: [`WantedBy=sockets.target`],
    }),
  }
}

function timerOf(program: Program): File | null {
  const { name, spec } = program
  const times = spec.schedule === undefined ? [] : calendarsOf(spec.schedule.cron, spec.schedule.timezone)
  if (times === null) {
    program.lose('schedule', 'a calendar of systemd cannot say it')
    return null
  }
  return {
    name: `${name}.timer`,
    text: text([], {
      Unit: [`Description=Times of ${percents(name)}`, `PartOf=${TARGET}`],
      Timer: [...times.map((time) => `OnCalendar=${time}`), 'AccuracySec=1s', `Unit=${name}.service`],
      Install: ['WantedBy=timers.target'],
    }),
  }
}

function text(head: readonly string[], sections: Readonly<Record<string, readonly string[]>>): string {
  const parts = Object.entries(sections).map(([name, lines]) => [`[${name}]`, ...lines].join('\n'))
  return `${[...(head.length > 0 ? [head.join('\n')] : []), ...parts].join('\n\n')}\n`
}

const percents = (value: string): string => value.replaceAll('%', '%%')
