// The peers that are here, and those that are not, by name.

import { loop } from './loop.ts'
import type { Peer } from './peer.ts'
import { phd } from './phd.ts'
import { pm2 } from './pm2.ts'
import { runit } from './runit.ts'
import { s6, s6Ready } from './s6.ts'
import { supervisord } from './supervisord.ts'

let told = false

/** phd first, the limit last. What is not installed is named once. */
export function peersHere(): readonly Peer[] {
  const all = [phd, runit, s6, s6Ready, supervisord, pm2, loop]
  const here = all.filter((one) => one.missing() === null)
  if (!told) {
    for (const one of all) {
      const why = one.missing()
      if (why !== null) process.stdout.write(`${one.name}: skipped, ${why}\n`)
    }
    told = true
  }
  return here
}
