// runit: a folder for each process, with a run script.

import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allGone, daemon, familyOf, gone, needs, type Peer, ran } from './peer.ts'

export const runit: Peer = {
  name: 'runit',
  missing: () => needs('runsvdir', 'runsv', 'sv'),
  async start(folder, count, { program, fifo }) {
    const services = join(folder, 'services')
    const names = Array.from({ length: count }, (_none, n) => join(services, `idle-${n}`))
    for (const name of names) {
      mkdirSync(name, { recursive: true })
      writeFileSync(join(name, 'run'), `#!/bin/sh\nexec ${program} ${fifo}\n`, { mode: 0o755 })
    }
    // runsvdir leaves a folder that has just been written alone for a second.
    utimesSync(services, 1, 1)
    const child = daemon(['runsvdir', '-P', services])
    const own = (): number[] => familyOf(child.pid ?? 0, /^runsv/)
    return {
      own,
      stopAll: () => ran(['sv', '-w', '60', 'stop', ...names]),
      async end() {
        const family = own()
        child.kill('SIGHUP')
        await gone(child)
        await allGone(family)
      },
    }
  },
}
