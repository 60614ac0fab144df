// Measures phd on this machine and prints medians with their spread: `npm run bench`, or one topic:
// `npm run bench -- boot`. Each figure stands beside a limit measured in the same run, because
// machines differ and are noisy: only the ratios say something.

import { removeFolder } from './tools.ts'
import { adopt } from './topics/adoption.ts'
import { attack } from './topics/attack.ts'
import { calls } from './topics/calls.ts'
import { growth } from './topics/growth.ts'
import { http } from './topics/http.ts'
import { flood } from './topics/output.ts'
import { boot, churn, deaths, idle, respawn, scale } from './topics/processes.ts'
import { reload } from './topics/reload.ts'
import { simulation } from './topics/simulation.ts'
import { top } from './topics/top.ts'
import { upgrade } from './topics/upgrade.ts'

const topics: Readonly<Record<string, () => Promise<void>>> = {
  boot,
  respawn,
  deaths,
  scale,
  adopt,
  calls,
  idle,
  churn,
  growth,
  flood,
  http,
  reload,
  attack,
  upgrade,
  simulation,
  top,
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((topic) => !Object.hasOwn(topics, topic))
if (unknown !== undefined) {
  process.stderr.write(`bench: no topic "${unknown}" (have: ${Object.keys(topics).join(', ')})\n`)
  process.exit(2)
}
try {
  for (const topic of wanted.length > 0 ? wanted : Object.keys(topics)) await topics[topic]?.()
} finally {
  removeFolder()
}
