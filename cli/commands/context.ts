// What every command gets, and what it gives back: its exit status. A failure is thrown as a
// PhError; main.ts says it and takes the exit status from the table of errors.

import { caller, findConfig, placesOf } from '../../src/config/places.ts'
import { PhError } from '../../src/errors.ts'
import type { Globals } from '../args.ts'
import { type Master, openMaster } from '../connect.ts'
import type { Out } from '../output.ts'

export interface Context {
  readonly args: readonly string[]
  /** Options of the command itself: `noWait`, `dryRun`, `state`. */
  readonly options: Readonly<Record<string, string | boolean>>
  readonly globals: Globals
  readonly out: Out
  /** Of a prompt: the connection that its lines share. */
  readonly open?: (globals: Globals) => Promise<Master>
}

/** Carries a command out; the exit status of phctl. */
export type Handler = (ctx: Context) => Promise<number>

export const OK = 0
/** A target failed. */
export const FAILED = 1
/** `status`: a selected process is not as wanted. */
export const NOT_AS_WANTED = 3
/** `check` found problems. */
export const BAD_CONFIG = 6

export function master(ctx: Context): Promise<Master> {
  return ctx.open ? ctx.open(ctx.globals) : openMaster(ctx.globals, ctx.out.remark)
}

/** The configuration that a command works on here, without a master. */
export function fileOf({ config }: Globals): string {
  const places = placesOf(caller(), process.env)
  const file = config ?? findConfig(places)
  if (file !== null) return file
  throw new PhError('PH_USAGE', `cannot find a configuration: there is none of ${places.join(', ')}; name one`)
}

export function wholeNumber(option: string, value: string | boolean): number {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  throw new PhError('PH_USAGE', `cannot use ${option} ${String(value)}: wanted a whole number from 0`)
}

/** One target as a string, several as a list, none as nothing. */
export function targetOf(args: readonly string[]): { target?: string | readonly string[] } {
  const [first] = args
  return first === undefined ? {} : { target: args.length === 1 ? first : args }
}
