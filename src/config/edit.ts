// Writes a program's count into the configuration: into the value of its own number_workers, in
// whatever file the section stands, or as a new line below the header. Everything else stays as it
// is, byte for byte. Nothing is written unless the configuration is right before and after.

import { realpathSync } from 'node:fs'
import type { Saved } from '../api/contract.ts'
import { PhError } from '../errors.ts'
import type { Config, LoadOptions, ProgramConfig, Setting } from './config.ts'
import { type Reading, readText } from './files.ts'
import { programName } from './keys.ts'
import { type Entry, lex, type Section } from './lexer.ts'
import { loadConfig } from './load.ts'
import { Findings } from './problems.ts'
import { replaceFile } from './replace-file.ts'
import { canonical } from './settings.ts'

interface Edit {
  readonly text: string
  /** Where the count stands now. */
  readonly line: number
  /** What stood there, not interpolated; null when nothing did. */
  readonly replaced: string | null
}

export interface SavedCount extends Saved {
  /** What the files say now. */
  readonly config: Config
}

const KEY = 'number_workers'

/**
 * One synchronous step. Throws PH_CONFIG when the files are not right as they stand, PH_CONFLICT when
 * they do not hold the program any more or change meanwhile, PH_FAILED when one cannot be written;
 * nothing is changed then.
 */
export function saveCount(main: string, program: string, count: number, options: LoadOptions = {}): SavedCount {
  const texts = new Map<string, Reading>()
  // Each file is read once: what is checked is what is edited.
  const read = (file: string): Reading => {
    const known = texts.get(file) ?? (options.read ?? readText)(file)
    texts.set(file, known)
    return known
  }
  loadConfig(main, { ...options, read })
  const { section, text } = find(texts, program, main)
  const edit = withCount(text, section, count)
  const edited = (file: string): Reading => (file === section.file ? { text: edit.text } : read(file))
  const config = loadConfig(main, { ...options, read: edited })
  const file = realPath(section.file)
  if (edit.text !== text) replaceFile(file, text, edit.text)
  return { file, line: edit.line, replaced: edit.replaced, config }
}

/** The text of a file with the count in one of its sections, which `lex` found there. */
function withCount(text: string, section: Section, count: number): Edit {
  const lines = text.split('\n')
  const entry = [...section.entries].find(([key]) => canonical(key) === KEY)?.[1]
  if (entry) return intoEntry(lines, entry, count)
  const header = lines[section.line - 1] ?? ''
  // The last line has no end of its own: it gets that of the others.
  const last = section.line === lines.length
  const crlf = header.endsWith('\r') || (last && text.includes('\r\n'))
  const own = `${KEY} = ${count}`
  if (last) lines.splice(section.line - 1, 1, crlf && !header.endsWith('\r') ? `${header}\r` : header, own)
  else lines.splice(section.line, 0, crlf ? `${own}\r` : own)
  return { text: lines.join('\n'), line: section.line + 1, replaced: null }
}

/**
 * The configuration in force, with the count of a program that has just been saved, so that a later
 * reread finds no difference in it. What was edited by other hands and not yet taken over stays a
 * difference; what means the same gets its new place in the file.
 */
export function afterSave(current: Config, saved: Config, program: string): Config {
  const programs = [...current.programs].map(([name, config]): [string, ProgramConfig] => {
    const settings = placed(config.settings, saved.programs.get(name)?.settings ?? [], name === program ? KEY : null)
    const { workers } = saved.programs.get(name)?.spec ?? config.spec
    return [name, { settings, spec: name === program ? specWithCount(config.spec, workers) : config.spec }]
  })
  const master = { ...current.master, settings: placed(current.master.settings, saved.master.settings, null) }
  return { ...current, master, programs: new Map(programs) }
}

/** The spec with another count; `cfg` has it under every name that its file uses. */
export function specWithCount(spec: ProgramConfig['spec'], workers: number): ProgramConfig['spec'] {
  const cfg = Object.entries(spec.cfg).map(([key, value]) => [
    key,
    canonical(key.toLowerCase()) === KEY ? String(workers) : value,
  ])
  return { ...spec, workers, cfg: Object.fromEntries(cfg) }
}

function find(
  texts: ReadonlyMap<string, Reading>,
  program: string,
  main: string,
): { readonly section: Section; readonly text: string } {
  for (const [file, reading] of texts) {
    if (!('text' in reading)) continue
    const section = lex(reading.text, file, new Findings()).find(({ name }) => programName(name) === program)
    if (section) return { section, text: reading.text }
  }
  const message = `cannot save the count of "${program}": ${main} and what it includes have no such section any more`
  throw new PhError('PH_CONFLICT', message, { program })
}

/** The value of a right configuration stands on one line: below the key, where it is continued. */
function intoEntry(lines: readonly string[], entry: Entry, count: number): Edit {
  const at = entry.valueLine ?? entry.line
  const into = at === entry.line ? intoFirst : intoContinued
  const edited = lines.with(at - 1, into(lines[at - 1] ?? '', String(count)))
  return { text: edited.join('\n'), line: at, replaced: entry.value === '' ? null : entry.value }
}

/** `key = value`, with the blanks as they are; an empty value stands off the `=` as the key does. */
function intoFirst(line: string, number: string): string {
  const equals = line.indexOf('=')
  const [, before = '', value = '', after = ''] = /^([ \t]*)(.*?)([ \t]*\r?)$/s.exec(line.slice(equals + 1)) ?? []
  const blank = value === '' && before === '' && /[ \t]/.test(line.charAt(equals - 1)) ? ' ' : before
  return line.slice(0, equals + 1) + blank + number + after
}

const intoContinued = (line: string, number: string): string =>
  line.replace(/^([ \t]+).*?([ \t]*\r?)$/s, (_, before: string, after: string) => before + number + after)

function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch (e) {
    throw new PhError('PH_FAILED', `cannot find ${file} any more`, { reason: 'ENOENT' }, { cause: e })
  }
}

/** Settings in force, at the places where the files have the same meaning now; `taken` is taken over as it is. */
function placed(current: readonly Setting[], saved: readonly Setting[], taken: string | null): readonly Setting[] {
  const now = new Map(saved.map((setting) => [setting.key, setting]))
  return current.map((setting) => {
    const next = now.get(setting.key)
    return next && (next.key === taken || next.effective === setting.effective) ? next : setting
  })
}
