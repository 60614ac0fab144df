// What a master and its run_path hold in a quiet moment, and whether all of it is needed: a FIFO for each
// stream of a living process, each log once, a pidfd for each process that is no child; a record of bounded size.

import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { descriptorsOf, residentBytes } from '../helpers/proc.ts'
import type { Seen } from './census.ts'

export interface Holdings {
  /** By name. */
  readonly fifos: readonly string[]
  readonly logs: readonly string[]
  readonly watched: number
  /** What the number of processes does not explain. */
  readonly other: readonly string[]
  readonly residentBytes: number
}

/** So many bytes a journal has at most: it is written anew before. */
const RECORD_BYTES = 600 * 1024

export function holdings(dir: string, master: number): Holdings {
  const files = [...descriptorsOf(master).values()]
  const io = path.join(dir, '.phd/io/')
  const logs = path.join(dir, 'logs/')
  const fifos = files.filter((file) => file.startsWith(io))
  const ofPrograms = files.filter((file) => file.startsWith(logs) && !file.endsWith('/phd.log'))
  const pidfds = files.filter((file) => file === 'anon_inode:[pidfd]')
  return {
    fifos: fifos.map((file) => file.slice(io.length)),
    logs: ofPrograms,
    watched: pidfds.length,
    other: files.filter((file) => ![...fifos, ...ofPrograms, ...pidfds].includes(file)),
    residentBytes: residentBytes(master),
  }
}

/** @param living the first process of each launch. */
export function holdingsFault(dir: string, has: Holdings, living: readonly Seen[], master: number): string | null {
  const io = path.join(dir, '.phd/io/')
  const used = new Set<string>()
  for (const { pid } of living) {
    const open = descriptorsOf(pid)
    for (const fd of [1, 2]) used.add(open.get(fd) ?? `nothing is descriptor ${fd} of ${pid}`)
  }
  const wanted = [...used].map((file) => file.slice(io.length)).toSorted()
  const differ = (what: string, is: readonly string[]): string | null => {
    const same = is.length === wanted.length && is.toSorted().every((name, at) => name === wanted[at])
    return same ? null : `${what}: ${is.join(' ')}; used by somebody: ${wanted.join(' ')}`
  }
  const children = living.filter(({ parent }) => parent === master).length
  const strangers = living.length - children
  return (
    differ('FIFOs of the master', has.fifos) ??
    differ('FIFOs in run_path', readdirSync(io)) ??
    (new Set(has.logs).size === has.logs.length ? null : `a log is open twice: ${has.logs.join(' ')}`) ??
    (has.logs.some((log) => log.endsWith('(deleted)'))
      ? `a log is gone and still open: ${has.logs.join(' ')}`
      : null) ??
    (has.watched === strangers ? null : `${has.watched} pidfds for ${strangers} processes that are no children`)
  )
}

export function recordFault(dir: string): string | null {
  const state = path.join(dir, '.phd/state')
  const bad = readdirSync(state).find((name) => name.startsWith('record.bad'))
  if (bad !== undefined) return `a record could not be read: ${bad}`
  const { size } = statSync(path.join(state, 'record'))
  return size <= RECORD_BYTES ? null : `the record has ${size} bytes`
}

/** Of what an orderly end removes. */
export function leftBehind(dir: string): string[] {
  const files = ['phd.sock', 'master.pid', '.phd/w.sock', '.phd/state/record'].filter((name) =>
    existsSync(path.join(dir, name)),
  )
  return [...files, ...readdirSync(path.join(dir, '.phd/io')).map((name) => `.phd/io/${name}`)]
}
