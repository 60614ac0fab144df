// What one row of the table of keys says. Shared by the tables and everybody who reads them.

import type { Effect } from '../api/contract.ts'

export type ValueType =
  | 'text'
  | 'path'
  | 'output'
  | 'boolean'
  | 'integer'
  | 'duration'
  | 'size'
  | 'jitter'
  | 'signal'
  | 'codes'
  | 'mode'
  | 'choice'
  | 'environment'

export interface SettingRow {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly type: ValueType
  /** As it would be written in the file; null = unset. */
  readonly default: string | null
  /** Bounds of an integer or a size, both inclusive. */
  readonly range?: readonly [number, number]
  /** For a choice: every word that is understood and the one that is meant. */
  readonly choices?: Readonly<Record<string, string>>
  /** %(slot)s may stand in it. */
  readonly slot?: true
  /** What a change does to what runs. null = nothing by itself: the keys that use it change. */
  readonly effect: Effect | null
  /** Whether this version carries it out; a list = only these values. */
  readonly available: true | readonly string[]
  /** A key of [master] that the seed's files write in a program's section. */
  readonly hoisted?: true
  /** supervisord's spelling of a part of another key, under which it is shown. */
  readonly partOf?: string
  /** One sentence for the documents. */
  readonly meaning: string
}

/** `master`: [master]; `program`: a program's section. [DEFAULT] takes the rows of both. */
export type Where = 'master' | 'program'
