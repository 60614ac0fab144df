// What tmux says of a pane (`capture-pane -e`) as an SVG: text on a grid, with its colours. Knows the sequences that
// tmux writes, and no others.

interface Style {
  readonly fg: string | null
  readonly bold: boolean
  readonly inverse: boolean
}

interface Run extends Style {
  readonly text: string
  readonly column: number
}

const WIDTH = 8.4
const HEIGHT = 18
const EDGE = 14
const GROUND = '#16181d'
const TEXT = '#d6d9de'
/** The sixteen colours of a terminal. */
const palette = [
  ...['#4a4f5a', '#e5676b', '#8fc27a', '#e2b65c', '#6ea3e0', '#c78ad6', '#5fbcc4', '#d6d9de'],
  ...['#7d8492', '#f0888c', '#a9d598', '#edc97f', '#8fbaea', '#d6a6e2', '#83d0d6', '#ffffff'],
]
const plain: Style = { fg: null, bold: false, inverse: false }

/** `title` is for those who do not see the picture. */
export function svgOf(capture: string, columns: number, title: string): string {
  const lines = capture.replace(/\n$/, '').split('\n')
  const width = Math.ceil(columns * WIDTH + 2 * EDGE)
  const height = lines.length * HEIGHT + 2 * EDGE
  let style = plain
  const rows = lines.map((line, row) => {
    const { runs, last } = runsOf(line, style)
    style = last
    return runs.map((run) => runSvg(run, EDGE + row * HEIGHT)).join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${GROUND}"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...rows.filter((row) => row !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

function runsOf(line: string, first: Style): { runs: readonly Run[]; last: Style } {
  const runs: Run[] = []
  let style = first
  let column = 0
  for (const [i, part] of line.split(new RegExp(`${'\x1b'}\\[([0-9;]*)m`)).entries()) {
    if (i % 2 === 1) style = styled(style, part)
    else {
      // Dots of Braille come from another font, of another width: each sort has its own place.
      for (const [text] of part.matchAll(/[\u2800-\u28ff]+|[^\u2800-\u28ff]+/g)) {
        runs.push({ ...style, text, column })
        column += Array.from(text).length
      }
    }
  }
  return { runs, last: style }
}

function styled(style: Style, sequence: string): Style {
  let next = style
  const codes = sequence === '' ? [0] : sequence.split(';').map(Number)
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0
    if (code === 0) next = plain
    else if (code === 1) next = { ...next, bold: true }
    else if (code === 22) next = { ...next, bold: false }
    else if (code === 7) next = { ...next, inverse: true }
    else if (code === 27) next = { ...next, inverse: false }
    else if (code === 39) next = { ...next, fg: null }
    else if (code >= 30 && code <= 37) next = { ...next, fg: palette[code - 30] ?? null }
    else if (code >= 90 && code <= 97) next = { ...next, fg: palette[code - 82] ?? null }
    else if (code === 38) {
      next = { ...next, fg: palette[codes[i + 2] ?? 0] ?? null }
      i += 2
    }
  }
  return next
}

function runSvg({ text, column, fg, bold, inverse }: Run, top: number): string {
  const x = (EDGE + column * WIDTH).toFixed(1)
  const wide = (Array.from(text).length * WIDTH).toFixed(1)
  const ground = inverse ? `<rect x="${x}" y="${top}" width="${wide}" height="${HEIGHT}" fill="${fg ?? TEXT}"/>` : ''
  if (/^[\s\u2800]*$/.test(text)) return ground
  const fill = inverse ? GROUND : (fg ?? TEXT)
  const weight = bold ? ' font-weight="bold"' : ''
  return `${ground}<text x="${x}" y="${top + 13}" textLength="${wide}" fill="${fill}"${weight}>${escaped(text)}</text>`
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
