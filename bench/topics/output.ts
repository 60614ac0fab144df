// A flood of 100-byte lines into log files, in each form, beside `cat > file` in the same run.

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Collecting, type Collector, collectors } from '../peers/collectors.ts'
import { compiled, diskFolder, elapsed, residentOf, startMaster, Table, ticksOf } from '../tools.ts'

/** 1 GiB of lines of 100 bytes. */
const LINES = Math.floor(2 ** 30 / 100)

const FLOOD = `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int c, char **v) {
  static char block[65500];
  for (long n = 0, all = atol(v[1]); n < all;) {
    long k = 0;
    for (; k < 655 && n < all; k++, n++) {
      char *line = block + k * 100;
      memset(line, 'x', 99);
      line[sprintf(line, "%012ld", n)] = ' ';
      line[99] = 10;
    }
    for (long at = 0, size = k * 100; at < size;) {
      long written = write(1, block + at, size - at);
      if (written < 0) return 1;
      at += written;
    }
  }
}
`

export async function flood(): Promise<void> {
  const program = compiled('flood', FLOOD)
  if (program === null) {
    process.stdout.write('flood: skipped, there is no C compiler\n')
    return
  }
  const forms = [
    { label: 'raw, its own file', ini: '', slots: 1 },
    { label: 'raw, 4 processes in one file', ini: '', slots: 4 },
    { label: 'raw, 50 processes, a file each', ini: 'log_file = %(log_path)s/%(slot)s.log', slots: 50 },
    { label: 'raw, rotated at 50 MB', ini: 'log_max_size = 50MB\nlog_backups = 2', slots: 1 },
    { label: 'prefix', ini: 'log_format = prefix', slots: 1 },
    { label: 'json', ini: 'log_format = json', slots: 1 },
  ]
  for (const form of forms) {
    for (let round = 0; round < ROUNDS; round++) {
      cat(program)
      await one(program, form)
    }
    printAll()
  }
  for (const peer of collectors()) {
    for (let round = 0; round < ROUNDS; round++) {
      cat(program)
      await theirs(program, peer)
    }
    printAll()
  }
}

/** The disk writes what the last round has left: the median of three is told. */
const ROUNDS = 3
const speeds = new Table()
const seconds = new Table()
const memory = new Table()
const latencies = new Table()

function printAll(): void {
  speeds.print('MB/s')
  seconds.print('s')
  memory.print('MiB')
  latencies.print('ms')
}

let serial = 0

function cat(program: string): void {
  const file = join(diskFolder, 'cat.log')
  const from = process.hrtime.bigint()
  execFileSync('sh', ['-c', `${program} ${LINES} | cat > ${file}`])
  speeds.add('limit: cat > file, 1 GiB', (statSync(file).size / 1e6 / elapsed(from)) * 1000)
  execFileSync('rm', [file])
}

async function one(
  program: string,
  { label, ini, slots }: { label: string; ini: string; slots: number },
): Promise<void> {
  const each = Math.floor(LINES / slots)
  const rotation = ini.includes('log_max_size') ? '' : 'log_max_size = 0\n'
  const master = await startMaster(
    `[flood]\ncommand = ${program} ${each}\nnumber_workers = ${slots}\nautostart = false\nautorestart = never\n${rotation}${ini}\n`,
    join(diskFolder, `flood-${++serial}`),
  )
  const before = { ticks: ticksOf(master.pid), resident: residentOf(master.pid) }
  const from = process.hrtime.bigint()
  await master.client.call('start', { target: 'flood', wait: false })
  let over = false
  const end = master.client.call('wait', { target: 'flood', state: 'EXITED' }).then(() => {
    over = true
    return elapsed(from)
  })
  while (!over) {
    const asked = process.hrtime.bigint()
    await master.client.call('ping', {})
    latencies.add(`flood: ${label}, ping meanwhile`, elapsed(asked))
    await new Promise((next) => setTimeout(next, 5))
  }
  const ms = await end
  speeds.add(`flood: ${label}`, ((each * slots * 100) / 1e6 / ms) * 1000)
  seconds.add(`flood: ${label}, CPU of the master for 1 GiB`, (ticksOf(master.pid) - before.ticks) / 100)
  memory.add(`flood: ${label}, growth of its memory`, residentOf(master.pid) - before.resident)
  await master.end()
  execFileSync('sh', ['-c', `rm -f ${master.base}/*.log*`])
}

async function theirs(program: string, peer: Collector): Promise<void> {
  const lines = Math.floor(LINES / 4) // some take minutes for all
  const place = join(diskFolder, `flood-${++serial}`)
  mkdirSync(place)
  const collecting = await peer.begin(place, program, lines)
  const whole = lines * 100
  const first = await untilWritten(collecting, 1)
  const pids = collecting.own()
  const ticks = (): number => pids.reduce((sum, pid) => sum + ticksOf(pid), 0)
  const from = process.hrtime.bigint()
  const before = ticks()
  const written = await untilWritten(collecting, whole)
  if (written < whole) {
    process.stdout.write(`flood: ${peer.name} has lost ${whole - written} of ${whole} bytes, and is not timed\n`)
    await collecting.end()
    return
  }
  const ms = elapsed(from)
  speeds.add(`flood: ${peer.name}`, ((whole - first) / 1e6 / ms) * 1000)
  seconds.add(`flood: ${peer.name}, its CPU for 1 GiB`, ((ticks() - before) / 100) * (2 ** 30 / (whole - first)))
  await collecting.end()
  rmSync(place, { recursive: true })
}

/** So long without a byte, and no more will come. */
const SILENT_MS = 10_000

/** How many bytes there are then. */
async function untilWritten(collecting: Collecting, bytes: number): Promise<number> {
  let last = { written: -1, at: process.hrtime.bigint() }
  for (;;) {
    const written = collecting.written()
    if (written > last.written) last = { written, at: process.hrtime.bigint() }
    if (written >= bytes || elapsed(last.at) > SILENT_MS) return written
    await new Promise((next) => setTimeout(next, 1))
  }
}
