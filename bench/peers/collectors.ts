// Those who take the output of a process into files, and what is asked of them.

import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allGone, daemon, familyOf, gone, needs, ran } from './peer.ts'
import { pm2Env } from './pm2.ts'
import { supervisordConfig } from './supervisord.ts'

/** Somebody else who takes the output of a process and writes it into files. */
export interface Collector {
  readonly name: string
  missing(): string | null
  /** Begins; `lines` may be cut where it is slow, and the rate is what counts. */
  begin(place: string, program: string, lines: number): Promise<Collecting>
}

export interface Collecting {
  /** Bytes written so far, over all files. */
  written(): number
  readonly own: () => readonly number[]
  end(): Promise<void>
}

/** What all files of a folder hold. */
const sizeOf = (place: string): number =>
  readdirSync(place)
    .filter((name) => /log|current|^@/.test(name))
    .reduce((sum, name) => sum + statSync(join(place, name)).size, 0)

export function collectors(): readonly Collector[] {
  const all: readonly Collector[] = [
    {
      name: 'supervisord',
      missing: () => needs('supervisord'),
      async begin(place, program, lines) {
        const out = `stdout_logfile = ${place}/out.log\nstdout_logfile_maxbytes = 0\n`
        const section = `[program:flood]\ncommand = ${program} ${lines}\nautorestart = false\nstartsecs = 0\n${out}`
        writeFileSync(join(place, 'supervisord.conf'), supervisordConfig(place, section))
        return running(place, 'out.log', daemon(['supervisord', '-c', join(place, 'supervisord.conf')]))
      },
    },
    {
      name: 's6-log',
      missing: () => needs('s6-log'),
      begin: async (place, program, lines) =>
        running(
          place,
          null,
          daemon(['sh', '-c', `(${program} ${lines}; sleep 2) | s6-log n20 s99999999 ${place}`]),
          /s6-log/,
        ),
    },
    {
      name: 'svlogd',
      missing: () => needs('svlogd'),
      async begin(place, program, lines) {
        writeFileSync(join(place, 'config'), 's99999999\nn20\n')
        return running(place, null, daemon(['sh', '-c', `(${program} ${lines}; sleep 2) | svlogd ${place}`]), /svlogd/)
      },
    },
    {
      name: 'PM2',
      missing: () => needs('pm2'),
      async begin(place, program, lines) {
        const app = { name: 'flood', script: program, args: String(lines), interpreter: 'none', autorestart: false }
        const files = { out_file: join(place, 'out.log'), error_file: '/dev/null' }
        const file = join(place, 'ecosystem.config.cjs')
        writeFileSync(file, `module.exports = { apps: [${JSON.stringify({ ...app, ...files })}] }\n`)
        await ran(['pm2', 'start', file], pm2Env(place))
        return {
          written: () => statSync(join(place, 'out.log')).size,
          own: () => [Number(readFileSync(join(place, 'home/pm2.pid'), 'utf8'))],
          end: () => ran(['pm2', 'kill'], pm2Env(place)),
        }
      },
    },
  ]
  return all.filter((one) => {
    const why = one.missing()
    if (why !== null) process.stdout.write(`flood: ${one.name} skipped, ${why}\n`)
    return why === null
  })
}

function running(place: string, file: string | null, child: ChildProcess, names?: RegExp): Collecting {
  const pid = child.pid ?? 0
  return {
    written: () =>
      file === null ? sizeOf(place) : (statSync(join(place, file), { throwIfNoEntry: false })?.size ?? 0),
    own: () => (names ? familyOf(pid, names) : [pid]),
    async end() {
      const own = names ? familyOf(pid, names) : []
      if (!names) child.kill('SIGTERM') // the others end with their pipe
      await gone(child)
      await allGone(own)
    },
  }
}
