// How things look: durations, sizes, widths, cuts and colours. Pure: no clock, no stream, no
// environment. What comes from outside (reasons, status texts) goes through `clean` before a
// terminal sees it: a worker must not be able to move a cursor.

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'
export type Paint = (style: Style | null, text: string) => string

const sgr: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
}

/** A painter that paints, or one that leaves the text alone. */
export function painter(colour: boolean): Paint {
  return colour
    ? (style, text) => (style === null || text === '' ? text : `\x1b[${sgr[style][0]}m${text}\x1b[${sgr[style][1]}m`)
    : (_style, text) => text
}

/** `8s`, `3m 12s`, `2h 5m`, `3d 4h`, `120d`: never wider than 7. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`
  const days = Math.floor(s / 86_400)
  return days < 100 ? `${days}d ${Math.floor((s % 86_400) / 3600)}h` : `${days}d`
}

/** A wait that is counted down: tenths below 10 s (`3.2s`), else as duration. */
export function countdown(seconds: number): string {
  const tenths = Math.max(0, Math.round(seconds * 10))
  return tenths < 100 ? `${(tenths / 10).toFixed(1)}s` : duration(Math.round(seconds))
}

/** `0B`, `512K`, `48.2M`, `1.5G`, powers of 1024: never wider than 6. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${Math.max(0, Math.round(bytes))}B`
  let value = bytes
  let unit = ''
  for (const next of ['K', 'M', 'G', 'T', 'P']) {
    value /= 1024
    unit = next
    if (value < 999.95) break
  }
  return `${value >= 100 || unit === 'K' ? Math.round(value) : value.toFixed(1)}${unit}`
}

/** Percent of one core: `0.0%`, `12.3%`, `400%`: never wider than 6 below a thousand cores. */
export function percent(cpu: number): string {
  return `${cpu < 99.95 ? cpu.toFixed(1) : Math.round(cpu)}%`
}

/** `1 process`, `3 processes`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

/** One line without control characters: white space becomes a blank, the rest is shown as `\xNN`. */
export function clean(text: string): string {
  return text
    .replace(/[\t\n\v\f\r\u2028\u2029 ]+/g, ' ')
    .replace(UNSAFE, escaped)
    .trim()
}

/** A line of a program's own output for a terminal: its colours may stay, nothing else that moves or asks. */
export function outputLine(text: string, colour: boolean): string {
  const kept = colour ? text : text.replace(SGR, '')
  if (!UNSAFE_OUTPUT.test(kept)) return kept
  const safe = kept
    .replace(/\r+$/, '')
    .split(SGR_KEPT)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(UNSAFE_OUTPUT_ALL, escaped)))
    .join('')
  return safe.includes('\x1b') ? `${safe}\x1b[0m` : safe
}

function escaped(c: string): string {
  const code = c.charCodeAt(0)
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
}

/** `12:00:01`, as this machine's clocks show it; with the day before it when that is not the day of `now`. */
export function timeOfDay(iso: string, now: number): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return clean(iso)
  const time = at.toTimeString().slice(0, 8)
  if (at.toDateString() === new Date(now).toDateString()) return time
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`
}

/** C0, DEL, C1, and what turns the direction of writing. */
const UNSAFE = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
/** The same, but for the tab. */
const UNSAFE_OUTPUT = /(?!\t)[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const UNSAFE_OUTPUT_ALL = new RegExp(UNSAFE_OUTPUT, 'gu')
/** Colours. */
const SGR = new RegExp(`${'\x1b'}\\[[0-9;:]*m`, 'g')
const SGR_KEPT = new RegExp(`(${SGR.source})`)

/** Columns of a terminal that the text takes; our own colours take none. */
export function width(text: string): number {
  const plain = text.includes('\x1b') ? text.replace(SGR, '') : text
  if (isAscii(plain)) return plain.length
  let columns = 0
  for (const cluster of clusters(plain)) columns += clusterWidth(cluster)
  return columns
}

/** At most `columns` wide; what is cut off becomes `…`. Takes text without colours. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let used = 0
  for (const cluster of clusters(text)) {
    const w = clusterWidth(cluster)
    if (used + w > columns - 1) break
    kept += cluster
    used += w
  }
  return `${kept}…`
}

/** As cut, but the slot stays readable: `very-long-na…:12`. */
export function cutName(name: string, columns: number): string {
  const colon = name.lastIndexOf(':')
  if (colon < 0 || width(name) <= columns) return cut(name, columns)
  const slot = name.slice(colon)
  return columns < slot.length + 2 ? cut(name, columns) : `${cut(name.slice(0, colon), columns - slot.length)}${slot}`
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)))
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - width(text))) + text
}

/** Rows of cells as lines, each column as wide as its widest cell, the last one free; two blanks between. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell))
    })
  }
  return rows.map((row) =>
    `${indent}${row.map((cell, i) => (i === row.length - 1 ? cell : padEnd(cell, widths[i] ?? 0))).join('  ')}`.trimEnd(),
  )
}

/** A word as a shell would want it written. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${clean(text).replaceAll("'", `'\\''`)}'`
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 126) return false
  return true
}

let segmenter: Intl.Segmenter | null = null // made on first need: it costs more than all the rest of this file

function clusters(text: string): Iterable<string> {
  if (isAscii(text)) return text
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return Array.from(segmenter.segment(text), (s) => s.segment)
}

const WIDE =
  /^[\u1100-\u115f\u231a\u231b\u2329\u232a\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f004}\u{1f0cf}\u{1f18e}\u{1f191}-\u{1f19a}\u{1f1e6}-\u{1f320}\u{1f32d}-\u{1f335}\u{1f337}-\u{1f37c}\u{1f37e}-\u{1f393}\u{1f3a0}-\u{1f3ca}\u{1f3cf}-\u{1f3d3}\u{1f3e0}-\u{1f3f0}\u{1f3f4}\u{1f3f8}-\u{1f43e}\u{1f440}\u{1f442}-\u{1f4fc}\u{1f4ff}-\u{1f53d}\u{1f54b}-\u{1f54e}\u{1f550}-\u{1f567}\u{1f57a}\u{1f595}\u{1f596}\u{1f5a4}\u{1f5fb}-\u{1f64f}\u{1f680}-\u{1f6c5}\u{1f6cc}\u{1f6d0}-\u{1f6d2}\u{1f6d5}-\u{1f6d7}\u{1f6dc}-\u{1f6df}\u{1f6eb}\u{1f6ec}\u{1f6f4}-\u{1f6fc}\u{1f7e0}-\u{1f7eb}\u{1f7f0}\u{1f90c}-\u{1f93a}\u{1f93c}-\u{1f945}\u{1f947}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}]/u
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]/u

/** Columns of one grapheme cluster: its first character decides, or the selector that asks for a picture. */
function clusterWidth(cluster: string): number {
  if (WIDE.test(cluster) || (cluster.length > 1 && cluster.includes('\ufe0f'))) return 2
  return ZERO.test(cluster) ? 0 : 1
}
