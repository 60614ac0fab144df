// A supervisord.conf as supervisord reads it: Python's RawConfigParser with inline comments behind ; and #, keys split
// at = or :, sections that stand twice merged, and the files of [include]. What Python refuses is a PhError here too.

import { dirname, join } from 'node:path'
import { expandGlob, readText } from '../../src/config/files.ts'
import { messageOf, PhError } from '../../src/errors.ts'
import type { Origin } from './draft.ts'

export interface Option extends Origin {
  readonly key: string
  /** Raw, lines joined by newlines. */
  readonly value: string
}

export interface Conf {
  /** In the order of the files, [DEFAULT] mixed into each; later ones win. */
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, Option>>
  /** Patterns of [include] that match nothing. */
  readonly unmatched: readonly string[]
  readonly files: readonly string[]
}

export function readConf(file: string): Conf {
  const sections = new Map<string, Map<string, Option>>()
  const defaults = new Map<string, Option>()
  scan(file, sections, defaults)
  const unmatched: string[] = []
  const files = [file]
  const include = sections.get('include')
  if (include) {
    const here = dirname(file)
    const patterns = expandInclude(include.get('files'), file)
    for (const pattern of patterns.split(/\s+/).filter(Boolean)) {
      const found = globbed(join(pattern.startsWith('/') ? '/' : here, pattern), here)
      if (found.length === 0) unmatched.push(pattern)
      for (const one of found) {
        scan(one, sections, defaults)
        files.push(one)
      }
    }
  }
  for (const [name, options] of sections) {
    sections.set(name, new Map([...defaults, ...options]))
  }
  return { sections, unmatched, files }
}

/** A name that is written and not there is to supervisord a pattern that matches nothing. */
function globbed(pattern: string, folder: string): readonly string[] {
  try {
    return expandGlob(pattern, folder).filter((one) => 'text' in readText(one))
  } catch (e) {
    throw new PhError('PH_CONFIG', `cannot follow [include] ${pattern}: ${messageOf(e)}`)
  }
}

function expandInclude(files: Option | undefined, file: string): string {
  if (!files) throw refused({ file, line: 0 }, '[include] has no files')
  return files.value.replace(/%(?:%|\(([^)]*)\)s)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '%'
    if (name === 'here') return dirname(files.file)
    const value = name.startsWith('ENV_') ? process.env[name.slice(4)] : undefined
    if (value === undefined) throw refused(files, `${whole} of [include] is not known here`)
    return value
  })
}

const refused = ({ file, line }: Origin, why: string): PhError =>
  new PhError('PH_CONFIG', `cannot read ${file}${line > 0 ? `, line ${line}` : ''}: ${why}`)

interface Open extends Origin {
  readonly key: string
  readonly lines: string[]
}

function scan(file: string, sections: Map<string, Map<string, Option>>, defaults: Map<string, Option>): void {
  const reading = readText(file)
  if ('fault' in reading)
    throw refused({ file, line: reading.line }, reading.fault.replace(/^cannot /, 'it could not '))
  let section: Map<string, Option> | null = null
  let open: Open | null = null
  let indent = 0
  const close = (): void => {
    if (open === null || section === null) return
    section.set(open.key, { ...open, value: open.lines.join('\n').trimEnd() })
    open = null
  }
  for (const [at, raw] of reading.text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const whole = raw.replace(/\r$/, '')
    const isComment = /^\s*[#;]/.test(whole)
    const text = isComment ? '' : withoutComment(whole).trim()
    const here: Origin = { file, line: at + 1 }
    const own = open as Open | null
    if (text === '') {
      // A blank line inside a value belongs to it; a comment does not, and neither ends it.
      if (!isComment && whole.trim() === '' && own !== null) own.lines.push('')
      continue
    }
    const depth = whole.search(/\S/)
    if (own !== null && depth > indent) {
      own.lines.push(text)
      continue
    }
    close()
    indent = depth
    const header = /^\[(.+)\]/.exec(text)?.[1]
    if (header !== undefined) {
      section = header === 'DEFAULT' ? defaults : (sections.get(header) ?? new Map<string, Option>())
      if (header !== 'DEFAULT') sections.set(header, section)
      continue
    }
    if (section === null) throw refused(here, 'a line stands before the first [section]')
    const [, key, value] = /^(.*?)\s*[=:]\s*(.*)$/.exec(text) ?? []
    if (key === undefined || value === undefined || key === '') throw refused(here, `wanted key = value in "${text}"`)
    open = { ...here, key: key.trimEnd().toLowerCase(), lines: [value] }
  }
  close()
}

/** Behind a blank, ; and # begin a comment, wherever they stand. */
function withoutComment(line: string): string {
  const at = line.search(/\s[;#]/)
  return at < 0 ? line : line.slice(0, at)
}
