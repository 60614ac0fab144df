// What every topic needs: trivial programs in C, a master on a configuration, figures and their print.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../src/api/client.ts'

const MEMORY = '/dev/shm'
export const root = fileURLToPath(new URL('../../', import.meta.url))
/**
 * What a run makes, removed at its end: in memory, as /run is, where supervisors keep their sockets, pipes and state.
 * What it costs to make a file differs between disks by a factor of fifty, and some peers make five for each process.
 * TMPDIR names another place.
 */
export const folder = mkdtempSync(join(process.env.TMPDIR ?? (mayRunIn(MEMORY) ? MEMORY : tmpdir()), 'phd-bench-'))
/** The same for logs, which lie on a disk. */
export const diskFolder = mkdtempSync(join(tmpdir(), 'phd-bench-'))

export function removeFolder(): void {
  for (const one of [folder, diskFolder]) rmSync(one, { recursive: true, force: true })
}

/** It is there, it is ours to write, and programs may be run from it. */
function mayRunIn(place: string): boolean {
  try {
    const own = mkdtempSync(join(place, 'phd-bench-'))
    try {
      writeFileSync(join(own, 'run'), '#!/bin/sh\n', { mode: 0o755 })
      return spawnSync(join(own, 'run')).status === 0
    } finally {
      rmSync(own, { recursive: true })
    }
  } catch {
    return false
  }
}

/** Compiles a C program once; null where there is no compiler. */
export function compiled(name: string, source: string): string | null {
  const program = join(folder, name)
  writeFileSync(`${program}.c`, source)
  return spawnSync('cc', ['-O2', '-o', program, `${program}.c`]).status === 0 ? program : null
}

/** Does nothing, in the smallest process that a C compiler makes; sleep(1) where there is none. */
export const idleProgram = (): string =>
  compiled('idle', '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n') ?? 'sleep 100000'

/** The limit of every start: a loop of posix_spawn in C. ms for `count` processes; null without a compiler. */
export function spawnLoop(count: number): number | null {
  const loop = compiled(
    'loop',
    `#include <spawn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/wait.h>
extern char **environ;
int main(int c, char **v) {
  int n = atoi(v[1]); pid_t *p = calloc(n, sizeof *p); struct timespec a, b; char *args[] = { v[2], NULL };
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (int i = 0; i < n; i++) if (posix_spawn(&p[i], v[2], NULL, NULL, args, environ)) return 1;
  clock_gettime(CLOCK_MONOTONIC, &b);
  for (int i = 0; i < n; i++) { kill(p[i], SIGKILL); waitpid(p[i], NULL, 0); }
  printf("%f\\n", (b.tv_sec - a.tv_sec) * 1e3 + (b.tv_nsec - a.tv_nsec) / 1e6);
}
`,
  )
  if (loop === null) return null
  return Number(execFileSync(loop, [String(count), idleProgram()], { encoding: 'utf8' }))
}

export interface Master {
  readonly client: Client
  readonly pid: number
  readonly base: string
  /** ms from exec of phd. */
  since(): number
  /** kill -9. */
  kill(): Promise<void>
  end(): Promise<void>
}

let serial = 0

/** A master on these sections; its processes are not waited for. `base`: where an earlier one was. */
export async function startMaster(ini: string, base = join(folder, String(++serial))): Promise<Master> {
  mkdirSync(base, { recursive: true })
  const config = join(base, 'config.ini')
  writeFileSync(config, ini)
  const from = process.hrtime.bigint()
  // By its first line, as it is installed: that names options of Node's.
  const phd = spawn(join(root, 'dist/bin/phd.cjs'), ['-n', '-c', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const since = (): number => Number(process.hrtime.bigint() - from) / 1e6
  await new Promise<void>((ready, failed) => {
    phd.stdout.on('data', (chunk: Buffer) => chunk.includes('"ready"') && ready())
    phd.on('exit', () => failed(new Error('phd ended')))
  })
  const client = await connect(join(base, 'phd.sock'))
  return {
    client,
    since,
    base,
    pid: phd.pid ?? 0,
    async kill() {
      const gone = new Promise((done) => phd.on('close', done))
      phd.kill('SIGKILL')
      client.close()
      await gone
    },
    async end() {
      const gone = new Promise((done) => phd.on('close', done))
      await client.call('shutdown', { wait: false })
      await gone
    },
  }
}

/** `count` trivial processes that count as RUNNING at once. */
export const idleProcesses = (count: number): string =>
  `[idle]\ncommand = ${idleProgram()}\nnumber_workers = ${count}\nstart_seconds = 0\nbackoff_reset = 0\nlog_file = none\n`

/** Asked once, so that the measuring does not disturb what it measures. */
export async function allRun(client: Client): Promise<void> {
  await client.call('wait', { target: 'all', state: 'RUNNING' })
}

export async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((next) => setImmediate(next))
}

/** CPU of a process so far, in ticks of 10 ms. */
export function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Resident memory, in MiB. */
export const residentOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** A line for people, and one of JSON with all values. */
export function print(label: string, unit: string, values: readonly number[]): void {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN).toFixed(2).padStart(9)
  process.stdout.write(`${label.padEnd(54)} median ${at(0.5)}  min ${at(0)}  p99 ${at(0.99)}  max ${at(1)} ${unit}\n`)
  const rounded = sorted.map((v) => Math.round(v * 1000) / 1000)
  process.stdout.write(`${JSON.stringify({ label, unit, values: rounded })}\n`)
}

export const elapsed = (from: bigint): number => Number(process.hrtime.bigint() - from) / 1e6

/** Figures of several rounds, printed together when all are over. */
export class Table {
  readonly #rows = new Map<string, number[]>()

  add(label: string, ...values: readonly number[]): void {
    this.#rows.set(label, [...(this.#rows.get(label) ?? []), ...values])
  }

  print(unit: string): void {
    for (const [label, values] of this.#rows) print(label, unit, values)
    this.#rows.clear()
  }
}
