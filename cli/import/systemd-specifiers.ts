// Specifiers of systemd (%i, %h ...) in a text, and that text as a value of our dialect. What is known only here, as the
// name of the machine, is what it is here.

import { readFileSync } from 'node:fs'
import { homedir, hostname, release, userInfo } from 'node:os'
import { literal } from './draft.ts'

export interface UnitName {
  /** Before the @. */
  readonly prefix: string
  /** Behind it; '' = a template, whose instances are our slots; null = there is no @. */
  readonly instance: string | null
  readonly user: string | null
}

/** Stands for the number of the process until the text is written. */
const SLOT = '\uE000'

export interface Specifiers {
  /** The text that systemd would see. */
  readonly plain: (text: string) => string
  /** The same as a value of ours. */
  readonly written: (text: string) => string
}

export function specifiersOf({ prefix, instance, user }: UnitName): Specifiers {
  const own = instance === '' ? SLOT : (instance ?? '')
  const unit = instance === null ? prefix : `${prefix}@${own}`
  const name = user ?? userName()
  const known: Readonly<Record<string, () => string>> = {
    '%': () => '%',
    i: () => own,
    I: () => own.replaceAll('-', '/'),
    n: () => `${unit}.service`,
    N: () => unit,
    p: () => prefix,
    P: () => prefix.replaceAll('-', '/'),
    j: () => prefix.split('-').at(-1) ?? prefix,
    u: () => name,
    h: () => homeOf(name),
    s: () => shellOf(name),
    H: () => hostname(),
    l: () => hostname().split('.')[0] ?? '',
    q: () => hostname(),
    m: () => machineId(),
    v: () => release(),
    t: () => '/run',
    S: () => '/var/lib',
    C: () => '/var/cache',
    L: () => '/var/log',
    E: () => '/etc',
    T: () => '/tmp',
    V: () => '/var/tmp',
  }
  const plain = (text: string): string => text.replace(/%(.)/g, (whole, letter: string) => known[letter]?.() ?? whole)
  return { plain, written: (text) => literal(text).replaceAll(SLOT, '%(slot)s') }
}

function entryOf(user: string): readonly string[] {
  try {
    const line = readFileSync('/etc/passwd', 'utf8').split('\n')
    return (line.find((one) => one.startsWith(`${user}:`)) ?? '').split(':')
  } catch {
    return []
  }
}

const homeOf = (user: string): string => entryOf(user)[5] ?? homedir()
const shellOf = (user: string): string => entryOf(user)[6] ?? '/bin/sh'

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return 'root'
  }
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim()
  } catch {
    return ''
  }
}
