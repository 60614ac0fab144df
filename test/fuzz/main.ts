// Fuzzers, each for a while and from a seed that is printed: `npm run fuzz -- --seconds 60 --seed 7`, or one of
// them: `npm run fuzz -- protocol`. Ends with 1 at the first thing that must not be, and says how to repeat it.

import { parseArgs } from 'node:util'
import { dice } from '../helpers/dice.ts'
import { fuzzConfig } from './config.ts'
import { fuzzProtocol } from './protocol.ts'

export interface Fuzzing {
  readonly seed: number
  /** Date.now() at which it ends. */
  readonly until: number
}

const fuzzers: Readonly<Record<string, (fuzzing: Fuzzing) => Promise<string>>> = {
  protocol: fuzzProtocol,
  config: fuzzConfig,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
})
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? dice(process.pid ^ Date.now()).below(2 ** 31) : Number(values.seed)
const wanted = positionals.length > 0 ? positionals : Object.keys(fuzzers)
const unknown = wanted.find((name) => !Object.hasOwn(fuzzers, name))
if (unknown !== undefined || !(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write(`fuzz: wanted [${Object.keys(fuzzers).join('|')}] --seconds N --seed N\n`)
  process.exit(2)
}
for (const name of wanted) {
  process.stdout.write(`fuzz ${name}: seed ${seed}, ${seconds} s\n`)
  try {
    const told = await fuzzers[name]?.({ seed, until: Date.now() + seconds * 1000 })
    process.stdout.write(`fuzz ${name}: ${told}\n`)
  } catch (e) {
    process.stderr.write(
      `fuzz ${name}: ${e instanceof Error ? e.message : String(e)}\nrepeat: npm run fuzz -- ${name} --seconds ${seconds} --seed ${seed}\n`,
    )
    process.exit(1)
  }
}
