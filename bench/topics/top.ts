// What `phctl top` costs while it shows many processes: itself and the master, on a terminal of tmux.

import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { allRun, folder, idleProcesses, print, root, startMaster, ticksOf } from '../tools.ts'

const SECONDS = 20
const ROUNDS = 3

export async function top(): Promise<void> {
  if (spawnSync('tmux', ['-V']).status !== 0) {
    process.stdout.write('top: skipped, there is no tmux\n')
    return
  }
  for (const count of [100, 1000]) {
    const master = await startMaster(
      `${idleProcesses(count)}[chatty]\ncommand = sh -c 'while :; do echo request; sleep 0.1; done'\n`,
    )
    await allRun(master.client)
    for (const rows of [24, 50]) await measure(master.pid, count, rows, join(master.base, 'phd.sock'))
    await master.end()
  }
}

async function measure(master: number, count: number, rows: number, socket: string): Promise<void> {
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-S', join(folder, 'tmux.sock'), '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
  const program = `exec ${process.execPath} ${join(root, 'dist/bin/phctl.cjs')} -s ${socket} top`
  tmux('new-session', '-d', '-x', rows > 30 ? '160' : '80', '-y', String(rows), program)
  const pid = Number(tmux('list-panes', '-F', '#{pane_pid}'))
  // The program with a log, so that there is something to draw.
  await seconds(3)
  tmux('send-keys', 'G')
  await seconds(3)
  const own: number[] = []
  const masters: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const from = [ticksOf(pid), ticksOf(master)] as const
    await seconds(SECONDS)
    own.push((ticksOf(pid) - from[0]) / SECONDS)
    masters.push((ticksOf(master) - from[1]) / SECONDS)
  }
  tmux('kill-server')
  const what = `${count} processes, ${rows} rows`
  print(`top: its own, ${what}`, '% of a core', own)
  print(`top: the master's, ${what}`, '% of a core', masters)
}

const seconds = (count: number): Promise<void> => new Promise((done) => setTimeout(done, count * 1000))
