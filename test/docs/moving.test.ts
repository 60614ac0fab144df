// docs/import.md and docs/export.md against the tables of the code, both ways; and these against all keys that there are.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportKeys } from '../../cli/export/keys.ts'
import type { KeyTable } from '../../cli/import/draft.ts'
import { pm2Keys } from '../../cli/import/pm2-keys.ts'
import * as supervisord from '../../cli/import/supervisord-keys.ts'
import * as systemd from '../../cli/import/systemd-keys.ts'
import { canonical, rows } from '../../src/config/settings.ts'
import { codes, table } from './pages.ts'

const tables: Readonly<Record<string, KeyTable>> = {
  '[program:x]': supervisord.programKeys,
  '[fcgi-program:x]': supervisord.fcgiKeys,
  '[eventlistener:x]': supervisord.listenerKeys,
  '[group:x]': supervisord.groupKeys,
  '[supervisord]': supervisord.masterKeys,
  '[unix_http_server]': supervisord.unixServerKeys,
  '[inet_http_server]': supervisord.inetServerKeys,
  '[include]': supervisord.includeKeys,
  section: supervisord.droppedSections,
  PM2: pm2Keys,
  '[Service]': systemd.serviceKeys,
  '[Unit]': systemd.unitKeys,
  '[Socket]': systemd.socketKeys,
  '[Timer]': systemd.timerKeys,
}

for (const [head, keys] of Object.entries(tables)) {
  test(`import: what becomes of each key of ${head}`, () => {
    assert.deepEqual(
      table('docs/import.md', head).map(([key = '', here = '', why = '']) => [
        codes(key)[0],
        codes(here).join(', '),
        why,
      ]),
      Object.entries(keys).map(([key, { here, why }]) => [key, here ?? '', why ?? '']),
    )
  })

  test(`import: what ${head} becomes is a key of ours`, () => {
    const ours = new Set([...rows.program, ...rows.master].map(({ name }) => name))
    const named = Object.values(keys).flatMap(({ here }) => here?.split(', ') ?? [])
    for (const word of named.filter((each) => each !== 'env.NAME' && each !== 'env.PORT')) {
      const key = word.replace(/^\[[\w:]+\] /, '')
      assert.ok(key.startsWith('[') || key === 'env.NAME' || key === 'programs' || ours.has(canonical(key)), word)
    }
  })
}

test('export: each key with what becomes of it', () => {
  const shown = Object.entries(exportKeys).map(([key, row]) => [
    `\`${key}\``,
    row.systemd ?? '-',
    row.kubernetes ?? '-',
    row.compose ?? '-',
    row.why ?? '',
  ])
  assert.deepEqual(table('docs/export.md', 'key'), shown)
})

test('export: every key of a program that this version carries out has its row, and no other', () => {
  const keys = rows.program.filter(({ partOf }) => partOf === undefined)
  assert.deepEqual(Object.keys(exportKeys).toSorted(), keys.map(({ name }) => name).toSorted())
  for (const [key, row] of Object.entries(exportKeys)) {
    assert.ok(row.why || (row.systemd && row.kubernetes && row.compose), `${key} is lost without a reason`)
  }
})
