// A page of docs/ as roff. Knows Markdown as far as our pages use it: headings, paragraphs, lists, tables, code.

import { example, heading, inline, item, paragraph, subheading } from './roff.ts'

/** Below its title. A table becomes a list: the first cell is the term. */
export function roffOf(markdown: string): string[] {
  const roff: string[] = []
  const lines = markdown.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const [, level = '', title = ''] = /^(#+) (.*)$/.exec(line) ?? []
    if (title !== '') roff.push(...(level === '#' ? [] : [level === '##' ? heading(title) : subheading(title)]))
    else if (line.startsWith('```')) {
      const end = lines.indexOf('```', at + 1)
      roff.push(...example(lines.slice(at + 1, end)))
      at = end
    } else if (line.startsWith('|')) {
      const end = endOf(lines, at, (one) => one.startsWith('|'))
      roff.push(...tableOf(lines.slice(at, end)))
      at = end - 1
    } else if (line.startsWith('- ')) roff.push('.IP \\(bu 2', inline(line.slice(2)))
    else if (line !== '' && !line.startsWith('<!--')) {
      const end = endOf(lines, at, (one) => /^[^#|`<-]|^`(?!``)/.test(one))
      roff.push(...paragraph(lines.slice(at, end).join(' ')))
      at = end - 1
    }
  }
  return roff
}

/** The part of a page below a heading of the second level, without it. */
export function sectionOf(markdown: string, title: string): string {
  const [, below] = markdown.split(`\n## ${title}\n`)
  if (below === undefined) throw new Error(`cannot find "## ${title}"`)
  return below.split(/\n## /)[0] ?? ''
}

function endOf(lines: readonly string[], from: number, belongs: (line: string) => boolean): number {
  let end = from + 1
  while (end < lines.length && belongs(lines[end] ?? '')) end++
  return end
}

function tableOf(lines: readonly string[]): string[] {
  const [head = [], , ...rows] = lines.map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  )
  return rows.flatMap(([term = '', ...cells]) => {
    const said = cells.map((cell, at) => {
      const title = head[at + 1] ?? ''
      return cell === '' || title === '' ? cell : `${title}${title.startsWith('`') ? ':' : ''} ${cell}`
    })
    return item(term, said.filter((cell) => cell !== '').join('; '))
  })
}
