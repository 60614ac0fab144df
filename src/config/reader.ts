// Reads the keys of one section with their types, collects what is wrong and remembers what was read:
// value, origin, effective meaning. A key that is refused reads as its fallback, so that all faults
// of a section are found in one go.

import type { Jitter } from '../core/spec.ts'
import type { Setting } from './config.ts'
import type { Layer, Text } from './layers.ts'
import type { Entry } from './lexer.ts'
import { instanceFile, instanceFolder, limitBytes, parsePath } from './paths.ts'
import { BadValue, type Findings, type Place } from './problems.ts'
import type { SettingRow } from './setting-row.ts'
import { rowOf } from './settings.ts'
import * as units from './units.ts'

export interface Reader {
  readonly layer: Layer
  readonly header: Header
  /** What was read, in the order of reading. */
  readonly settings: readonly Setting[]
  readonly boolean: (name: string) => boolean
  readonly integer: (name: string) => number
  readonly duration: (name: string) => number
  readonly size: (name: string) => number
  /** `amount` reads what is no share. */
  readonly jitter: (name: string, amount: (text: string) => number) => Jitter
  readonly signal: (name: string) => string
  readonly choice: (name: string) => string | null
  readonly text: (name: string) => string | null
  /** Absolute, against base_path; '' when unset. */
  readonly path: (name: string, options?: PathOptions) => string
  /** Any other form; `show` is the value for people where it is not the text. */
  readonly take: <T>(name: string, parse: Parse<T>, fallback: T, show?: (value: T) => string) => T
  /** A variable, or null when an inherited one means nothing in this section. */
  readonly variable: (name: string) => string | null
  /** Where a name is set: 2 in the section, 1 in [DEFAULT], 0 nowhere. The higher wins. */
  readonly level: (name: string) => 0 | 1 | 2
  /** Puts a setting in the place of what was read. */
  readonly note: (setting: Setting) => void
  /** Refuses a key at its line, or at the section's header when no line sets it. */
  readonly refuse: (name: string, message: string) => void
  readonly warn: (name: string, message: string) => void
}

export interface PathOptions {
  /** Each instance has its own: its name goes into the name of the file, or is a folder in the folder. */
  readonly own?: 'file' | 'folder'
  /** At most so many bytes. */
  readonly limit?: number
}

type Parse<T> = (text: string, row: SettingRow, whole: Text) => T

export interface Header extends Place {
  readonly name: string
}

export function createReader(layer: Layer, header: Header, instance: string | null, findings: Findings): Reader {
  const settings = new Map<string, Setting>()

  const rowFor = (name: string): SettingRow => {
    const row = rowOf(name, layer.where) ?? rowOf(name, 'master') // the seed's keys of the master in a program's section
    if (!row) throw new Error(`no row for ${name}`)
    return row
  }

  function take<T>(name: string, parse: Parse<T>, fallback: T, show?: (value: T) => string): T {
    const row = rowFor(name)
    const entry = layer.find(name)
    const origin = originOf(entry)
    try {
      const whole = layer.value(name)
      if (whole === null) {
        note({ key: name, value: '', origin, effective: '' })
        return fallback
      }
      if (whole.slot && !row.slot) {
        throw new BadValue('cannot use %(slot)s here: only what a process is started with differs by slot')
      }
      if (Array.isArray(row.available)) demand(row.available, whole.text, row)
      const value = parse(whole.text, row, whole)
      const place = layer.placeOf(name)
      const setting = { key: name, value: show ? show(value) : whole.text, origin, effective: JSON.stringify(value) }
      note(place === null ? setting : { ...setting, place })
      return value
    } catch (e) {
      if (!(e instanceof BadValue)) throw e
      complain(name, e)
      return fallback
    }
  }

  function note(setting: Setting): void {
    settings.set(setting.key, setting)
  }

  function complain(name: string, fault: BadValue): void {
    const entry = layer.find(name)
    const at = fault.at ?? entry
    const inherited = at !== null && [...layer.inherited.values()].some((each) => isAt(each, at))
    const inheritor = fault.unknownName && inherited ? ` (inherited by [${header.name}])` : ''
    const key = fault.at?.key ?? entry?.written ?? name
    findings.refuse(at ?? header, inherited ? 'DEFAULT' : header.name, key, fault.message + inheritor)
  }

  const base = (): string => {
    try {
      return layer.value('base_path')?.text ?? '/'
    } catch (e) {
      if (!(e instanceof BadValue)) throw e
      complain('base_path', e)
      return '/'
    }
  }

  return {
    layer,
    header,
    get settings() {
      return [...settings.values()]
    },
    boolean: (name) => take(name, units.parseBoolean, false),
    integer: (name) =>
      take(name, (text, { range }) => units.parseInteger(text, range?.[0] ?? 0, range?.[1] ?? 1e15), 0),
    duration: (name) => take(name, units.parseDuration, 0),
    size: (name) => take(name, (text, { range }) => units.parseSize(text, range?.[0] ?? 0, range?.[1] ?? 1e15), 0),
    jitter: (name, amount) => take<Jitter>(name, (text) => units.parseJitter(text, amount), { share: 0 }),
    signal: (name) => take(name, units.parseSignal, 'SIGTERM'),
    choice: (name) => take<string | null>(name, (text, { choices }) => units.parseChoice(text, choices ?? {}), null),
    text: (name) => take<string | null>(name, (text) => text, null),
    path(name, { own, limit } = {}) {
      const parse: Parse<string> = (text, _row, whole) => {
        const shared = parsePath(text, base())
        const file = own && instance !== null && !whole.instance ? places[own](shared, instance) : shared
        return limit === undefined ? file : limitBytes(file, limit)
      }
      return take(name, parse, '', (file) => file)
    },
    take,
    variable(name) {
      const entry = layer.find(name)
      try {
        const value = layer.value(name)?.text ?? null
        if (value !== null && entry) note({ key: name, value, origin: originOf(entry), effective: value })
        return value
      } catch (e) {
        if (!(e instanceof BadValue)) throw e
        // Lazily: what [DEFAULT] says with names of other sections is no fault of a section that never asks.
        if (!e.unknownName || layer.own.has(name) || name.startsWith('env.')) complain(name, e)
        return null
      }
    },
    level: (name) => (layer.find(name) === null ? 0 : layer.own.has(name) ? 2 : 1),
    note: ({ origin, ...rest }) => note({ ...rest, origin: origin && { file: origin.file, line: origin.line } }),
    warn: (name, message) => findings.warn(layer.find(name) ?? header, header.name, name, message),
    refuse: (name, message) => complain(name, new BadValue(message)),
  }
}

const places = { file: instanceFile, folder: instanceFolder }

const originOf = (entry: Entry | null): Setting['origin'] => entry && { file: entry.file, line: entry.line }

const isAt = (entry: Entry, at: Place): boolean => entry.line === at.line && entry.file === at.file

/** Refuses the values of a key that this version does not carry out. */
function demand(available: readonly string[], text: string, row: SettingRow): void {
  let word = text.toLowerCase()
  if (row.type === 'boolean') {
    try {
      word = String(units.parseBoolean(text))
    } catch (e) {
      if (!(e instanceof BadValue)) throw e // a word of a later version, or a slip: either way not one of the list
    }
  }
  if (available.includes(word)) return
  const wanted = `wanted ${available.join(', ')}`
  throw new BadValue(`cannot be ${units.quote(text)}: it is not available in this version; ${wanted}`)
}
