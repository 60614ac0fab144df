// Runs the bundled phctl as people do: as a process.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const bundle = join(root(dirname(fileURLToPath(import.meta.url))), 'dist/bin/phctl.cjs')

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** An environment that leads to no master by itself. */
function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: '/', TERM: 'xterm', ...extra }
}

export function start(args: readonly string[], options: Options = {}): ChildProcess {
  return spawn(process.execPath, [bundle, ...args], {
    cwd: options.cwd ?? '/',
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

export function ended(child: ChildProcess): Promise<Ran> {
  return new Promise((done, fail) => {
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', fail)
    child.on('close', (code) => done({ code, stdout, stderr }))
  })
}

export function phctl(args: readonly string[], options: Options = {}): Promise<Ran> {
  return ended(start(args, options))
}

/** A line of a shell in which `phctl` is the bundle. */
export function shell(line: string, env: Readonly<Record<string, string>>): Promise<Ran> {
  return ended(spawn('sh', ['-c', `${FUNCTION}${line}`], { env: withBundle(env), stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** The same on a terminal of 80x24, which ^C does not end; the last thing on it is `exit N`. */
export function terminal(line: string, env: Readonly<Record<string, string>>): ChildProcess {
  const inside = `stty rows 24 cols 80 -echo; trap : INT; ${FUNCTION}${line}; echo "exit $?"`
  return spawn('script', ['-qfec', inside, '/dev/null'], { env: { ...withBundle(env), SHELL: '/bin/sh' } })
}

const FUNCTION = 'phctl() { "$NODE" "$PHCTL" "$@"; }; '

function withBundle(env: Readonly<Record<string, string>>): Record<string, string> {
  return { ...environment(env), NODE: process.execPath, PHCTL: bundle }
}

function root(from: string): string {
  const file = join(from, 'package.json')
  if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'processhandler') {
    return from
  }
  if (dirname(from) === from) throw new Error('cannot find the package processhandler above the tests')
  return root(dirname(from))
}
