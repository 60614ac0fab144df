// Where a master is looked for: what the command line, the environment and the configurations of this machine say.
// Connects to nobody.

import { accessSync, constants, existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { caller, findConfig, placesOf, SYSTEM_SOCKET, standardPlace } from '../src/config/places.ts'
import { PhError } from '../src/errors.ts'
import type { Globals } from './args.ts'

/** Where a master is looked for, and how we got there. */
export interface Place {
  readonly socket: string
  /** Whose socket it is, as far as the command line says so. */
  readonly instance: string | null
  /** The configuration that the master there must run; null = any. */
  readonly config: string | null
  /** What was looked at, in order, for the person who finds no master. */
  readonly tried: readonly string[]
  /** What to type to start one. */
  readonly startWith: string
  /** The master's own log, as far as the configuration is known. */
  readonly log?: string | null
}

/** The socket to try, by -s, $PHD_SOCKET, -c or the first configuration that is there, /run/phd/phd.sock. */
export async function findPlace(
  globals: Globals,
  env: Readonly<Record<string, string | undefined>>,
  warn: (text: string) => void,
): Promise<Place> {
  const { socket, config, instance } = globals
  const suffix = instance === null ? '' : ` --instance ${instance}`
  const startWith = `phd -c ${config ?? 'FILE'}${suffix}`
  // A file named by -c binds the master even where the socket was found without it.
  const bound = config === null ? null : resolve(config)
  if (socket !== null) return { socket, instance, config: bound, tried: [`-s ${socket}`], startWith }
  if (env.PHD_SOCKET) {
    const tried = [`$PHD_SOCKET = ${env.PHD_SOCKET}`]
    return { socket: env.PHD_SOCKET, instance, config: bound, tried, startWith }
  }
  const places = placesOf(caller(), env)
  const file = config ?? findConfig(places)
  // One that only root may read still has its master where the default says: it judges who may do what.
  if (file !== null && (config !== null || file !== places.at(-1) || isReadable(file))) {
    const shown = config ?? shownPath(file)
    const { socket: found, log } = await masterOf(file, shown, instance, warn)
    return {
      socket: found,
      log,
      instance,
      config: resolve(file),
      tried: [`${shown} -> ${found}`],
      startWith: `phd -c ${config ?? shownPath(file).replace(/^\.\//, '')}${suffix}`,
    }
  }
  const system = withInstance(SYSTEM_SOCKET, instance)
  return {
    socket: system,
    instance,
    config: null,
    tried: ['$PHD_SOCKET (not set)', ...places.map((one) => `${shownPath(one)} (${whyNot(one)})`), system],
    startWith,
  }
}

/**
 * The socket that a configuration file names. A file that is broken just now still belongs to a
 * running master: then the default place next to it is tried, which the check of who answers makes safe.
 */
async function masterOf(
  file: string,
  shown: string,
  instance: string | null,
  warn: (text: string) => void,
): Promise<{ socket: string; log: string | null }> {
  if (!existsSync(file)) {
    throw new PhError(
      'PH_CONFIG',
      `cannot read ${shown}: there is no such file\n  phctl without -c looks for one by itself`,
    )
  }
  const { loadConfig } = await import('../src/config/load.ts')
  try {
    const { socket, logFile } = loadConfig(file, { instance }).master
    return { socket, log: logFile }
  } catch (e) {
    if (!(e instanceof PhError) || e.code !== 'PH_CONFIG') throw e
    const folder = resolve(dirname(file))
    const standard = standardPlace(folder, process.env)?.defaults.get('socket')
    const guess = withInstance(standard ?? join(folder, 'phd.sock'), instance)
    if (existsSync(guess)) {
      warn(`phctl: ${shown} has errors (phctl check shows them); speaking to the master at ${guess}`)
      return { socket: guess, log: null }
    }
    throw new PhError(
      'PH_CONFIG',
      `cannot find the socket through ${shown}: the file has errors (-s SOCKET goes without it)`,
      e.data,
      { cause: e },
    )
  }
}

/** `phd.sock` -> `phd.NAME.sock`, as phd does it. */
function withInstance(path: string, instance: string | null): string {
  return instance === null ? path : path.replace(/\.sock$/, `.${instance}.sock`)
}

const whyNot = (file: string): string => (existsSync(file) ? 'not readable' : 'no such file')

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}

/** A file of the folder that one stands in as people would write it. */
function shownPath(file: string): string {
  return dirname(file) === caller().cwd ? `./${basename(file)}` : file
}
