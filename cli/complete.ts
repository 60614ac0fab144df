// What could stand where the cursor is: the hidden command `phctl complete SHELL WORDS...`, which the
// completion scripts call at each TAB. Takes the words as text, as they were typed. Says nothing at all
// when something is wrong, and gives up when the master does not answer at once: a shell is waiting.

import type { Program } from '../src/api/contract.ts'
import { eventTopics } from '../src/api/contract.ts'
import { type CommandName, type CommandRow, catalog, globalOptions } from './commands/catalog.ts'
import { columnNames } from './status-columns.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A candidate, and what it means. */
interface Candidate {
  readonly word: string
  readonly meaning?: string
}

/** Asks the master that the options on the line lead to; empty when there is none. */
export type AskPrograms = (options: ReadonlyMap<string, string>) => Promise<readonly Program[]>

/** Names of hosts, of the configuration that is given or found. */
export type HostWords = (config: string | null) => readonly string[]

/** The lines to print for the words after `phctl`, the last of which is the one to complete. */
export async function complete(
  shell: Shell,
  typed: readonly string[],
  ask: AskPrograms,
  hosts: HostWords,
): Promise<string[]> {
  const { words, dropped } = shell === 'bash' ? joined(typed) : { words: typed, dropped: '' }
  const line = read(words.slice(0, -1).map(unquoted))
  const current = unquoted(words.at(-1) ?? '')
  const found = await candidates(line, current, ask, hosts)
  if (found === 'files') return [':files']
  const fitting = found.filter(({ word }) => word.startsWith(current) && SAFE.test(word))
  return fitting.map(({ word, meaning }) =>
    shell === 'bash' || meaning === undefined ? word.slice(dropped.length) : `${word}\t${meaning}`,
  )
}

/** Nothing else may get onto somebody's command line, whoever says it. */
const SAFE = /^[\w.:=,+-]+$/

/** bash breaks words at `:` and `=`, and replaces only what stands behind the last of them. */
function joined(typed: readonly string[]): { words: readonly string[]; dropped: string } {
  const words: string[] = []
  let dropped = ''
  let open = false
  for (const piece of typed) {
    const breaks = /^[:=]+$/.test(piece)
    const before = words.at(-1)
    if (before !== undefined && (breaks || open)) {
      dropped = breaks ? `${before}${piece}` : before
      words[words.length - 1] = `${before}${piece}`
    } else {
      dropped = ''
      words.push(piece)
    }
    open = breaks
  }
  return { words, dropped: unquoted(dropped) }
}

