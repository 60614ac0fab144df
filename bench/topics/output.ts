// A flood of 100-byte lines into log files, in each form, beside `cat > file` in the same run.

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Collecting, type Collector, collectors } from '../peers/collectors.ts'
import { compiled, diskFolder, elapsed, print, residentOf, startMaster, ticksOf } from '../tools.ts'

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
    cat(program)
    await one(program, form)
  }
  for (const peer of collectors()) {
    cat(program)
    await theirs(program, peer)
  }
}

let serial = 0

function cat(program: string): void {
  const file = join(diskFolder, 'cat.log')
  const from = process.hrtime.bigint()
  execFileSync('sh', ['-c', `${program} ${LINES} | cat > ${file}`])
  print('limit: cat > file, 1 GiB', 'MB/s', [(statSync(file).size / 1e6 / elapsed(from)) * 1000])
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
  const latencies: number[] = []
  while (!over) {
    const asked = process.hrtime.bigint()
    await master.client.call('ping', {})
    latencies.push(elapsed(asked))
    await new Promise((next) => setTimeout(next, 5))
  }
  const ms = await end
  print(`flood: ${label}`, 'MB/s', [((each * slots * 100) / 1e6 / ms) * 1000])
  print(`flood: ${label}, CPU of the master for 1 GiB`, 's', [(ticksOf(master.pid) - before.ticks) / 100])
  print(`flood: ${label}, growth of its memory`, 'MiB', [residentOf(master.pid) - before.resident])
  print(`flood: ${label}, ping meanwhile`, 'ms', latencies)
  await master.end()
  execFileSync('sh', ['-c', `rm -f ${master.base}/*.log*`])
}

async function theirs(program: string, peer: Collector): Promise<void> {
  const lines = Math.floor(LINES / 4) // some take minutes for all
  const place = join(diskFolder, `flood-${peer.name}`)
  mkdirSync(place)
  const collecting = await peer.begin(place, program, lines)
  const whole = lines * 100
  const first = await untilWritten(collecting, 1)
  const pids = collecting.own()
  const ticks = (): number => pids.reduce((sum, pid) => sum + ticksOf(pid), 0)
  const from = process.hrtime.bigint()
  const before = ticks()
  await untilWritten(collecting, whole)
  const ms = elapsed(from)
  print(`flood: ${peer.name}`, 'MB/s', [((whole - first) / 1e6 / ms) * 1000])
  print(`flood: ${peer.name}, its CPU for 1 GiB`, 's', [((ticks() - before) / 100) * (2 ** 30 / (whole - first))])
  await collecting.end()
  rmSync(place, { recursive: true })
}

async function untilWritten(collecting: Collecting, bytes: number): Promise<number> {
  for (;;) {
    const written = collecting.written()
    if (written >= bytes) return written
    await new Promise((next) => setTimeout(next, 1))
  }
}
