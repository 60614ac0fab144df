// A test's stage: a temp dir with a short name, the processes that were started on it, and the end:
// what was started is stopped, nothing may be left that knows the dir, and the dir goes.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { commandOf, mentioning } from './proc.ts'

export interface Scene {
  readonly dir: string
  path(name: string): string
  write(name: string, content: string | Uint8Array, mode?: number): string
  read(name: string): string
  /** Whole lines of a file; none when it is not there. */
  lines(name: string): string[]
  /** Runs at the end, the last one first. */
  after(end: () => Promise<void> | void): void
  /** Processes may be left at the end (the test killed their master): they are ended without a word. */
  mayLeave(may?: boolean): void
}

const scenes = new WeakMap<TestContext, Scene>()

/** Long: it only matters when something is wrong, or when the machine has much else to do. */
export const DEADLINE_MS = 45_000

/** The one scene of a test. */
export function sceneOf(t: TestContext): Scene {
  const known = scenes.get(t)
  if (known) return known
  const dir = realpathSync(mkdtempSync(path.join(shortTemp(), 'phd-')))
  const ends: (() => Promise<void> | void)[] = []
  let leaves = false
  const at = (name: string): string => path.resolve(dir, name)
  const scene: Scene = {
    dir,
    path: at,
    write(name, content, mode = 0o644) {
      mkdirSync(path.dirname(at(name)), { recursive: true })
      writeFileSync(at(name), content, { mode })
      return at(name)
    },
    read: (name) => readFileSync(at(name), 'utf8'),
    lines: (name) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8').split('\n').slice(0, -1) : []),
    after: (end) => void ends.unshift(end),
    mayLeave(may = true) {
      leaves = may
    },
  }
  scenes.set(t, scene)
  t.after(async () => {
    const failures: unknown[] = []
    for (const end of ends) {
      try {
        await end()
      } catch (e) {
        failures.push(e)
      }
    }
    const left = mentioning(dir).map((pid) => ({ pid, command: commandOf(pid) }))
    for (const { pid } of left) endHard(pid)
    await until('the end of what was left', () => mentioning(dir).length === 0)
    rmSync(dir, { recursive: true, force: true })
    if (left.length > 0 && !leaves) failures.push(new Error(`processes were left: ${JSON.stringify(left)}`))
    if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, String(failures))
  })
  return scene
}

/** Looks again and again, where no event tells. Fails at the deadline. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== null && found !== false) return found as Exclude<T, undefined | null | false>
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Fails when the promise takes longer. */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${deadlineMs} ms in vain for ${what}`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The repository: the nearest folder above whose package is this one. */
export const root = ((): string => {
  for (let dir = path.dirname(fileURLToPath(import.meta.url)); ; dir = path.dirname(dir)) {
    const manifest = path.join(dir, 'package.json')
    if (existsSync(manifest) && /"name": "processhandler"/.test(readFileSync(manifest, 'utf8'))) return dir
    if (dir === '/') throw new Error('no repository above the tests')
  }
})()

/** A program of test/fixtures. */
export const fixture = (name: string): string => path.join(root, 'test/fixtures', name)

/** Why a test cannot run here, for `skip`: a program that is not installed, or false. */
export function missing(program: string): string | false {
  const found = (process.env.PATH ?? '').split(':').some((dir) => existsSync(path.join(dir, program)))
  return found ? false : `needs ${program}`
}

export const needsRoot: string | false = process.getuid?.() === 0 ? false : 'needs root'

/** Socket paths are short: a long TMPDIR will not do. */
function shortTemp(): string {
  return Buffer.byteLength(tmpdir()) <= 40 ? tmpdir() : '/tmp'
}

function endHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Gone by itself.
  }
}
