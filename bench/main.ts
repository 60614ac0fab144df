// Measures phd on this machine and prints medians with their spread: `npm run bench`, or one topic:
// `npm run bench -- boot`. Each figure stands beside a limit measured in the same run, because
// machines differ and are noisy: only the ratios say something.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../src/api/client.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'phd-bench-'))

/** Does nothing, in the smallest process that a C compiler makes; sleep(1) where there is none. */
function trivialProgram(): string {
  writeFileSync(join(folder, 'idle.c'), '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n')
  const built = spawnSync('cc', ['-O1', '-o', join(folder, 'idle'), join(folder, 'idle.c')])
  return built.status === 0 ? join(folder, 'idle') : 'sleep 100000'
}

/** The limit of every start: a loop of posix_spawn in C. Prints ms for N processes, and ends them. */
function spawnLoop(count: number): number | null {
  const source = `#include <spawn.h>
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
`
  writeFileSync(join(folder, 'loop.c'), source)
  if (spawnSync('cc', ['-O1', '-o', join(folder, 'loop'), join(folder, 'loop.c')]).status !== 0) return null
  return Number(execFileSync(join(folder, 'loop'), [String(count), join(folder, 'idle')], { encoding: 'utf8' }))
}

interface Master {
  readonly client: Client
  readonly pid: number
  /** ms from exec of phd. */
  since(): number
  end(): Promise<void>
}

/** A master with `count` processes of the trivial program, start_seconds = 0; not waited for. */
async function startMaster(count: number, name: string): Promise<Master> {
  const base = join(folder, name)
  execFileSync('mkdir', ['-p', base])
  const config = join(base, 'config.ini')
  writeFileSync(
    config,
    `[idle]\ncommand = ${program}\nnumber_workers = ${count}\nstart_seconds = 0\nbackoff_reset = 0\nlog_file = none\n`,
  )
  const from = process.hrtime.bigint()
  const phd = spawn(process.execPath, [join(root, 'dist/bin/phd.cjs'), '-n', '-c', config], {
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
    pid: phd.pid ?? 0,
    async end() {
      const gone = new Promise((done) => phd.on('close', done))
      await client.call('shutdown', { wait: false })
      await gone
    },
  }
}

const runningOf = async (client: Client): Promise<number> =>
  (await client.call('status', {})).reduce((sum, p) => sum + p.running, 0)

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((next) => setImmediate(next))
}

interface Figures {
  readonly label: string
  readonly unit: string
  readonly values: number[]
}

function print({ label, unit, values }: Figures): void {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (q: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN).toFixed(2)
  process.stdout.write(
    `${label.padEnd(52)} median ${at(0.5).padStart(9)}  min ${at(0).padStart(9)}  p99 ${at(0.99).padStart(9)} ${unit}\n`,
  )
  process.stdout.write(`${JSON.stringify({ label, unit, values: sorted.map((v) => Math.round(v * 1000) / 1000) })}\n`)
}

/** From exec of phd until all processes run, beside the bare loop, in turn. */
async function boot(): Promise<void> {
  for (const count of [10, 100]) {
    const ours: number[] = []
    const loop: number[] = []
    for (let run = 0; run < 5; run++) {
      const master = await startMaster(count, `boot-${count}-${run}`)
      await until(async () => (await runningOf(master.client)) === count)
      ours.push(master.since())
      await master.end()
      const limit = spawnLoop(count)
      if (limit !== null) loop.push(limit)
    }
    print({ label: `boot: exec of phd until ${count} processes run`, unit: 'ms', values: ours })
    if (loop.length > 0) print({ label: `limit: C loop of posix_spawn, ${count} processes`, unit: 'ms', values: loop })
  }
}

/** kill -9 of one process until its successor runs. */
async function respawn(): Promise<void> {
  const master = await startMaster(100, 'respawn')
  await until(async () => (await runningOf(master.client)) === 100)
  const values: number[] = []
  for (let run = 0; run < 100; run++) {
    const name = `idle:${run}`
    const before = (await master.client.call('status', { target: name }))[0]?.processes[0]
    const from = process.hrtime.bigint()
    process.kill(before?.pid ?? 0, 'SIGKILL')
    await until(async () => {
      const now = (await master.client.call('status', { target: name }))[0]?.processes[0]
      return now?.state === 'RUNNING' && now.pid !== before?.pid
    })
    values.push(Number(process.hrtime.bigint() - from) / 1e6)
  }
  await master.end()
  print({ label: 'respawn: kill -9 until the next one runs (of 100)', unit: 'ms', values })
}

/** Round trips on one connection. */
async function calls(): Promise<void> {
  const master = await startMaster(100, 'calls')
  await until(async () => (await runningOf(master.client)) === 100)
  for (const method of ['ping', 'status'] as const) {
    const values: number[] = []
    for (let run = 0; run < 2000; run++) {
      const from = process.hrtime.bigint()
      await master.client.call(method, {})
      values.push(Number(process.hrtime.bigint() - from) / 1e6)
    }
    print({ label: `calls: ${method} with 100 processes, one by one`, unit: 'ms', values })
  }
  const rates: number[] = []
  for (let run = 0; run < 5; run++) {
    const from = process.hrtime.bigint()
    await Promise.all(Array.from({ length: 20_000 }, () => master.client.call('ping', {})))
    rates.push(20_000 / (Number(process.hrtime.bigint() - from) / 1e9))
  }
  print({ label: 'calls: ping, pipelined', unit: 'calls/s', values: rates })
  await master.end()
}

/** CPU ticks of the master in 20 s with nobody asking. */
async function idle(): Promise<void> {
  const master = await startMaster(100, 'idle')
  await until(async () => (await runningOf(master.client)) === 100)
  await new Promise((done) => setTimeout(done, 2000))
  const before = ticksOf(master.pid)
  await new Promise((done) => setTimeout(done, 20_000))
  const values = [ticksOf(master.pid) - before]
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${master.pid}/status`, 'utf8'))?.[1]) / 1024
  await master.end()
  print({ label: 'idle: CPU ticks (10 ms) in 20 s, 100 processes', unit: 'ticks', values })
  print({ label: 'idle: resident memory, 100 processes', unit: 'MiB', values: [rss] })
}

function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

const topics: Readonly<Record<string, () => Promise<void>>> = { boot, respawn, calls, idle }
const wanted = process.argv.slice(2)
const unknown = wanted.find((topic) => !(topic in topics))
if (unknown !== undefined) {
  process.stderr.write(`bench: no topic "${unknown}" (have: ${Object.keys(topics).join(', ')})\n`)
  process.exit(2)
}
const program = trivialProgram()
try {
  for (const topic of wanted.length > 0 ? wanted : Object.keys(topics)) await topics[topic]?.()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
