// argv -> what to do. Knows the words of the command line and nothing else: no I/O, no exit.
// A command line that cannot be read is a PhError with PH_USAGE (exit 2).

import type { Command } from 'commander'
import { PhError } from '../src/errors.ts'
import { type CommandName, type CommandRow, catalog, globalOptions } from './commands/catalog.ts'
import { secondsOf } from './times.ts'

export interface Globals {
  readonly socket: string | null
  readonly config: string | null
  readonly instance: string | null
  readonly json: boolean
  /** Seconds. */
  readonly timeout: number | null
  /** Absent: the master of this machine. */
  readonly hosts?: readonly string[]
}

export interface Invocation {
  readonly command: CommandName
  readonly args: readonly string[]
  /** Options of the command itself, by their long name in camelCase: `noWait`, `dryRun`, `state`. */
  readonly options: Readonly<Record<string, string | boolean>>
  readonly globals: Globals
}

export type Nearest = (word: string, known: readonly string[]) => Promise<string | null>

/**
 * Reads the words after `phctl`.
 * `nearest` names the known word that is most like an unknown one, or null; it is asked only when needed.
 */
export async function parseArgs(argv: readonly string[], nearest: Nearest): Promise<Invocation> {
  return helpLine(argv) ?? plainLine(argv) ?? (await parseOptions(argv, nearest))
}

const defaults: Globals = { socket: null, config: null, instance: null, json: false, timeout: null }

/** Whatever else is wrong with a line, somebody who asks for help gets it. */
function helpLine(argv: readonly string[]): Invocation | null {
  const wantsHelp = asksFor(argv, '-h', '--help')
  if (!wantsHelp && !asksFor(argv, '-V', '--version')) return null
  const about = wantsHelp ? argv.find((word) => Object.hasOwn(catalog, word)) : undefined
  return {
    command: wantsHelp ? 'help' : 'version',
    args: about === undefined ? [] : [about],
    options: {},
    globals: { ...defaults, json: argv.includes('--json') },
  }
}

/**
 * A command and plain words, as most lines are. To load and run the parser takes a tenth of such a
 * command's whole time; what is not plain, or not right, is left to it.
 */
export function plainLine(argv: readonly string[]): Invocation | null {
  const [name, ...args] = argv
  if (name === undefined || !Object.hasOwn(catalog, name) || args.some((word) => word.startsWith('-'))) return null
  const row: CommandRow = catalog[name as CommandName]
  const wanted = row.args.split(' ').filter((word) => word !== '')
  if (args.length < wanted.filter((word) => word.startsWith('<')).length) return null
  if (args.length > wanted.length && !row.args.includes('...')) return null
  return { command: name as CommandName, args, options: {}, globals: defaults }
}

/** The options of a line that has nothing else; null when it has. Does not load the parser for lines that have a command in their first word. */
export async function bareOptions(argv: readonly string[]): Promise<Globals | null> {
  if (argv[0] !== undefined && (!argv[0].startsWith('-') || helpLine(argv) !== null || argv.includes('--json')))
    return null
  try {
    const { command, rest, globals } = await readLine(argv, async () => null)
    // A prompt speaks to one master.
    return command === null && rest.length === 0 && !globals.hosts ? globals : null
  } catch (e) {
    if (e instanceof PhError) return null // whoever reads the line as a command says what is wrong
    throw e
  }
}

/** Any line, by the parser. */
export async function parseOptions(argv: readonly string[], nearest: Nearest): Promise<Invocation> {
  const { command, rest, ...invocation } = await readLine(argv, nearest)
  if (command !== null) return { command, ...invocation }
  const [word] = rest
  throw word === undefined ? noCommand() : unknownCommand(word, await nearest(word, known))
}

interface Read extends Omit<Invocation, 'command'> {
  /** null: none was typed, or none that there is. */
  readonly command: CommandName | null
  /** Words that are no options of a line without a command. */
  readonly rest: readonly string[]
}

