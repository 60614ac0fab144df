// s6: a folder for each process, with a run script; once as it is, once with its readiness protocol.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allGone, daemon, familyOf, gone, needs, type Peer, ran } from './peer.ts'

const peer = (name: string, ready: boolean): Peer => ({
  name,
  missing: () => needs('s6-svscan', 's6-svc'),
  async start(folder, count, { program, fifo }) {
    const services = join(folder, 'services')
    const names = Array.from({ length: count }, (_none, n) => join(services, `idle-${n}`))
    for (const name of names) {
      mkdirSync(name, { recursive: true })
      writeFileSync(join(name, 'run'), `#!/bin/sh\nexec ${program} ${fifo}${ready ? ' ready' : ''}\n`, { mode: 0o755 })
      if (ready) writeFileSync(join(name, 'notification-fd'), '3\n')
    }
    const child = daemon(['s6-svscan', '-c', '2000', services])
    const own = (): number[] => familyOf(child.pid ?? 0, /^s6-/)
    return {
      own,
      stopAll: () => ran(['sh', '-c', `for one in ${services}/idle-*; do s6-svc -wD -d $one & done; wait`]),
      async end() {
        const family = own()
        await ran(['s6-svscanctl', '-t', services])
        await gone(child)
        await allGone(family)
      },
    }
  },
})

export const s6 = peer('s6', false)
export const s6Ready = peer('s6, readiness', true)
