// `ready`: how it is known that a process of the program is ready.

import { isIP } from 'node:net'
import type { Asked } from '../core/readiness.ts'
import { forSlot, type Ready, type Spec } from '../core/spec.ts'
import { BadValue } from './problems.ts'
import type { Reader } from './reader.ts'
import { quote, unfit } from './units.ts'
import { splitWords } from './words.ts'

/** Where the program itself listens; host null = on all addresses. */
export interface Bound {
  readonly host: string | null
  readonly port: number
}

const FORMS = 'auto, notify, fd:N, tcp:HOST:PORT, http://HOST:PORT/PATH, exec:COMMAND or log:REGEX'
const FORM = /^([a-z-]+)(?::|$)(.*)$/is
/** The first descriptor that is not a standard stream, and the last that any limit allows. */
const FIRST_FD = 3
const LAST_FD = 255

/** @param bound the addresses that the program listens on: an answer there proves little */
export function readReady(reader: Reader, sdk: boolean, bound: readonly Bound[], listeners: number): Ready {
  const auto: Ready = { kind: sdk ? 'worker' : 'time' }
  const ready = reader.take('ready', (text) => parseReady(text, auto, bound, FIRST_FD + listeners), auto)
  if (sdk && ready.kind !== 'worker') {
    // Inherited from [DEFAULT] it is meant for those that do not say so themselves.
    if (reader.level('ready') === 2)
      reader.refuse('ready', 'cannot be used with an SDK worker: it says itself when it is ready; wanted auto')
    reader.note({ key: 'ready', value: 'auto', origin: null, effective: '"auto"' })
    return auto
  }
  // As a record of an earlier version has it: what means the same is no change.
  if (ready === auto)
    reader.note({ key: 'ready', value: 'auto', origin: reader.layer.find('ready'), effective: '"auto"' })
  if ((ready.kind === 'tcp' || ready.kind === 'http') && ready.own) {
    reader.warn(
      'ready',
      "proves little: it is an address of the program's own bind, where the kernel and old processes answer too; a process must also have lived for start_seconds",
    )
  }
  return ready
}

/** What the other keys of the section must allow. */
export function checkReady(reader: Reader, { ready, output }: Pick<Spec, 'ready' | 'output'>): void {
  if (ready.kind !== 'log' || output.stdout !== 'none' || (output.stderr ?? 'none') !== 'none') return
  reader.refuse('ready', 'cannot be log with log_file = none: no output is captured')
}

export function parseReady(text: string, auto: Ready, bound: readonly Bound[], firstFd: number): Ready {
  const [, form = '', rest = ''] = FORM.exec(text) ?? []
  // As it is in slot 0: the form of a value is the same in all.
  const shown = forSlot(rest, 0)
  switch (form.toLowerCase()) {
    case 'auto':
    case 'notify':
      if (text.length > form.length) throw unfit(text, FORMS)
      return form.toLowerCase() === 'auto' ? auto : { kind: 'notify' }
    case 'fd':
      return { kind: 'fd', fd: parseFd(text, rest, firstFd) }
    case 'log':
      return { kind: 'log', pattern: parsePattern(text, rest, shown) }
    default: {
      const asked = parseAsked(text, bound)
      if (!asked) throw unfit(text, FORMS)
      return asked
    }
  }
}

/** What the master itself asks: tcp, http or exec; null = another form. */
export function parseAsked(text: string, bound: readonly Bound[]): Asked | null {
  const [, form = '', rest = ''] = FORM.exec(text) ?? []
  switch (form.toLowerCase()) {
    case 'tcp':
      return { kind: 'tcp', address: rest, own: isOwn(parseAddress(text, forSlot(rest, 0)), bound) }
    case 'http':
      return { kind: 'http', url: text, own: isOwn(parseUrl(text), bound) }
    case 'https':
      throw unfit(text, 'http://HOST:PORT/PATH; https needs a program: exec:COMMAND')
    case 'exec': {
      const argv = splitWords(rest.trim())
      if (!argv[0]) throw unfit(text, 'exec: with a program and its arguments')
      return { kind: 'exec', argv }
    }
    default:
      return null
  }
}

function parseFd(text: string, rest: string, first: number): number {
  const fd = /^\d{1,3}$/.test(rest) ? Number(rest) : -1
  const why = first > FIRST_FD ? ', above its listeners' : ''
  if (fd < first || fd > LAST_FD) throw unfit(text, `fd: with a number from ${first} to ${LAST_FD}${why}`)
  return fd
}

function parseAddress(text: string, address: string): Bound {
  const [, bracketed, bare, digits = ''] = /^(?:\[([^\]]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(address) ?? []
  const port = Number(digits)
  const isFit = digits !== '' && port > 0 && port < 65_536 && (bracketed === undefined || isIP(bracketed) === 6)
  if (!isFit) throw unfit(text, 'tcp:HOST:PORT, as tcp:127.0.0.1:8000 or tcp:[::1]:8000')
  return { host: bracketed ?? bare ?? '', port }
}

function parseUrl(text: string): Bound {
  try {
    const url = new URL(forSlot(text, 0))
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) }
  } catch {
    throw unfit(text, 'an address as http://127.0.0.1:8000/healthz')
  }
}

function parsePattern(text: string, pattern: string, shown: string): string {
  if (pattern === '') throw unfit(text, 'log: with a regular expression')
  try {
    new RegExp(shown)
  } catch (e) {
    const why = e instanceof Error ? e.message.replace(/^Invalid regular expression: /, '') : String(e)
    throw new BadValue(`cannot be ${quote(text)}: wanted log: with a regular expression of JavaScript (${why})`)
  }
  return pattern
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1)$/i

function isOwn(asked: Bound, bound: readonly Bound[]): boolean {
  const host = asked.host ?? ''
  const everywhere = (one: string): boolean => one === '0.0.0.0' || one === '::'
  return bound.some((own) => {
    if (own.port !== asked.port) return false
    if (own.host === null || everywhere(own.host) || own.host === host) return true
    return LOOPBACK.test(own.host) && LOOPBACK.test(host)
  })
}
