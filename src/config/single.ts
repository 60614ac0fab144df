// `single_instance` and what belongs to it: at most one of many masters runs the program, on this host by a file, or
// on all hosts by a key in etcd.

import { accessSync, constants } from 'node:fs'
import { LEAST_SLACK_MS } from '../core/lease-state.ts'
import type { LeaseSpec, Spec } from '../core/spec.ts'
import { errno } from '../errors.ts'
import type { MasterConfig } from './config.ts'
import { BadValue } from './problems.ts'
import type { Reader } from './reader.ts'
import { parseBoolean, quote, unfit } from './units.ts'

const FORM =
  'true, false, or etcd://HOST:PORT/KEY (etcds:// for TLS; more hosts behind commas; USER:PASSWORD@ before them)'
const PORT = 2379
/** Beyond graceful_timeout, where nothing is said. */
const USUAL_SLACK_MS = 10_000
/** A lease of a day hands over after a day. */
const LONGEST_MS = 86_400_000
const FILES = ['etcd_ca', 'etcd_cert', 'etcd_key'] as const

type Where = Pick<LeaseSpec, 'endpoints' | 'key' | 'user'> & { readonly secure: boolean }

export function readSingle(
  reader: Reader,
  { commonPath }: MasterConfig,
  stopMs: number,
): Pick<Spec, 'singleInstance' | 'lease'> {
  const parse = (text: string): Where | boolean => (/^etcds?:/i.test(text) ? parseWhere(text) : parseBoolean(text))
  const single = reader.take<Where | boolean>('single_instance', parse, false, withoutPassword)
  const across = typeof single !== 'boolean'
  const ms = readTerm(reader, stopMs, across)
  const [ca, cert, key] = FILES.map((name) => readable(reader, name))
  if (!across) {
    refuseWithout(reader, ['lease', ...FILES], 'etcd')
    if (!single) return {}
    if (commonPath === '')
      reader.refuse(
        'single_instance',
        'cannot be true: run_path names the instance itself (%(instance)s), so they have no folder in common',
      )
    return { singleInstance: true }
  }
  const { secure, ...where } = single
  if (!secure) refuseWithout(reader, FILES, 'etcds://')
  if (!cert !== !key)
    reader.refuse(cert ? 'etcd_cert' : 'etcd_key', 'cannot be without the other: wanted etcd_cert and etcd_key')
  const tls = secure ? { tls: { ca: ca ?? null, cert: cert ?? null, key: key ?? null } } : {}
  return { singleInstance: true, lease: { ...where, ms, ...tls } }
}

/** An error where it stands in the section itself; inherited, it is meant for others. */
function refuseWithout(reader: Reader, names: readonly string[], what: string): void {
  for (const name of names) {
    if (reader.level(name) === 2 && reader.layer.find(name)?.value !== '')
      reader.refuse(
        name,
        `cannot be used without ${what}: wanted single_instance = ${what.replace(/:\/\/$/, '')}://HOST:PORT/KEY`,
      )
  }
}

function readTerm(reader: Reader, stopMs: number, across: boolean): number {
  const least = Math.ceil((stopMs + LEAST_SLACK_MS) / 1000)
  const usual = Math.ceil((stopMs + USUAL_SLACK_MS) / 1000) * 1000
  if (reader.layer.find('lease') === null) {
    // It means the same whatever graceful_timeout is: "10 more".
    reader.note({ key: 'lease', value: across ? `${usual / 1000}s` : '', origin: null, effective: '' })
    return usual
  }
  const ms = reader.duration('lease')
  if (!across) return ms
  if (ms % 1000 !== 0 || ms > LONGEST_MS) {
    reader.refuse('lease', `cannot be ${ms / 1000}s: wanted whole seconds, at most a day`)
  } else if (ms < least * 1000) {
    const why = `a holder that cannot renew it must end its processes in time (graceful_timeout = ${stopMs / 1000}s)`
    reader.refuse('lease', `cannot be ${ms / 1000}s: wanted at least ${least}s, for ${why}`)
  }
  return ms
}

function readable(reader: Reader, name: (typeof FILES)[number]): string | null {
  const file = reader.path(name)
  if (file === '') return null
  try {
    accessSync(file, constants.R_OK)
  } catch (e) {
    reader.refuse(name, `cannot read ${file}: ${errno(e) ?? String(e)}`)
  }
  return file
}

function parseWhere(text: string): Where {
  const [, scheme = '', who, hosts = '', key = ''] = /^(etcds?):\/\/(?:([^@/]*)@)?([^/@]+)\/(.+)$/i.exec(text) ?? []
  if (key === '') throw unfit(withoutPasswordIn(text), FORM)
  const endpoints = hosts.split(',').map((host) => {
    const [, name, port] = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(host.trim()) ?? []
    if (name === undefined || Number(port ?? 1) > 65_535 || Number(port ?? 1) < 1)
      throw unfit(host, `a host, as etcd1:2379, in ${FORM}`)
    return `${name}:${port ?? PORT}`
  })
  const secure = scheme.toLowerCase() === 'etcds'
  return { endpoints, key, secure, ...(who === undefined ? {} : { user: parseUser(who) }) }
}

function parseUser(text: string): NonNullable<LeaseSpec['user']> {
  const [name = '', password] = text.split(':', 2)
  if (name === '' || !password) throw new BadValue('cannot be: wanted USER:PASSWORD before the @')
  try {
    return { name: decodeURIComponent(name), password: decodeURIComponent(password) }
  } catch {
    throw new BadValue(`cannot read the user and the password before the @: write ${quote('%25')} for ${quote('%')}`)
  }
}

/** For people: who may look is not always who may know. */
function withoutPassword(value: Where | boolean): string {
  if (typeof value === 'boolean') return String(value)
  const { secure, user, endpoints, key } = value
  return `${secure ? 'etcds' : 'etcd'}://${user ? `${encodeURIComponent(user.name)}:***@` : ''}${endpoints.join(',')}/${key}`
}

const withoutPasswordIn = (text: string): string => text.replace(/:[^:@/]*@/, ':***@')
