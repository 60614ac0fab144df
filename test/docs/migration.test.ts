// docs/migration.md: its files load, and its tables say of each key what the loader says.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { rowOf } from '../../src/config/settings.ts'
import { root, sceneOf } from '../helpers/scene.ts'
import { blocks, codes, pages, table } from './pages.ts'

const PAGE = 'docs/migration.md'

/** The understood keys of supervisord, and those that are not. */
function supervisordKeys(): { readonly known: string[]; readonly ours: string[]; readonly refused: string[] } {
  const all = table(PAGE, 'supervisord').filter(([key = '']) => !key.includes('['))
  const keys = (list: typeof all, column: number): string[] => list.flatMap((row) => codes(row[column] ?? ''))
  const known = all.filter(([, here]) => here !== 'none')
  return {
    known: keys(known, 0),
    ours: keys(known, 1),
    refused: keys(
      all.filter((row) => !known.includes(row)),
      0,
    ),
  }
}

for (const page of pages) {
  for (const [at, ini] of blocks(page, 'ini').entries()) {
    if (!ini.includes('[include]')) {
      test(`${page}: its file ${at + 1} is accepted as it is`, (t) => {
        const scene = sceneOf(t)
        scene.write('jobexecute.js', '')
        assert.deepEqual(loadConfig(scene.write('config.ini', ini), {}).warnings, [])
      })
    }
  }
}

test('supervisord: the example holds every key that is understood, and they mean what the table says', () => {
  const { known, ours } = supervisordKeys()
  const ini = blocks(PAGE, 'ini')[0] ?? ''
  const section = ini.slice(ini.indexOf('[program:web]'))
  assert.deepEqual([...section.matchAll(/^(\w+) *=/gm)].map((match) => match[1] ?? '').toSorted(), known.toSorted())
  assert.equal(known.length, ours.length)
  for (const [at, key] of known.entries()) {
    const row = rowOf(key, 'program')
    assert.ok([row?.name, row?.partOf].includes(ours[at]), `${key} is ${row?.name}, not ${ours[at]}`)
  }
})

test('supervisord: what it says is not there is refused', (t) => {
  const scene = sceneOf(t)
  for (const key of supervisordKeys().refused) {
    const file = scene.write('config.ini', `[program:web]\ncommand = true\n${key} = 1\n`)
    assert.throws(() => loadConfig(file, {}), new RegExp(`\\] ${key}: `), key)
  }
  for (const section of ['eventlistener:x', 'fcgi-program:x']) {
    const file = scene.write('config.ini', `[${section}]\ncommand = true\n`)
    assert.throws(() => loadConfig(file, {}), section)
  }
})

test('the file of the Python ProcessHandler is the one that the end-to-end test runs', () => {
  const settings = (ini: string): string[] =>
    ini
      .split('\n')
      .map((line) => line.trim().replace(/ *= */, '='))
      .filter((line) => line !== '' && !line.startsWith('#'))
  const shown = blocks(PAGE, 'ini').find((ini) => ini.includes('[jobexecute]')) ?? ''
  assert.deepEqual(settings(shown), settings(readFileSync(path.join(root, 'test/config/fixtures/seed.ini'), 'utf8')))
})
