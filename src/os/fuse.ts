// Sees to it that no process of a program outlives the lease under which it was made, also where its master cannot: it
// may have been killed, or stopped. For each lease a file says until when; the master writes a later time there each
// time that etcd has answered. A guard, a shell that nobody else knows, sleeps until then, reads it again, and where
// it still is the same, ends all that carries the lease's fence in its environment: first with the stop signal, then
// with SIGKILL. The next master reads the file, too: so it goes on with what its predecessor had.
//
// Times in the file are of CLOCK_BOOTTIME, as in /proc/uptime: the time in which the machine is suspended counts.

import { readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fuses } from '../core/lease-ports.ts'
import type { Hold } from '../core/lease-state.ts'
import type { Clock } from '../core/ports.ts'
import { errno } from '../errors.ts'
import { makeFolder } from './folders.ts'
import { posixSpawn } from './libc.ts'
import { bootId, isAlive, statOf } from './proc.ts'

/** A master that lives asks first. */
const PATIENCE_MS = 250

/**
 * Arguments: file, fence, program, control socket, stop signal. Ends when the file is gone, or its master and all that
 * it had to end. In the file: centiseconds since boot for the signal and for SIGKILL, the master's pid and start time.
 */
const GUARD = `
file=$1 fence=$2 program=$3 socket=$4 signal=$5 told=
kin() {
  set -- $(grep -lzxF -e "PHD_FENCE=$fence" /proc/[0-9]*/environ 2>/dev/null)
  [ $# = 0 ] || set -- $(grep -lzxF -e "PHD_PROGRAM=$program" "$@" 2>/dev/null)
  [ $# = 0 ] || set -- $(grep -lzxF -e "PHD_SOCKET=$socket" "$@" 2>/dev/null)
  for at; do at=\${at#/proc/}; echo "\${at%/environ}"; done
}
field() { # of a process, counted from its state on
  IFS= read -r stat <"/proc/$1/stat" || return 1
  n=$2; set -- \${stat##*) }; shift $((n - 1)); echo "$1"
}
rest() { sleep "$(($1 / 100)).$(printf %02d $(($1 % 100)))"; }
while read -r term kill master start <"$file"; do
  read -r up idle </proc/uptime; now=\${up%.*}\${up#*.}
  if [ "$now" -ge "$kill" ]; then
    left=$(kin)
    for pid in $left; do kill -s KILL -- "-$pid"; kill -s KILL "$pid"; done
    [ "$left" ] || [ "$(field "$master" 20)" = "$start" ] || exit 0
    rest 10
  elif [ "$now" -ge "$term" ]; then
    if [ "$told" != "$term" ]; then
      for pid in $(kin); do
        [ "$(field "$pid" 4)" = "$pid" ] && kill -s "$signal" "$pid" && kill -s CONT "$pid"
      done
      told=$term
    fi
    rest $((kill - now))
  else
    rest $((term - now))
  fi
done 2>/dev/null
`

interface Written {
  readonly boot: string
  readonly hold: Omit<Hold, 'renewed'>
  /** Since boot, ms. */
  readonly renewed: number
  readonly guard: Guard | null
}

interface Guard {
  readonly pid: number
  readonly start: number
}

export interface FuseOptions {
  readonly folder: string
  /** The master's control socket, as its processes know it. */
  readonly socket: string
  readonly clock: Pick<Clock, 'now'>
}

export function fusesIn({ folder, socket, clock }: FuseOptions): Fuses {
  const guards = new Map<string, Guard>()
  const master = { pid: process.pid, start: statOf(process.pid)?.start ?? 0 }
  const fileOf = (program: string, fence: string): string => join(folder, `${program}.${fence}`)

  const write = (file: string, hold: Hold, times: { stopAt: number; killAt: number }, guard: Guard | null): void => {
    const ahead = upMs() - clock.now()
    const tick = (at: number): number => Math.max(0, Math.floor((at + ahead) / 10))
    const { renewed, ...rest } = hold
    const written: Written = { boot: bootId(), hold: rest, renewed: renewed + ahead, guard }
    const { stopAt, killAt } = times
    const first = [tick(Math.min(stopAt + PATIENCE_MS, killAt)), tick(killAt), master.pid, master.start].join(' ')
    writeFileSync(`${file}.new`, `${first}\n${JSON.stringify(written)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }

  return {
    arm(program, hold, times, { stopSignal }) {
      makeFolder(folder, 0o700)
      const file = fileOf(program, hold.fence)
      const guard = guards.get(file) ?? null
      write(file, hold, times, guard)
      if (guard && lives(guard)) return
      const words = [file, hold.fence, program, socket, stopSignal.replace(/^SIG/, '')]
      const pid = posixSpawn({
        path: '/bin/sh',
        argv: ['sh', '-c', GUARD, 'phd-guard', ...words],
        env: [`PATH=${process.env.PATH ?? '/usr/bin:/bin'}`, 'LC_ALL=C'],
        cwd: '/',
        fds: ['/dev/null', '/dev/null', '/dev/null'],
      })
      const made = { pid, start: statOf(pid)?.start ?? 0 }
      guards.set(file, made)
      write(file, hold, times, made)
    },
    disarm(program, fence) {
      const file = fileOf(program, fence)
      try {
        unlinkSync(file)
      } catch (e) {
        if (errno(e) !== 'ENOENT') throw e // never armed
      }
      const guard = guards.get(file)
      guards.delete(file)
      // With its sleep: it leads a group of its own.
      if (guard && lives(guard)) process.kill(-guard.pid, 'SIGKILL')
    },
    left(program) {
      const found = filesIn(folder).flatMap((name) => {
        const [, of, fence] = /^(.*)\.(\d+)$/.exec(name) ?? []
        return of === program && fence !== undefined ? [fence] : []
      })
      // A master was killed between the new one and the end of the old one.
      const [fence] = found.sort((a, b) => Number(b) - Number(a))
      if (fence === undefined) return null
      const file = fileOf(program, fence)
      const [, line = ''] = readFileSync(file, 'utf8').split('\n')
      const { boot, hold, renewed, guard } = JSON.parse(line) as Written
      if (boot !== bootId()) {
        unlinkSync(file)
        return null
      }
      if (guard) guards.set(file, guard)
      return { ...hold, renewed: renewed - (upMs() - clock.now()) }
    },
  }
}

/** CLOCK_BOOTTIME, in steps of 10 ms. */
const upMs = (): number => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000

function lives({ pid, start }: Guard): boolean {
  const stat = statOf(pid)
  return stat !== null && isAlive(stat) && stat.start === start
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (e) {
    if (errno(e) === 'ENOENT') return [] // no lease was ever held here
    throw e
  }
}
