// One section as seen through its layers: its own lines, then [DEFAULT], then the built-ins and the
// defaults of the table. Replaces %(name)s lazily and knows the origin of every value. Reads no file.

import path from 'node:path'
import { slotMark } from '../core/spec.ts'
import type { Entry } from './lexer.ts'
import { foldKey } from './lexer.ts'
import type { StandardPlace } from './places.ts'
import { BadValue, type Place } from './problems.ts'
import type { Where } from './setting-row.ts'
import { canonical, rowOf } from './settings.ts'

export interface Text {
  readonly text: string
  /** %(slot)s stands in it. */
  readonly slot: boolean
  /** %(instance)s stands in it. */
  readonly instance: boolean
}

/** What the built-in names stand for. */
export interface Builtins {
  /** null for [master]. */
  readonly program: string | null
  readonly instance: string | null
  readonly cpus: number
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder of the main file: `here` of the defaults. */
  readonly here: string
  /** What that folder makes of some defaults; null = nothing. */
  readonly place: StandardPlace | null
}

/** Entries by canonical name. */
export type Entries = ReadonlyMap<string, Entry>

export interface Layer {
  readonly where: Where
  readonly own: Entries
  readonly inherited: Entries
  /** The line that sets a name, the section's before [DEFAULT]'s; null when none does, or the nearest leaves it empty. */
  readonly find: (name: string) => Entry | null
  /** The folder that gives a name its default, where that is not the table. */
  readonly placeOf: (name: string) => string | null
  /** The value of a name after interpolation; null when nothing gives one. Throws BadValue. */
  readonly value: (name: string) => Text | null
  /** A text as if it stood in this section. Throws BadValue. */
  readonly expand: (raw: string) => Text
}

/** Python's limit, so that a file means the same to both. */
const DEEPEST = 10
/** References followed while looking for a cycle, so that a long chain ends in words and not in a full stack. */
const FOLLOWED = 100
/** Ten levels of ten references each would be 10^10 copies: nothing real comes near. */
const LONGEST = 1024 * 1024
/** All values of one section together. */
const LONGEST_IN_ALL = 32 * LONGEST

interface Known extends Text {
  /** Levels of references below it. */
  readonly depth: number
}

export function createLayer(where: Where, own: Entries, inherited: Entries, builtins: Builtins): Layer {
  const known = new Map<string, Known | BadValue | null>()
  const open: string[] = []
  let total = 0

  const written = (name: string): Entry | null => own.get(name) ?? inherited.get(name) ?? null
  const find = (name: string): Entry | null => {
    const entry = written(name)
    return entry?.value === '' ? null : entry
  }

  function resolve(name: string): Known | null {
    if (open.includes(name)) throw cycle(open.slice(open.indexOf(name)))
    const before = known.get(name)
    if (before instanceof BadValue) throw before
    if (before !== undefined) return before
    if (open.length > FOLLOWED) throw tooDeep()
    open.push(name)
    try {
      const value = compute(name)
      known.set(name, value)
      return value
    } catch (e) {
      // How deep a name is depends on where one came in: only the outermost keeps its fault.
      if (e instanceof BadValue && open.length === 1) known.set(name, e)
      throw e
    } finally {
      open.pop()
    }
  }

  /** The same words at the same place wherever one came in: it begins with the first name of the alphabet. */
  function cycle(names: readonly string[]): BadValue {
    const start = names.indexOf(names.toSorted()[0] ?? '')
    const chain = [...names.slice(start), ...names.slice(0, start)]
    const last = find(chain.at(-1) ?? '')
    const message = `cannot end: ${[...chain, chain[0] ?? ''].map(percent).join(' -> ')} is a cycle`
    return new BadValue(message, last ? { at: { file: last.file, line: last.line, key: last.written } } : {})
  }

  /** A file that says where its base is has everything below that, wherever it stands itself. */
  const placed = (name: string): string | null =>
    find(name) || find('base_path') ? null : (builtins.place?.defaults.get(name) ?? null)

  function compute(name: string): Known | null {
    const entry = find(name)
    const row = rowOf(name, where) ?? rowOf(name, 'master') ?? rowOf(name, 'program')
    const standard = placed(name)
    if (standard !== null) return plain(standard)
    const raw = entry?.value ?? row?.default ?? null
    // A variable that is written and left empty is an empty text; a key left empty has its default.
    if (raw === null) return written(name) && !row ? plain('') : null
    try {
      const here = entry ? path.dirname(entry.file) : builtins.here
      const value = replace(raw, here)
      total += value.text.length
      if (total > LONGEST_IN_ALL)
        throw new BadValue('cannot go on: the values of the section would be longer than 32 MB')
      if (name !== 'base_path' && name !== 'log_path') return value
      return { ...value, text: path.resolve(here, value.text) }
    } catch (e) {
      if (!(e instanceof BadValue) || e.at || !entry) throw e
      const at: Place & { key: string } = { file: entry.file, line: entry.line, key: entry.written }
      throw new BadValue(e.message, { at, unknownName: e.unknownName })
    }
  }

  function replace(raw: string, here: string): Known {
    let slot = false
    let instance = false
    let depth = 0
    let length = 0
    const parts: string[] = []
    for (const part of parsePercents(raw)) {
      const value = typeof part === 'string' ? plain(part) : reference(part, here)
      slot ||= value.slot
      instance ||= value.instance
      depth = Math.max(depth, typeof part === 'string' ? 0 : value.depth + 1)
      length += value.text.length
      if (length > LONGEST) throw new BadValue('cannot become longer than 1 MB')
      if (depth > DEEPEST) throw tooDeep()
      parts.push(value.text)
    }
    return { text: parts.join(''), slot, instance, depth }
  }

  function reference({ name, format }: Reference, here: string): Known {
    const folded = foldKey(name)
    const value = resolve(canonical(folded)) ?? builtin(folded, format, here, builtins)
    if (value === null) throw unknownName(name)
    if (format === 's') return value
    if (value.text === slotMark('s') || value.text === slotMark('d')) return { ...value, text: slotMark(format) }
    if (/^\0slot:\d+d\0$/.test(value.text)) return value
    if (!/^-?\d+$/.test(value.text)) throw new BadValue(`cannot write %(${name})${format}: its value is not a number`)
    const width = Number(format.slice(0, -1))
    return { ...value, text: value.text.padStart(width, format.startsWith('0') ? '0' : ' ') }
  }

  const value = (name: string): Text | null => resolve(name)
  const expand = (raw: string): Text => replace(raw, builtins.here)
  const placeOf = (name: string): string | null => (placed(name) === null ? null : (builtins.place?.folder ?? null))
  return { where, own, inherited, find, placeOf, value, expand }
}

