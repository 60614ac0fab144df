// The stage of a chaos run: a temp dir with the configuration, the masters on it, and what is known of all of
// it. The trail says what was done, so that a violation can be understood.

import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from '../helpers/scene.ts'
import { Ledger } from './ledger.ts'
import { Logs } from './logs.ts'
import { Phd } from './phd.ts'
import { configText, firstSettings, roles, type Settings } from './roles.ts'
import type { Violation } from './violation.ts'
import { Wants } from './wants.ts'
import { Watch } from './watch.ts'

export interface World {
  readonly dir: string
  readonly socket: string
  readonly phd: Phd
  readonly ledger: Ledger
  readonly logs: Logs
  readonly watch: Watch
  readonly wants: Wants
  readonly settings: Map<string, Settings>
  /** Programs whose replacement was cut short: their processes may be behind the file. */
  readonly behind: Set<string>
  /** Rejects with the first violation that nobody waits for. */
  readonly failure: Promise<never>
  readonly failed: (violation: Violation) => void
  note(text: string): void
  readonly trail: readonly string[]
  /** @param text default: what the settings say. */
  writeConfig(text?: string): void
}

const fixtures = path.join(root, 'test/chaos/fixtures')

export function makeWorld(): World {
  const dir = realpathSync(mkdtempSync(path.join(Buffer.byteLength(tmpdir()) <= 40 ? tmpdir() : '/tmp', 'phd-chaos-')))
  for (const folder of ['said', 'logs']) mkdirSync(path.join(dir, folder))
  execFileSync('mkfifo', [path.join(dir, 'never')])
  const begin = performance.now()
  const trail: string[] = []
  let failed: World['failed'] = () => undefined
  const failure = new Promise<never>((_, reject) => {
    failed = reject
  })
  failure.catch(() => undefined) // whoever waits for it gets it
  const config = path.join(dir, 'config.ini')
  const socket = path.join(dir, 'phd.sock')
  const ledger = new Ledger()
  const settings = new Map(roles.map((one) => [one.name, firstSettings(one)]))
  const world: World = {
    dir,
    socket,
    ledger,
    settings,
    failure,
    failed,
    trail,
    phd: new Phd({ config, socket, failed }),
    logs: new Logs(dir, ledger),
    watch: new Watch(socket, ledger, failed),
    wants: new Wants(),
    behind: new Set(),
    note(text) {
      const line = `${((performance.now() - begin) / 1000).toFixed(3).padStart(8)} ${text}`
      trail.push(line)
      appendFileSync(path.join(dir, 'trail.txt'), `${line}\n`)
    },
    writeConfig(text = configText(dir, fixtures, settings)) {
      writeFileSync(`${config}.new`, text)
      renameSync(`${config}.new`, config)
    },
  }
  world.writeConfig()
  return world
}
