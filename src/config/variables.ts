// The variables of a section: those of its processes' environment, and those that only the file and
// SDK workers know; and `cfg`, all of it as a worker sees it.

import type { MasterConfig, Setting } from './config.ts'
import { parsePairs, readEnvFile } from './environment.ts'
import { parsePath } from './paths.ts'
import type { Reader } from './reader.ts'
import { rowOf, rows } from './settings.ts'

/** env_file, above it environment, above it env.NAME. */
export function readEnvironment(reader: Reader, basePath: string): Readonly<Record<string, string>> {
  const none: ReadonlyMap<string, string> = new Map()
  // Read inside the parse, so that a file that is not there is refused at the key's line.
  const file = { path: '', variables: none }
  reader.take(
    'env_file',
    (text) => {
      file.path = parsePath(text, basePath)
      file.variables = readEnvFile(file.path)
      return file.path
    },
    '',
    (shown) => shown,
  )
  const pairs = reader.take('environment', (text) => [...parsePairs(text)], [])
  const own = names(reader)
    .filter((name) => name.startsWith('env.') && reader.layer.find(name) !== null)
    .map((name): [string, string] => [name.slice(4), reader.variable(name) ?? ''])
  return Object.fromEntries([...file.variables, ...pairs, ...own])
}

/** Every key of a program's section in the order of the table, then the variables. */
export function programSettings(reader: Reader): readonly Setting[] {
  for (const name of names(reader)) {
    if (!rowOf(name, 'program') && !rowOf(name, 'master') && !name.startsWith('env.')) reader.variable(name)
  }
  const order = new Map(rows.program.map((row, index) => [row.name, row.partOf === undefined ? index : -1]))
  const place = (setting: Setting): number => order.get(setting.key) ?? order.size
  return reader.settings.filter((setting) => place(setting) >= 0).toSorted((a, b) => place(a) - place(b))
}

/** Every key under its canonical name and as the file spells it, and every variable. */
export function cfgOf(reader: Reader, master: MasterConfig): Readonly<Record<string, string>> {
  const known = new Map([...master.settings, ...reader.settings].map((setting) => [setting.key, setting.value]))
  const cfg = new Map(reader.settings.filter(({ value }) => value !== '').map(({ key, value }) => [key, value]))
  for (const entries of [reader.layer.inherited, reader.layer.own]) {
    for (const [name, entry] of entries) {
      const value = known.get(name)
      if (value === undefined) continue
      cfg.set(name, value)
      cfg.set(entry.written, value)
      cfg.set(entry.written.toLowerCase(), value)
    }
  }
  return Object.fromEntries(cfg)
}

const names = (reader: Reader): readonly string[] => [
  ...new Set([...reader.layer.inherited.keys(), ...reader.layer.own.keys()]),
]
