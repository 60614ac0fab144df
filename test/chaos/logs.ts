// The logs of a chaos run on disk: what the programs have said, what stands in all files of each log in their
// order, and that it is taken away when it was checked, so that a long run needs no large disk. Archives are taken
// while nobody prints: then no rotation moves them under us.

import { existsSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Ledger } from './ledger.ts'
import {
  type Fault,
  follow,
  type Incarnation,
  type LogFacts,
  missing,
  newProgress,
  type Progress,
} from './log-check.ts'
import { logsOf, type Role, roles } from './roles.ts'

interface Said {
  readonly token: string
  readonly name: string
  readonly pid: number
  readonly count: number
  readonly paused: boolean
}

interface Followed {
  readonly progress: Progress
  /** Bytes of its oldest file that were checked before. */
  skip: number
}

const COPY = '.out-'

export class Logs {
  readonly #dir: string
  readonly #ledger: Ledger
  readonly #followed = new Map<string, Followed>()
  /** Dead at the last checkpoint already. */
  #dead = new Set<string>()
  #copies = 0
  #doubled = 0

  constructor(dir: string, ledger: Ledger) {
    this.#dir = dir
    this.#ledger = ledger
  }

  /** Everybody who has ever printed, but for those whose lines were all found. */
  said(): Said[] {
    const folder = path.join(this.#dir, 'said')
    return readdirSync(folder).flatMap((token) => {
      const lines = readFileSync(path.join(folder, token), 'utf8').split('\n').slice(0, -1)
      const [name, pid] = lines[0]?.split(' ') ?? []
      if (!name) return [] // it has just begun
      const [count, paused] = lines.length > 1 ? (lines.at(-1) ?? '').split(' ') : []
      return [{ token, name, pid: Number(pid), count: Number(count ?? 0), paused: paused !== undefined }]
    })
  }

  /** Moves a log away, as logrotate does. False = there is none now. */
  rename(log: string): boolean {
    const from = path.join(this.#dir, 'logs', log)
    if (!existsSync(from)) return false
    renameSync(from, `${from}${COPY}${++this.#copies}`)
    return true
  }

  /** What changes as long as archives are being compressed. */
  shape(): string {
    const folder = path.join(this.#dir, 'logs')
    return names(this.#dir)
      .map((name) => `${name} ${statSync(path.join(folder, name), { throwIfNoEntry: false })?.ino}`)
      .join(', ')
  }

  /** All logs that are there now and may be renamed. */
  renamable(): string[] {
    return names(this.#dir).filter((log) => roles.some((one) => one.renamed && isLogOf(log, one)))
  }

  /**
   * Checks what has come since the last time, and takes it away; nobody prints meanwhile. `late` is what may still
   * come, from a pipe that is being read.
   */
  check(living: ReadonlySet<string>): { readonly faults: readonly Fault[]; readonly late: readonly Fault[] } {
    const all = this.said()
    const faults: Fault[] = []
    const late: Fault[] = []
    for (const role of roles.filter((one) => !one.cleared)) {
      for (const log of logsThere(this.#dir, role, all)) {
        const facts = this.#facts(role, log, all)
        const followed = this.#followed.get(log) ?? { progress: newProgress(), skip: 0 }
        this.#followed.set(log, followed)
        const before = followed.progress.doubled
        faults.push(...this.#read(log, followed, facts).map((fault) => within(log, fault)))
        this.#doubled += followed.progress.doubled - before
        late.push(...missing(followed.progress, facts).map((fault) => within(log, fault)))
      }
    }
    if (faults.length + late.length === 0) this.#forget(all, living)
    return { faults, late }
  }

  get totals(): { readonly lines: number; readonly doubled: number } {
    const lines = [...this.#followed.values()].reduce((sum, { progress }) => sum + progress.lines, 0)
    return { lines, doubled: this.#doubled }
  }

  #read(log: string, followed: Followed, facts: LogFacts): Fault[] {
    const files = filesOf(this.#dir, log)
    const faults: Fault[] = []
    files.forEach((file, at) => {
      const { bytes, current } = file
      const skip = at === 0 ? followed.skip : 0
      if (bytes.length < skip) {
        faults.push({ kind: 'lost', text: `${file.name} has ${bytes.length} bytes, and had ${skip}` })
        return
      }
      const fresh = bytes.subarray(skip)
      // Of the last file, half a line may still be finished.
      const length = current ? fresh.lastIndexOf(0x0a) + 1 : fresh.length
      const lines = fresh.subarray(0, length).toString('latin1').split('\n')
      if (lines.at(-1) === '') lines.pop()
      faults.push(...follow(followed.progress, lines, facts).map((fault) => within(file.name, fault)))
      if (current) followed.skip = skip + length
    })
    if (faults.length > 0) return faults
    for (const { name, current } of files) if (!current) unlinkSync(path.join(this.#dir, 'logs', name))
    if (!files.some(({ current }) => current)) followed.skip = 0
    return []
  }

  /** Of those whose lines were all found, nothing more is expected when they are dead for a while. */
  #forget(all: readonly Said[], living: ReadonlySet<string>): void {
    const dead = new Set(all.flatMap(({ token }) => (living.has(token) ? [] : [token])))
    for (const token of dead) {
      if (!this.#dead.has(token)) continue
      unlinkSync(path.join(this.#dir, 'said', token))
      this.#ledger.forget(token)
      for (const { progress } of this.#followed.values()) progress.byToken.delete(token)
      dead.delete(token)
    }
    this.#dead = dead
  }

  #facts(role: Role, log: string, all: readonly Said[]): LogFacts {
    const here = all.filter(({ name }) => logsOf(name).includes(log))
    const incarnations = here.map(({ token, name, count }): [string, Incarnation] => [
      token,
      { token, name, said: count, excused: this.#ledger.isExcused(token) },
    ])
    return {
      format: role.format,
      most: role.most,
      pipeBytes: role.pipeBytes,
      workers: role.style === 'worker',
      incarnations: new Map(incarnations),
      outages: this.#ledger.outages,
    }
  }
}

/** The logs of a program: those that are there, and those that should be. */
function logsThere(dir: string, role: Role, all: readonly Said[]): string[] {
  const expected = all.filter(({ name }) => name.startsWith(`${role.name}:`)).flatMap(({ name }) => logsOf(name))
  return [...new Set([...names(dir).filter((name) => isLogOf(name, role)), ...expected])]
}

const isLogOf = (file: string, { name }: Role): boolean => new RegExp(`^${name}(-\\d+|\\.err)?\\.log$`).test(file)

const names = (dir: string): string[] => readdirSync(path.join(dir, 'logs'))

interface LogFile {
  readonly name: string
  readonly current: boolean
  readonly bytes: Buffer
}

/** What there is of a log, the oldest first. Copies come where the time of their last write puts them. */
function filesOf(dir: string, log: string): LogFile[] {
  const all = names(dir).filter((name) => name.startsWith(log))
  const numbered = all.flatMap((name) => {
    const [, number] = /^\.(\d+)(?:\.gz)?$/.exec(name.slice(log.length)) ?? []
    return number === undefined ? [] : [{ name, number: Number(number) }]
  })
  const order = numbered.toSorted((a, b) => b.number - a.number).map(({ name }) => name)
  const writtenAt = (name: string): bigint => statSync(path.join(dir, 'logs', name), { bigint: true }).mtimeNs
  const copies = all.filter((name) => name.startsWith(`${log}${COPY}`))
  for (const copy of copies.toSorted((a, b) => numberOf(a) - numberOf(b))) {
    const at = order.findIndex((name) => !name.includes(COPY) && writtenAt(name) > writtenAt(copy))
    order.splice(at < 0 ? order.length : at, 0, copy)
  }
  if (all.includes(log)) order.push(log)
  return order.map((name) => {
    const bytes = readFileSync(path.join(dir, 'logs', name))
    return { name, current: name === log, bytes: name.endsWith('.gz') ? gunzipSync(bytes) : bytes }
  })
}

const numberOf = (copy: string): number => Number(copy.slice(copy.lastIndexOf('-') + 1))

const within = (where: string, { kind, text }: Fault): Fault => ({ kind, text: `${where}: ${text}` })
