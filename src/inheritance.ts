// What the last master of this run_path left: its record, or, where that is lost, what its processes say
// themselves. Read once, before anything new is written; from here on the living ones are watched.

import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config/load.ts'
import { addressKey, socketsOf } from './core/listening.ts'
import type { Clock } from './core/ports.ts'
import type { Kept, KeptProcess, ListenerRow } from './core/record.ts'
import type { Spec } from './core/spec.ts'
import { leftToOthers, singlesIn } from './core/standby.ts'
import { messageOf, PhError } from './errors.ts'
import { exitOfDead, type Strangers } from './os/adopted.ts'
import { listeningSocketsOf } from './os/foreign-sockets.ts'
import type { MasterLog } from './os/master-log.ts'
import { statOf } from './os/proc.ts'
import { quarantine, readRecord } from './os/record-file.ts'
import type { SystemSingleLocks } from './os/single-lock.ts'
import { endHooksOf, type Survivor, survivorsOf, survivorWith } from './os/survivors.ts'
import { type Restored, restorePrograms } from './supervisor/adoption.ts'
import { rebuild } from './supervisor/rebuilding.ts'
import type { Supervisor } from './supervisor/supervisor.ts'

export interface Inheritance {
  readonly kept: Kept
  readonly restored: readonly Restored[]
  readonly from: 'record' | 'processes'
}

export interface Heir {
  readonly config: Config
  readonly clock: Clock
  readonly log: MasterLog['log']
  readonly strangers: Strangers
  readonly single: Pick<SystemSingleLocks, 'reclaim'>
}

/** null = there is nothing to take over: the last master ended in order, or there was none since the boot. */
export function inherit(heir: Heir): Inheritance | null {
  const state = join(heir.config.master.runPath, 'state')
  const reading = readRecord(state)
  switch (reading.kind) {
    case 'none':
      // A master that ends in order takes its socket with it.
      if (!existsSync(heir.config.master.socket)) return null
      return fromProcesses(heir, { why: 'it is gone', moved: null })
    case 'void':
      heir.log.info({}, 'the record is of an earlier boot of this machine: none of its processes lives')
      return null
    case 'bad':
      return fromProcesses(heir, reading)
    case 'kept':
      try {
        const kept = withoutOthers(heir, reading.kept)
        return { kept, restored: restored(heir, kept), from: 'record' }
      } catch (e) {
        if (e instanceof PhError) throw e // a lock that cannot be used is no fault of the record
        // Whole, and yet it makes no sense.
        return fromProcesses(heir, { why: messageOf(e), moved: quarantine(state) })
      }
    default:
      return reading satisfies never
  }
}

function fromProcesses(heir: Heir, facts: { readonly why: string; readonly moved: string | null }): Inheritance | null {
  const { config, clock, log } = heir
  const { runPath, socket } = config.master
  endHooksOf(socket)
  const found = survivorsOf(socket, join(runPath, 'io'))
  const { why, moved } = facts
  const text = 'the record of the last master cannot be used: its counts and waits are lost'
  // Where nothing was recorded and nothing lives, nothing is lost.
  if (moved !== null || found.length > 0) log.error({ why, moved, living: found.map(({ pid }) => pid) }, text)
  if (found.length === 0) return null
  const specs = new Map([...config.programs].map(([name, { spec }]) => [name, spec]))
  const rebuilt = {
    ...rebuild(found, specs, { now: clock.now(), wall: clock.wall() }),
    listener: listenersOf(found, specs),
  }
  const kept = withoutOthers(heir, rebuilt)
  return { kept, restored: restored(heir, kept), from: 'processes' }
}

/** Of programs whose lock another master has taken since, nothing is ours to take over or to end. */
function withoutOthers({ single }: Heir, kept: Kept): Kept {
  return leftToOthers(kept, new Set([...singlesIn(kept)].filter((program) => !single.reclaim(program))))
}

/** What the living listen on, as rows of the record: each slot's own socket, or the one of all. */
function listenersOf(found: readonly Survivor[], specs: ReadonlyMap<string, Spec>): Map<string, ListenerRow> {
  const rows = new Map<string, ListenerRow>()
  for (const { pid, program, slot } of found) {
    const spec = specs.get(program)
    if (!spec || spec.listeners.length === 0) continue
    const wanted = new Map(socketsOf(spec, slot).map((w) => [addressKey(w), w]))
    for (const { key, inode } of listeningSocketsOf(pid)) {
      const one = wanted.get(key)
      if (!one) continue // it has opened that itself
      const there = one.address.kind === 'unix' ? lstatSync(one.address.path, { throwIfNoEntry: false }) : undefined
      rows.set(one.key, { inode, file: there ? { ino: there.ino, dev: there.dev } : null })
    }
  }
  return rows
}

type Identity = Pick<KeptProcess, 'pid' | 'start'>

/** After an upgrade in place it still is: the kernel tells us of its end, though it may have ended already. */
export function isOurChild({ pid, start }: Identity): boolean {
  const stat = statOf(pid)
  return stat?.parent === process.pid && stat.start === start
}

function restored({ clock, strangers }: Heir, kept: Kept): Restored[] {
  const living = {
    watch: (one: Identity) => isOurChild(one) || strangers.watch(one.pid, one.start),
    find: survivorWith,
    exitOf: ({ pid, start }: Identity) => exitOfDead(pid, start),
  }
  return restorePrograms(kept, living, clock.now())
}

/** For the log and the event: how many of what was left lives. */
export function adoptionFacts({ restored, from }: Inheritance) {
  const processes = restored.flatMap((one) => one.processes)
  const ended = processes.filter((one) => one.ended !== null).length
  return { from, programs: restored.length, processes: processes.length - ended, ended }
}

/** With orphans = stop nothing of an earlier master goes on: what the kernel has not ended makes room for a new process. */
export function endOrphans(supervisor: Supervisor, { restored }: Inheritance): void {
  for (const { instance, ended } of restored.flatMap((one) => one.processes)) {
    if (ended !== null || instance.wanted === 'down') continue
    supervisor.atOnce(instance.program, (desk) => desk.tell(instance, { type: 'restart' }))
  }
}
