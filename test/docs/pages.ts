// The pages as the tests read them: text, tables, code blocks, links. Knows Markdown as far as our
// pages use it, and nothing of what they say.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '../helpers/scene.ts'

/** Every page of ours, relative to the root. */
export const pages: readonly string[] = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** A file of the repository, page or source. */
export const text = (file: string): string => readFileSync(path.join(root, file), 'utf8')

/** The rows of every table whose head begins with this cell, in order. Throws where there is none. */
export function table(page: string, head: string): readonly (readonly string[])[] {
  const lines = text(page).split('\n')
  const rows: string[][] = []
  let found = false
  let inside = false
  for (const line of lines) {
    if (!line.startsWith('|')) inside = false
    else if (inside) rows.push(cells(line))
    else if (cells(line)[0] === head) {
      inside = true
      found = true
    }
  }
  if (!found) throw new Error(`no table "${head}" in ${page}`)
  return rows.filter((row) => !row.every((cell) => /^-+$/.test(cell)))
}

const cells = (line: string): string[] =>
  line
    .trim()
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())

/** The words in backticks of a text. */
export const codes = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')

/** The text of each code block of this language. */
export const blocks = (page: string, language: string): string[] =>
  [...text(page).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '')

/** A page without its code blocks. */
export const prose = (page: string): string => text(page).replaceAll(/^```[\s\S]*?^```$/gm, '')

/** What a page has in backticks within its sentences and tables. */
export const inline = (page: string): string[] => codes(prose(page))

/** GitHub's name for a heading. */
export const anchors = (page: string): string[] =>
  prose(page)
    .split('\n')
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
        .replaceAll(' ', '-'),
    )
