// Every link of every page leads somewhere, every page is reachable from the README, and every command
// that a page tells people to type is one.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { catalog, globalOptions } from '../../cli/commands/catalog.ts'
import { usage } from '../../src/arguments.ts'
import { root } from '../helpers/scene.ts'
import { anchors, blocks, inline, pages, prose } from './pages.ts'

interface Link {
  readonly page: string
  /** From the root. */
  readonly file: string
  readonly anchor: string | null
}

const linksOf = (page: string): Link[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor = null] = target.split('#')
      return { page, file: file === '' ? page : path.normalize(path.join(path.dirname(page), file)), anchor }
    })

for (const page of pages) {
  test(`${page}: its links lead somewhere`, () => {
    for (const { file, anchor } of linksOf(page)) {
      assert.ok(existsSync(path.join(root, file)), `${page} -> ${file}`)
      if (anchor !== null) assert.ok(anchors(file).includes(anchor), `${page} -> ${file}#${anchor}`)
    }
  })
}

test('the README links the index of all pages', () => {
  assert.ok(linksOf('README.md').some(({ file }) => file === 'docs/README.md'))
})

test('the index of docs/ has every page, once', () => {
  const index = 'docs/README.md'
  const linked = linksOf(index).map(({ file }) => file)
  const wanted = pages.filter((page) => page !== index)
  assert.deepEqual(
    wanted.filter((page) => linked.filter((file) => file === page).length !== 1),
    [],
  )
})

for (const page of pages.filter((name) => name !== 'CHANGELOG.md')) {
  test(`${page}: every phctl and phd that it says to type is one`, () => {
    const typed = [
      ...inline(page),
      ...['sh', ''].flatMap((kind) => blocks(page, kind)).flatMap((one) => one.split('\n')),
    ]
    for (const line of typed) {
      const [, program, words = ''] =
        /^(?:\$ )?(?:npx )?(phctl|phd)((?: [^#(]*)?)$/.exec(line.replace(/ +#.*$/, '')) ?? []
      if (program === 'phctl') assert.equal(phctlFault(words), null, line)
      if (program === 'phd') assert.equal(phdFault(words), null, line)
    }
  })
}

function phctlFault(words: string): string | null {
  const values = new Set<string>(
    globalOptions.filter(([flags]) => flags.includes('<')).flatMap(([flags]) => flags.match(/--?\w+/g) ?? []),
  )
  const list = words.split(' ').filter(Boolean)
  const command = list.find((word, at) => /^[a-z.]+$/.test(word) && !values.has(list[at - 1] ?? ''))
  if (command === undefined || Object.hasOwn(catalog, command)) return null
  return `no command ${command}`
}

function phdFault(words: string): string | null {
  const flags = words.match(/(?<= )--?[\w-]+/g) ?? []
  return flags.find((flag) => !usage.includes(` ${flag}`)) ?? null
}
