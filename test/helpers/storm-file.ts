// The configuration of a storm, as the control room has it: settings by key, so that what has changed
// since the last master is found as in a real file, and applied by the real code.

import type { OperationResult } from '../../src/api/contract.ts'
import type { Config, Setting } from '../../src/config/config.ts'
import { Configuration } from '../../src/control/configuration.ts'
import { Operator } from '../../src/control/operator.ts'
import type { Submitted } from '../../src/control/submitting.ts'
import type { Kept } from '../../src/core/record.ts'
import type { Spec } from '../../src/core/spec.ts'
import type { World } from './fake-os.ts'
import { type Asked, ask } from './operate.ts'

/** Three that need no new process, the count, and all others under one key. */
export function settingsOf(spec: Spec): readonly Setting[] {
  const { stopMs, autorestart, autostart, workers, schedule = null, ...others } = spec
  const values = {
    graceful_timeout: stopMs,
    autorestart,
    autostart,
    number_workers: workers,
    schedule,
    command: others,
  }
  return Object.entries(values).map(([key, value]) => {
    const text = JSON.stringify(value)
    return { key, value: text, origin: null, effective: text }
  })
}

/** What a master does with the file when it has begun. `asked` is told of each operation. */
export function beginWith(file: ReadonlyMap<string, Spec>, world: World, kept: Kept, asked: (a: Asked) => void): void {
  const { supervisor, clock, life } = world
  const operator = new (class extends Operator {
    /** Nobody waits for the answer: nothing of it goes on after this turn. */
    override submit(all: readonly Submitted[]): Promise<OperationResult> {
      for (const { program, operation } of all) {
        asked(ask(supervisor, program, operation, () => world.store.flushes))
      }
      return Promise.resolve({ ok: true, results: [] })
    }
  })(supervisor, clock)
  const options = {
    store: world.rows,
    accounts: { of: () => null },
    updated: () => undefined,
    failed: (e: unknown) => {
      if (life.over === null) throw e
    },
    sections: null,
    foreground: true,
  }
  new Configuration(configOf(file), options, supervisor, operator).begin(kept)
}

function configOf(file: ReadonlyMap<string, Spec>): Config {
  return {
    file: '/config.ini',
    instance: null,
    master: {
      basePath: '/',
      socket: '/phd.sock',
      socketMode: 0o600,
      socketGroup: null,
      pidfile: '/master.pid',
      commonPath: '/run',
      runPath: '/.phd',
      logFile: '/phd.log',
      logLevel: 'info',
      daemonize: false,
      exitWhen: 'never',
      maxClients: 1,
      maxMessage: 1,
      procName: 'phd',
      allow: [],
      observe: [],
      orphans: 'adopt',
      web: null,
      webControl: false,
      settings: [],
    },
    programs: new Map([...file].map(([name, spec]) => [name, { spec, settings: settingsOf(spec) }])),
    warnings: [],
  }
}