/** A word without its quotes and backslashes; what a shell would put in for `$x` or \`x\` stays as it was typed. */
function unquoted(word: string): string {
  return word.replace(/^["']|["']$/g, '').replace(/\\(.)/g, '$1')
}

interface Line {
  readonly command: CommandName | null
  /** Words behind the command that are no options. */
  readonly args: readonly string[]
  readonly options: ReadonlyMap<string, string>
  /** The option whose value is to be completed. */
  readonly open: string | null
}

function read(words: readonly string[]): Line {
  const options = new Map<string, string>()
  const args: string[] = []
  let command: CommandName | null = null
  let open: string | null = null
  for (const word of words) {
    if (open !== null) {
      options.set(open, word)
      open = null
    } else if (word.startsWith('-')) {
      const [flag = '', value] = word.split('=')
      const known = optionsOf(command).find(({ flags }) => flags.includes(flag))
      if (known?.takes === true && value === undefined) open = known.name
      else if (known && value !== undefined) options.set(known.name, value)
    } else if (command !== null) args.push(word)
    else if (Object.hasOwn(catalog, word)) command = word as CommandName
  }
  return { command, args, options, open }
}

interface Option {
  readonly name: string
  readonly flags: readonly string[]
  readonly takes: boolean
  readonly meaning: string
}

function optionsOf(command: CommandName | null): readonly Option[] {
  const own = command === null ? [] : ((catalog[command] as CommandRow).options ?? [])
  return [...own, ...globalOptions].map(([text, meaning]) => {
    const flags = text.split(/[ ,]+/).filter((part) => part.startsWith('-'))
    return { name: flags.at(-1) ?? '', flags, takes: text.includes('<'), meaning }
  })
}

async function candidates(
  line: Line,
  current: string,
  ask: AskPrograms,
  hosts: HostWords,
): Promise<readonly Candidate[] | 'files'> {
  const valuesFor = (option: string, typed: string): readonly string[] | 'files' =>
    option === '--host' ? hosts(line.options.get('--config') ?? null) : valuesOf(option, typed)
  const valued = /^(--[a-z-]+)=/.exec(current)
  if (valued) {
    const [prefix = '', flag = ''] = valued
    const values = valuesFor(flag, current.slice(prefix.length))
    return values === 'files' ? 'files' : values.map((word) => ({ word: `${prefix}${word}` }))
  }
  if (line.open !== null) {
    const values = valuesFor(line.open, current)
    return values === 'files' ? 'files' : values.map((word) => ({ word }))
  }
  if (current.startsWith('-')) {
    return optionsOf(line.command).flatMap(({ flags, meaning }) => flags.map((word) => ({ word, meaning })))
  }
  if (line.command === null) {
    return Object.entries<CommandRow>(catalog).map(([word, { meaning }]) => ({ word, meaning }))
  }
  // What runs on another machine is not asked while somebody types: the way there may take seconds.
  return argumentsOf(line, current, line.options.has('--host') ? async () => [] : ask)
}

function valuesOf(option: string, current: string): readonly string[] | 'files' {
  if (option === '--socket' || option === '--config' || option === '--output') return 'files'
  if (option === '--from') return ['supervisord', 'pm2', 'procfile', 'systemd']
  if (option === '--columns') {
    // A list, of which the last one is being typed.
    const typed = current.slice(0, current.lastIndexOf(',') + 1)
    return columnNames.filter((name) => !typed.split(',').includes(name)).map((name) => `${typed}${name}`)
  }
  return option === '--state' ? states : []
}

async function argumentsOf(line: Line, current: string, ask: AskPrograms): Promise<readonly Candidate[] | 'files'> {
  const { command, args, options } = line
  if (command === null) return []
  const kinds = catalog[command].args.split(' ').filter((word) => word !== '')
  const kind = kinds[Math.min(args.length, kinds.length - 1)] ?? ''
  if (args.length >= kinds.length && !kind.includes('...')) return []
  switch (kind.replace(/[^a-z]/g, '')) {
    case 'target':
      return targets(await ask(options), current, args, command)
    case 'program':
      return (await ask(options)).map(({ program, state }) => ({ word: program, meaning: state }))
    case 'signal':
      return signals.map((word) => ({ word }))
    case 'topic':
      return ['process', 'program', 'config', 'master', 'log', ...eventTopics].map((word) => ({ word }))
    case 'level':
      return ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((word) => ({ word }))
    case 'shell':
      return shells.map((word) => ({ word }))
    case 'command':
      return Object.entries<CommandRow>(catalog).map(([word, { meaning }]) => ({ word, meaning }))
    case 'kind':
      return ['systemd', 'kubernetes', 'compose'].map((word) => ({ word }))
    case 'file':
      return 'files'
    default:
      return []
  }
}

/** Programs; the processes of one when its colon is there. */
function targets(
  programs: readonly Program[],
  current: string,
  already: readonly string[],
  command: CommandName,
): readonly Candidate[] {
  const processes = programs.flatMap((p) => p.processes).map(({ name, state }) => ({ word: name, meaning: state }))
  const whole: readonly Candidate[] = [
    ...programs.map(({ program, state }) => ({ word: program, meaning: state })),
    ...[...new Set(programs.flatMap((p) => p.groups ?? []))].map((word) => ({ word, meaning: 'group' })),
    ...(programs.length > 0 ? [{ word: 'all', meaning: 'all programs' }] : []),
    ...(command === 'logs' ? [{ word: 'master', meaning: "the master's own log" }] : []),
  ]
  return (current.includes(':') ? processes : whole).filter(({ word }) => !already.includes(word))
}

const states = ['RUNNING', 'STOPPED', 'EXITED', 'FATAL', 'BACKOFF', 'STARTING', 'STOPPING', 'STANDBY'] as const
const signals = ['HUP', 'INT', 'QUIT', 'USR1', 'USR2', 'TERM', 'KILL', 'STOP', 'CONT', 'WINCH', 'TTIN', 'TTOU'] as const