async function readLine(argv: readonly string[], nearest: Nearest): Promise<Read> {
  const { Command, CommanderError } = await import('commander')
  let command: CommandName | null = null
  let options: Record<string, string | boolean> = {}
  let args: string[] = []
  const root = quiet(new Command('phctl').argument('[command]')).allowExcessArguments()
  root.action(() => {}) // a line without a known command ends here
  for (const [flags, meaning] of globalOptions) root.option(flags, meaning)
  const hosts: string[] = []
  root.on('option:host', (host: string) => hosts.push(host)) // each of them, and not the last
  for (const name of mentioned(Object.keys(catalog) as CommandName[], argv)) {
    const row: CommandRow = catalog[name]
    const one = quiet(root.command(`${name} ${row.args}`)).allowExcessArguments(false)
    for (const [flags, meaning] of row.options ?? []) one.option(flags, meaning)
    one.action(() => {
      command = name
      args = [...one.args]
      options = one.opts()
    })
  }

  try {
    root.parse(argv, { from: 'user' })
  } catch (e) {
    if (!(e instanceof CommanderError)) throw e
    const word = root.args[0]
    if (word !== undefined && !isKnown(word) && !word.startsWith('-'))
      throw unknownCommand(word, await nearest(word, known))
    throw usage(word, e.message)
  }
  const globals: Record<string, unknown> = root.opts()
  return {
    command,
    rest: root.args,
    args,
    options: named(options),
    globals: {
      socket: textOf(globals.socket, '--socket'),
      config: textOf(globals.config, '--config'),
      instance: textOf(globals.instance, '--instance'),
      json: globals.json === true,
      timeout: typeof globals.timeout === 'string' ? seconds(globals.timeout) : null,
      ...(hosts.length === 0 ? {} : { hosts }),
    },
  }
}

const known: readonly string[] = Object.keys(catalog)

function isKnown(word: string): boolean {
  return known.includes(word)
}

/** Seconds of `10`, `1.5`, `500ms`, `10s`, `5m`, `2h`, `1d`. */
export function seconds(text: string): number {
  const value = secondsOf(text) ?? Number.NaN
  // setTimeout fires at once beyond 2^31-1 ms.
  if (!(value <= 2_147_483)) {
    throw new PhError('PH_USAGE', `cannot read --timeout "${text}": wanted a time like 10, 500ms, 10s, 5m, at most 24d`)
  }
  return value
}

/** Only what the line may mean needs a parser of its own: to make all of them takes longer than all the rest of parsing. */
function mentioned<Name extends string>(names: readonly Name[], argv: readonly string[]): readonly Name[] {
  return names.filter((name) => argv.includes(name))
}

/** Commander throws instead of printing and exiting; help and usage are our own. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .helpOption(false)
    .helpCommand(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
}

function asksFor(argv: readonly string[], short: string, long: string): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).some((word) => word === short || word === long)
}

function noCommand(): PhError {
  return new PhError('PH_USAGE', 'cannot tell what to do: a command is wanted\n  see: phctl help')
}

function unknownCommand(word: string, near: string | null): PhError {
  const hint = near === null ? '  see: phctl help' : `  did you mean: phctl ${near}`
  return new PhError('PH_USAGE', `cannot run "${word}": there is no such command\n${hint}`, {
    command: word,
    nearest: near,
  })
}

function usage(word: string | undefined, message: string): PhError {
  const why = message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)')
  if (word === undefined || !Object.hasOwn(catalog, word)) {
    return new PhError('PH_USAGE', `cannot read the command line: ${why}\n  see: phctl help`)
  }
  const name = word as CommandName
  const example = why.startsWith('missing') ? [`  as:    ${catalog[name].examples[0]}`] : []
  const lines = [`cannot run "${word}": ${why}`, `  usage: ${usageOf(name)}`, ...example]
  return new PhError('PH_USAGE', lines.join('\n'))
}

/** `phctl scale PROGRAM NUMBER [--no-wait]` */
export function usageOf(name: CommandName): string {
  const row: CommandRow = catalog[name]
  const words = row.args.replace(/[<>]/g, '').toUpperCase()
  const options = (row.options ?? []).map(([flags]) => {
    const flag = flags.replace(/^.*, /, '').replace(/<(.*)>/, (_all, what: string) => what.toUpperCase())
    return name === 'wait' ? flag : `[${flag}]`
  })
  return ['phctl', name, words, ...options].filter((word) => word !== '').join(' ')
}

/** Commander keeps `--no-wait` as `wait: false`; here it is `noWait: true`. */
function named(options: Readonly<Record<string, string | boolean>>): Record<string, string | boolean> {
  const { wait, ...rest } = options
  return wait === false ? { ...rest, noWait: true } : rest
}

function textOf(value: unknown, option: string): string | null {
  if (value === undefined) return null
  if (typeof value === 'string' && value !== '') return value
  throw new PhError('PH_USAGE', `cannot use ${option}: its value is empty`)
}
