// What is asked of one cgroup by its files (cgroups(7), cgroup-v2.rst of the kernel).

import { readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errno } from '../errors.ts'
import { isAlive, statOf } from './proc.ts'

/** Lets the cgroups below have these controllers. */
export function handDown(folder: string, controllers: readonly string[]): void {
  const file = join(folder, 'cgroup.subtree_control')
  const there = wordsIn(file)
  const wanted = controllers.filter((one) => !there.includes(one))
  if (wanted.length > 0) writeFileSync(file, wanted.map((one) => `+${one}`).join(' '))
}

export function enter(folder: string, pid: number): void {
  try {
    writeFileSync(join(folder, 'cgroup.procs'), String(pid))
  } catch (e) {
    if (errno(e) !== 'ESRCH') throw e // it has just ended
  }
}

/** Removes what processes left that ended while nobody looked. */
export function sweep(folder: string, stays: (leaf: string) => boolean): void {
  const all = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory())
  for (const leaf of all.map(({ name }) => join(folder, name)).filter((one) => !stays(one))) {
    try {
      rmdirSync(leaf)
    } catch {
      // Somebody lives there.
    }
  }
}

export function killAll(leaf: string): boolean {
  try {
    writeFileSync(join(leaf, 'cgroup.kill'), '1')
    return true
  } catch {
    return false // before Linux 5.14, or gone: the group and the token have found what they can
  }
}

/** One number of a flat file; null = there is none. */
export function countIn(leaf: string, file: string, name: string): number | null {
  try {
    const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(join(leaf, file), 'latin1'))
    return found ? Number(found[1]) : null
  } catch {
    return null
  }
}

export const wordsIn = (file: string): string[] => readFileSync(file, 'latin1').split(/\s+/).filter(Boolean)

/** How many live in it. Those who have just ended may still be named there. */
export function livingIn(leaf: string): number {
  try {
    const stats = wordsIn(join(leaf, 'cgroup.procs')).map((pid) => statOf(Number(pid)))
    return stats.filter((one) => one !== null && isAlive(one)).length
  } catch {
    return 0 // it has just gone
  }
}

/** A cgroup and, when it was the last one, the one above. */
export function removeEmpty(leaf: string): void {
  for (const folder of [leaf, dirname(leaf)]) {
    try {
      rmdirSync(folder)
    } catch {
      return // somebody lives there: it is tried again with the next one
    }
  }
}
