// Which files hold the output of a target, and whose lines of them are wanted. Looks at the instances
// alone: what one of them writes to is what its own spec says, also while a changed log_file is in force
// for the next one already.

import type { LogLine, LogSource } from '../api/contract.ts'
import { nameOf, type Program } from '../core/program.ts'
import type { Instance } from '../core/state.ts'
import { PhError } from '../errors.ts'
import { outputOf } from '../supervisor/launch.ts'
import type { LineSource } from './log-lines.ts'
import { chooseTargets } from './targets.ts'

/** A file, and what its lines are called where they do not tell themselves. */
export interface Place extends LineSource {
  readonly path: string
}

/** Files by path, each with what its writers say of it. */
export type Places = Map<string, Map<string, Place>>

export type Stream = 'stdout' | 'stderr' | undefined

/** The files of targets as they are now. Throws PH_NOT_FOUND. */
export function placesOf(
  programs: ReadonlyMap<string, Program>,
  targets: readonly string[],
  masterLog: string | null,
  stream: Stream,
): Places {
  const places: Places = new Map()
  if (targets.includes('master')) {
    if (masterLog === null) {
      throw new PhError('PH_CONFLICT', "cannot find the master's log: by [master] log_file it has no file")
    }
    const place: Place = { path: masterLog, name: 'master', format: 'raw', names: null, stream: null }
    places.set(masterLog, new Map([['master', place]]))
  }
  const others = targets.filter((one) => one !== 'master')
  for (const { program, slots, asProgram } of others.length > 0 ? chooseTargets(programs, others) : []) {
    const known = programs.get(program)
    const chosen = new Set(slots)
    for (const i of known?.instances ?? []) {
      if (known && chosen.has(i.slot)) addWriter(places, i, placesOfInstance(i, known.desired, asProgram, stream))
    }
  }
  return places
}

/**
 * Where an instance writes; what is discarded or passed through cannot be read.
 * @param desired slots of its program: a file of several is called by the program
 * @param all lines of the whole program are wanted, not only its own
 */
export function placesOfInstance({ spec, slot }: Instance, desired: number, all: boolean, wanted: Stream): Place[] {
  const { stdout, stderr, format } = outputOf(spec, slot)
  const own = nameOf(spec.program, slot)
  const several = desired > 1 || spec.workers > 1
  const place = (path: string, template: string | null, stream: Place['stream']): Place => ({
    path,
    name: path === template && several ? spec.program : own,
    format,
    names: all ? null : new Set([own]),
    stream,
  })
  const both = [place(stdout, spec.output.stdout, stderr === null ? null : 'stdout')]
  if (stderr !== null) both.push(place(stderr, spec.output.stderr, 'stderr'))
  return both.filter(
    ({ path, stream }) => path !== 'none' && path !== 'inherit' && (!wanted || stream === null || stream === wanted),
  )
}

/** Notes an instance as a writer of its files. */
export function addWriter(places: Places, i: Instance, its: readonly Place[]): void {
  for (const place of its) {
    const writers = places.get(place.path) ?? new Map<string, Place>()
    places.set(place.path, writers)
    const before = writers.get(writerOf(i))
    writers.set(writerOf(i), before ? merge(before, place) : place) // its stdout and stderr, each by its name
  }
}

export function removeWriter(places: Places, i: Instance, its: readonly Place[]): void {
  for (const { path } of its) places.get(path)?.delete(writerOf(i))
}

const writerOf = ({ program, slot, generation }: Instance): string => `${program}:${slot} ${generation}`

/** What its writers together make of a file; null without any. */
export function placeOf(places: Places, path: string): Place | null {
  let all: Place | null = null
  for (const place of places.get(path)?.values() ?? []) all = all ? merge(all, place) : place
  return all
}

function merge(a: Place, b: Place): Place {
  return {
    path: a.path,
    name: a.name === b.name ? a.name : (a.name.split(':')[0] ?? a.name),
    // A line that does not fit its file's format is taken as it is, so the one that says more goes first.
    format: b.format === 'raw' ? a.format : b.format,
    names: a.names && b.names ? new Set([...a.names, ...b.names]) : null,
    stream: a.stream === b.stream ? a.stream : null,
  }
}

/** Does the file hold lines that are not wanted? */
export const filters = ({ format, names }: Place, stream: Stream): boolean =>
  format !== 'raw' && (names !== null || stream !== undefined)

/** Is the line of the wanted stream? Where the file does not tell, it may be. */
export const isOf = (line: LogLine, stream: Stream): boolean =>
  stream === undefined || line.stream === null || line.stream === stream

/** As clients are told of it. */
export function sourceOf({ path, name, names, stream, format }: Place): LogSource {
  const [only] = names?.size === 1 && format !== 'raw' ? names : []
  return { path, name: only ?? name, stream, format }
}
