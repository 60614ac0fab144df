// The way to `complete` and back: finds the master that the line means, asks it for its programs, and
// prints. It ends within PATIENCE_MS, in silence where there is nothing to say.

import type { Program } from '../src/api/contract.ts'
import { type AskPrograms, complete, type Shell, shells } from './complete.ts'
import { connectTo } from './connect.ts'
import { findPlace } from './finding.ts'
import { hostWords } from './known-hosts.ts'

/** Somebody has pressed TAB and waits. */
const PATIENCE_MS = 300

/** Carries `complete SHELL WORDS...` out; resolves when all is printed, or there is nothing to print. */
export async function answerShell(words: readonly string[]): Promise<void> {
  const [shell, ...typed] = words
  const known = shells.find((one) => one === shell)
  if (known === undefined) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((done) => {
    timer = setTimeout(() => done(null), PATIENCE_MS)
  })
  const lines = await Promise.race([linesFor(known, typed), late])
  clearTimeout(timer)
  if (lines !== null && lines.length > 0) await print(`${lines.join('\n')}\n`)
}

async function linesFor(shell: Shell, typed: readonly string[]): Promise<string[] | null> {
  try {
    return await complete(shell, typed, programs, hostWords)
  } catch {
    return null // no master, a broken file, an answer that is none: words for that come when the line is run
  }
}

const programs: AskPrograms = async (options): Promise<readonly Program[]> => {
  const globals = {
    socket: options.get('--socket') ?? null,
    config: options.get('--config') ?? null,
    instance: options.get('--instance') ?? null,
    json: false,
    timeout: PATIENCE_MS / 1000,
  }
  const master = await connectTo(await findPlace(globals, process.env, () => {}), globals.timeout)
  return master.call('status', {})
}

function print(text: string): Promise<void> {
  return new Promise((done) => process.stdout.on('error', () => done()).write(text, () => done()))
}