export interface Reference {
  readonly name: string
  /** `s`, `d`, `02d` */
  readonly format: string
}

/** Literal text and references, in order. Throws BadValue at a lone %. */
export function parsePercents(raw: string): readonly (string | Reference)[] {
  const parts: (string | Reference)[] = []
  let from = 0
  for (let at = raw.indexOf('%'); at >= 0; at = raw.indexOf('%', from)) {
    parts.push(raw.slice(from, at))
    const match = /%(?:%|\(([^()]+)\)(0?\d{0,2}d|s))/y
    match.lastIndex = at
    const found = match.exec(raw)
    if (!found) {
      const near = raw.slice(at, at + 20).split('\n')[0] ?? ''
      throw new BadValue(
        `cannot read the % in ${JSON.stringify(near)}: wanted %(name)s, or write %% for a percent sign`,
      )
    }
    parts.push(found[1] === undefined ? '%' : { name: found[1], format: found[2] ?? 's' })
    from = match.lastIndex
  }
  parts.push(raw.slice(from))
  return parts.filter((part) => part !== '')
}

function builtin(name: string, format: string, here: string, builtins: Builtins): Known | null {
  switch (name) {
    case 'here':
      return plain(here)
    case 'program':
    case 'program_name':
      return builtins.program === null ? null : plain(builtins.program)
    case 'instance':
      return { ...plain(builtins.instance ?? ''), instance: true }
    case 'cpus':
      return plain(String(builtins.cpus))
    case 'slot':
    case 'process_num':
      if (builtins.program === null) return null
      return { ...plain(slotMark(format)), slot: true }
  }
  if (!name.startsWith('ENV_')) return null
  const value = Object.hasOwn(builtins.env, name.slice(4)) ? builtins.env[name.slice(4)] : undefined
  return value === undefined ? null : plain(value)
}

const tooDeep = (): BadValue => new BadValue(`cannot refer to names that refer to names more than ${DEEPEST} deep`)

function unknownName(name: string): BadValue {
  const why = name.startsWith('ENV_')
    ? `${name.slice(4)} is not set in the environment of the master`
    : 'no such name in the section, in [DEFAULT] or among the built-in names'
  return new BadValue(`cannot replace %(${name})s: ${why}`, { unknownName: true })
}

const plain = (text: string): Known => ({ text, slot: false, instance: false, depth: 0 })

const percent = (name: string): string => `%(${name})s`
