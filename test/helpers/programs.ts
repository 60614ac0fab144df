// The two programs as people run them: as processes, from the bundles.

import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { root, within } from './scene.ts'

export const PHD = path.join(root, 'dist/bin/phd.cjs')
const PHCTL = path.join(root, 'dist/bin/phctl.cjs')

export interface Ran {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Words before `node phd.cjs`. */
  readonly wrap?: readonly string[]
}

/** Runs phd to its end: for starts that fail, --check and the like. */
export function runPhd(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return finished(spawnProgram(PHD, args, options))
}

export function runPhctl(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return finished(spawnProgram(PHCTL, args, options))
}

/** Starts one of them; the caller sees to its end. */
export function spawnProgram(program: string, args: readonly string[], options: RunOptions): ChildProcess {
  const [word = '', ...words] = [...(options.wrap ?? []), process.execPath, program, ...args]
  return spawn(word, words, {
    cwd: options.cwd ?? '/',
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** All that it prints, as it comes. */
export function reading(child: ChildProcess): { stdout: () => string; stderr: () => string } {
  const text = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk
    })
  }
  return { stdout: () => text.stdout, stderr: () => text.stderr }
}

function finished(child: ChildProcess): Promise<Ran> {
  const output = reading(child)
  return within(
    'the end of a program',
    new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => resolve({ code, signal, stdout: output.stdout(), stderr: output.stderr() }))
    }),
    60_000,
  )
}
