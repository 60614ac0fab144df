// The program of fixtures/never-waits.js, whose log may be in trouble: how it is started, how far it is, and whether
// its log accounts for all that it has printed.

import assert from 'node:assert/strict'
import { quick } from './master.ts'
import { fixture, type Scene, until } from './scene.ts'

/** It logs to small/talk.log. */
export const talks = (more: string): string =>
  `${quick}[talk]\ncommand = ${process.execPath} ${fixture('never-waits.js')} %(here)s/enough %(here)s/progress\nlog_file = small/talk.log\nlog_max_size = 0\n${more}`

interface Progress {
  readonly count: number
  readonly longestMs: number
}

/** How much it has printed, and its longest write. */
export const progressOf = (scene: Scene): Progress => JSON.parse(scene.read('progress')) as Progress

/** The line in the log: lines, bytes, error. */
export const NOTE = /^phd: (\d+) lines \((\d+) bytes\) of talk:0 stdout were dropped here from \S+Z to \S+Z: (.*)$/

/** All lines up to the end are there, or said to be missing where they are, with their bytes. How many are missing. */
export function accounted(lines: readonly string[], mayBeTorn = 0): number {
  let next = 1
  let gone = 0
  let torn = 0
  for (const line of lines) {
    const [, count, bytes] = NOTE.exec(line) ?? []
    if (count !== undefined) {
      let size = 0
      for (let n = next; n < next + Number(count); n++) size += `line ${n}\n`.length
      if (mayBeTorn === 0) assert.equal(Number(bytes), size, line)
      next += Number(count)
      gone += Number(count)
      continue
    }
    const [, number] = /^(?:line|end) (\d+)$/.exec(line) ?? []
    if (number === undefined || (mayBeTorn > torn && Number(number) < next)) {
      assert.ok(++torn <= mayBeTorn, `a torn line: ${line}`)
      continue
    }
    if (mayBeTorn > 0 && Number(number) > next) next = Number(number) // the count died with a master
    if (line.startsWith('end')) assert.equal(Number(number), next - 1)
    else assert.equal(Number(number), next++, 'a line is missing, and nothing says so')
  }
  return gone
}

/** More than a pipe holds has been printed since, and no write took long. */
export async function doesNotWait(scene: Scene): Promise<void> {
  const { count } = progressOf(scene)
  await until('much more than a pipe holds', () => progressOf(scene).count > count + 60_000)
  assert.ok(progressOf(scene).longestMs < 900, `a write took ${progressOf(scene).longestMs} ms`)
}
