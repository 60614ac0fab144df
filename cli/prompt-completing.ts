// TAB at the prompt: the same candidates as in a shell, from complete.ts, over the prompt's own connection.

import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errno } from '../src/errors.ts'
import type { Globals } from './args.ts'
import { complete } from './complete.ts'
import type { Master } from './connect.ts'
import { hostWords } from './known-hosts.ts'

/** Somebody has pressed TAB and waits. */
const PATIENCE_MS = 300

type Completer = (line: string, done: (error: null, found: [string[], string]) => void) => void

/**
 * @param open the master that the options on the line lead to
 * @param config the file that the prompt was started with
 */
export function completerOf(open: (asked: Partial<Globals>) => Promise<Master>, config: string | null): Completer {
  const ask = async (options: ReadonlyMap<string, string>) => {
    const named = {
      socket: options.get('--socket'),
      config: options.get('--config'),
      instance: options.get('--instance'),
    }
    const asked = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
    return (await open(asked)).call('status', {})
  }
  return (line, done) => {
    const typed = line.split(/\s+/)
    if (typed[0] === 'phctl') typed.shift()
    const current = typed.at(-1) ?? ''
    void inTime(complete('zsh', typed, ask, (named) => hostWords(named ?? config))).then((lines) => {
      const words = lines[0] === ':files' ? filesAt(current) : lines.map((one) => one.split('\t')[0] ?? '')
      const [only] = words
      const ends = words.length === 1 && only !== undefined && !/[=/]$/.test(only)
      done(null, [ends ? [`${only} `] : words, current])
    })
  }
}

/** Empty where nobody answers soon, or what answers is no list. */
async function inTime(found: Promise<string[]>): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string[]>((done) => {
    timer = setTimeout(() => done([]), PATIENCE_MS)
  })
  try {
    return await Promise.race([found, late])
  } catch {
    return [] // words for what is wrong come when the line is run
  } finally {
    clearTimeout(timer)
  }
}

function filesAt(begun: string): string[] {
  const folder = begun.endsWith('/') ? begun : dirname(begun)
  const start = begun.endsWith('/') ? '' : basename(begun)
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => name.startsWith(start))
      .map((entry) => `${begun.includes('/') ? join(folder, entry.name) : entry.name}${entry.isDirectory() ? '/' : ''}`)
  } catch (e) {
    if (errno(e) === null) throw e
    return []
  }
}
