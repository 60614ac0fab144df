// What an import makes before it is text: sections with their lines, each line with what must be said about it, and
// notes for the summary. Values are texts of our INI dialect; `literal` makes one of any text. Pure.

export interface Origin {
  readonly file: string
  /** 0 = the file as a whole. */
  readonly line: number
}

export interface Note {
  /** `differs`: it was carried over and means something else here. `dropped`: it has no equal, and stands as a comment. */
  readonly kind: 'differs' | 'dropped'
  /** Section of the configuration that was made; null = none. */
  readonly section: string | null
  /** As the source calls it. */
  readonly key: string
  readonly why: string
  readonly from: Origin | null
}

export type Item =
  | { readonly kind: 'line'; readonly key: string; readonly value: string; readonly about: string | null }
  | { readonly kind: 'comment'; readonly text: string }

/** One row of what an import knows of a key: where it goes, or why it goes nowhere. The documents show it. */
export interface KeyRow {
  /** Keys of ours; null = none. */
  readonly here: string | null
  /** What differs, or why there is no equal. */
  readonly why?: string
}

export type KeyTable = Readonly<Record<string, KeyRow>>

/** A text as a value that means it and nothing else. */
export const literal = (text: string): string => text.replaceAll('%', '%%')

export class DraftSection {
  readonly name: string
  readonly items: Item[] = []
  readonly #notes: Note[]

  constructor(name: string, notes: Note[]) {
    this.name = name
    this.#notes = notes
  }

  /** A line. @param why what means something else here; it becomes a comment above the line, and a note */
  set(
    key: string,
    value: string,
    why: string | null = null,
    source: { key?: string; from?: Origin | null } = {},
  ): void {
    const written = unchanged(value)
    if (written === null) {
      this.drop(
        source.key ?? key,
        value,
        'its lines begin or end with blanks, # or ;, which a value here cannot',
        source.from,
      )
      return
    }
    this.items.push({ kind: 'line', key, value: written, about: why })
    if (why !== null) this.note('differs', source.key ?? key, why, source.from)
  }

  /** What has no equal: a comment and a note. @param value of the source; null = say nothing of it */
  drop(key: string, value: string | null, why: string, from: Origin | null = null): void {
    const shown = value === null ? key : `${key} = ${value}`
    this.items.push({ kind: 'comment', text: `No equal: ${shown}\n  ${why}` })
    this.note('dropped', key, why, from)
  }

  remark(text: string): void {
    this.items.push({ kind: 'comment', text })
  }

  has(key: string): boolean {
    return this.items.some((item) => item.kind === 'line' && item.key === key)
  }

  note(kind: Note['kind'], key: string, why: string, from: Origin | null = null): void {
    this.#notes.push({ kind, section: this.name, key, why, from })
  }
}

export class Draft {
  /** What stands at the head of the file. */
  readonly head: string[] = []
  readonly sections: DraftSection[] = []
  readonly notes: Note[] = []

  /** The section of this name; made at the end where there is none. */
  section(name: string): DraftSection {
    const known = this.sections.find((one) => one.name === name)
    if (known) return known
    const made = new DraftSection(name, this.notes)
    this.sections.push(made)
    return made
  }

  /** Something that belongs to no section. */
  drop(key: string, why: string, from: Origin | null = null): void {
    this.head.push(`No equal: ${key}\n  ${why}`)
    this.notes.push({ kind: 'dropped', section: null, key, why, from })
  }
}

/** The value as the dialect will read it; null when it cannot be written so that it is read as it is. */
function unchanged(value: string): string | null {
  const text = value.replace(/^[ \t\n]+|[ \t\n]+$/g, '')
  if (/[\0\r]/.test(text)) return null
  // A line that begins with # or ; would be a comment, and blanks around a line do not belong to it.
  return text
    .split('\n')
    .slice(1)
    .some((line) => /^[ \t]*[#;]/.test(line))
    ? null
    : text
}

/** A name that a program or a group can have, as near to the given one as can be. */
export function nameFor(wanted: string, taken: ReadonlySet<string>): string {
  const plain = wanted.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[.-]+$/, '') || 'program'
  const free = /^(?:all|master|include|hosts|default)$/i.test(plain) ? `${plain}-1` : plain
  for (let at = 2, name = free; ; at += 1) {
    if (!taken.has(name)) return name
    name = `${free}-${at}`
  }
}

/** Says that a section is called otherwise than in the source. */
export function sayName(section: DraftSection, wanted: string): void {
  if (section.name === wanted) return
  const why = `called ${section.name} here: a name is letters, digits, _ . -, stands once, and is none of ours`
  section.remark(`${wanted}: ${why}`)
  section.note('differs', wanted, why)
}
