// Other machines that phctl speaks to: how they are written, `user@host[:socket]`, and the section [hosts] that
// gives them names. The master does nothing with it.

import path from 'node:path'
import { PhError } from '../errors.ts'
import { readText } from './files.ts'
import { type Builtins, createLayer } from './layers.ts'
import type { Section } from './lexer.ts'
import { SYSTEM_SOCKET, standardPlace } from './places.ts'
import { BadValue, Findings } from './problems.ts'
import { gather, NAME } from './sections.ts'
import { quote, unfit } from './units.ts'

/** A machine, as ssh knows it, and the master's socket on it. */
export interface Host {
  readonly name: string
  /** `host` or `user@host`: a name of ~/.ssh/config is one, too. */
  readonly destination: string
  /** Absolute, on that machine. */
  readonly socket: string
}

const FORM = 'user@host or user@host:/path/of/phd.sock (a port or a key belongs into ~/.ssh/config)'
/** Nothing that ssh would take for an option, or a shell for a command. */
const WRITTEN = /^((?:[\w][\w.+-]*@)?(?:\[[0-9a-f:.%\w]+\]|[\w][\w.-]*))(?::(.*))?$/i

/** Throws BadValue. */
export function parseHost(text: string, name: string): Host {
  const [, destination, socket = SYSTEM_SOCKET] = WRITTEN.exec(text) ?? []
  if (destination === undefined || !/^\/[^\0\n]*$/.test(socket)) throw unfit(text, FORM)
  return { name, destination, socket }
}

/** The section [hosts], by name; refuses what is no host. */
export function readHosts(section: Section | null, builtins: Builtins, findings: Findings): readonly Host[] {
  if (!section) return []
  const layer = createLayer('master', section.entries, new Map(), builtins)
  const hosts: Host[] = []
  for (const [key, entry] of section.entries) {
    if (key.startsWith('x_')) continue
    const name = entry.written
    try {
      if (!NAME.test(name) || name === 'all') {
        throw new BadValue(`cannot be the name of a host: wanted letters, digits, _ . - and not all in ${quote(name)}`)
      }
      const text = layer.value(key)?.text
      if (text === undefined) throw unfit('', FORM)
      hosts.push(parseHost(text, name))
    } catch (e) {
      if (!(e instanceof BadValue)) throw e
      findings.refuse(e.at ?? entry, 'hosts', name, e.message)
    }
  }
  return hosts
}

/** What the file says in [hosts]; whatever is wrong elsewhere in it is no business of ours. Throws PH_CONFIG. */
export function hostsIn(file: string): readonly Host[] {
  const main = path.resolve(file)
  const here = path.dirname(main)
  const { env } = process
  const builtins: Builtins = { program: null, instance: null, cpus: 1, env, here, place: standardPlace(here, env) }
  const found = gather(main, builtins, new Findings(), readText)
  const findings = new Findings()
  const hosts = readHosts(found.hosts, builtins, findings)
  findings.settle()
  return hosts
}

/** For the command line. Throws PH_USAGE. */
export function hostFrom(text: string): Host {
  try {
    return parseHost(text, text)
  } catch (e) {
    if (!(e instanceof BadValue)) throw e
    throw new PhError('PH_USAGE', `cannot use -H ${text}: it ${e.message}`)
  }
}
