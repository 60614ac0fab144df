// Roff of manual pages, as far as ours need it: man(7) macros alone, so that groff and mandoc show the same. Pure.

/** Text that means nothing but itself; dashes and quotes stay what can be copied into a shell. */
export function plain(text: string): string {
  const escaped = text.replace(/[\\`'^~-]/g, (char) => ESCAPES[char] ?? char)
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '`': '\\(ga',
  "'": '\\(aq',
  '^': '\\(ha',
  '~': '\\(ti',
  '-': '\\-',
}

/** A sentence of Markdown: code and what is strong in bold, links by their words. */
export function inline(markdown: string): string {
  const parts = markdown.replace(/\[((?:[^\]`]|`[^`]*`)*)\]\([^)\s]+\)/g, '$1').split(/(`[^`]+`|\*\*[^*]+\*\*)/)
  const text = parts.map((part, at) => {
    if (at % 2 === 0) return plain(part.replaceAll('\\|', '|')).replace(/^\\&(?=.)/, at === 0 ? '\\&' : '')
    return part.startsWith('`') ? `\\fB${plain(part.slice(1, -1))}\\fR` : `\\fB${inline(part.slice(2, -2))}\\fR`
  })
  return text.join('')
}

export interface Head {
  readonly name: string
  readonly section: number
  readonly version: string
  /** `2026-11-28` */
  readonly date: string
  /** What the page is about, behind its name. */
  readonly what: string
}

/** A page; `body` are lines of roff. */
export function pageOf({ name, section, version, date, what }: Head, body: readonly string[]): string {
  const title = `.TH ${name.toUpperCase()} ${section} ${date} "processhandler ${version}" "ProcessHandler"`
  const lines = [title, '.SH NAME', `${plain(name)} \\- ${inline(what)}`, ...body]
  // Behind a heading a paragraph begins by itself.
  const kept = lines.filter((line, at) => line !== '.PP' || !/^\.S[HS] /.test(lines[at - 1] ?? ''))
  return `${kept.join('\n')}\n`
}

export const heading = (title: string): string => `.SH ${quoted(title.toUpperCase())}`
export const subheading = (title: string): string => `.SS ${quoted(title)}`

const quoted = (title: string): string => `"${inline(title).replaceAll('"', '\\(dq')}"`

/** A paragraph of Markdown. */
export const paragraph = (markdown: string): string[] => ['.PP', inline(markdown)]

/** A term and what it means, both Markdown. */
export const item = (term: string, meaning: string): string[] => [
  '.TP',
  inline(term),
  ...(meaning === '' ? ['\\&'] : [inline(meaning)]),
]

/** Lines as they are. */
export function example(lines: readonly string[]): string[] {
  return ['.PP', '.RS 4', '.nf', ...lines.map((line) => (line === '' ? '\\&' : plain(line))), '.fi', '.RE']
}
