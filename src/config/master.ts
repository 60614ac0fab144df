// [master] and what stands for it elsewhere, as the master computes with it.

import path from 'node:path'
import type { LogLevel } from '../api/contract.ts'
import type { ExitWhen } from '../core/exit-when.ts'
import { parseAddress } from './address.ts'
import type { MasterConfig, Orphans, TcpAddress } from './config.ts'
import type { Layer } from './layers.ts'
import { parseOutput, RUN_PATH_BYTES, SOCKET_BYTES } from './paths.ts'
import type { Findings } from './problems.ts'
import { createReader, type Header, type Reader } from './reader.ts'
import { rows } from './settings.ts'
import { parseMode, quote, unfit } from './units.ts'

/** A section with its layers. */
export interface View {
  readonly header: Header
  readonly layer: Layer
}

/** What the command line says. */
export interface Given {
  readonly instance: string | null
  readonly foreground: boolean
}

/** `programs` are the sections that may hold keys of the master. */
export function readMaster(master: View, programs: readonly View[], given: Given, findings: Findings): MasterConfig {
  const open = (view: View): Reader => createReader(view.layer, view.header, given.instance, findings)
  const reader = open(master)
  const basePath = reader.path('base_path')
  reader.path('log_path')
  const socket = reader.path('socket', { own: 'file', limit: SOCKET_BYTES })
  const runPath = reader.path('run_path', { own: 'folder', limit: RUN_PATH_BYTES })
  const logFile = readLogFile(reader)

  // The seed's files say these two in a program's section: one master has one of each.
  const views = [master, ...programs]
  const hoist = <T>(name: string, read: (from: Reader) => T): T => {
    const [first, ...others] = views.filter((view) => view.layer.own.has(name) && view.layer.find(name) !== null)
    const holder = first ? open(first) : reader
    const value = read(holder)
    for (const other of others) {
      const different = open(other)
      if (read(different) === value) continue
      const place = `[${holder.header.name}] in line ${first?.layer.find(name)?.line} of ${first?.layer.find(name)?.file}`
      different.refuse(
        name,
        `cannot differ from ${place}, which says ${quote(shown(holder, name))}: there is one master`,
      )
    }
    for (const setting of holder.settings) if (setting.key === name) reader.note(setting)
    return value
  }
  const pidfile = hoist('pidfile', (from) => from.path('pidfile', { own: 'file' }))
  const daemonize = hoist('daemonize', (from) => from.boolean('daemonize'))
  if (daemonize && !given.foreground && shown(reader, 'log_file') === 'inherit') {
    reader.refuse('log_file', 'cannot be stdout with daemonize: in the background there is none')
  }

  const files = { socket, pidfile, log_file: logFile ?? '', run_path: runPath }
  for (const [index, [name, file]] of Object.entries(files).entries()) {
    const [same] =
      Object.entries(files)
        .slice(0, index)
        .find(([, each]) => each === file && file !== '') ?? []
    if (same !== undefined) reader.refuse(name, `cannot be ${quote(file)}: that is ${same} already`)
  }

  const web = readWeb(reader)
  const config = {
    basePath,
    socket,
    socketMode: reader.take('socket_mode', parseMode, 0o600),
    socketGroup: reader.text('socket_group'),
    allow: reader.take('allow', parsePeople, []),
    observe: reader.take('observe', parsePeople, []),
    pidfile,
    runPath,
    commonPath: commonPath(reader, runPath, given.instance),
    logFile,
    logLevel: (reader.choice('log_level') ?? 'info') as LogLevel, // the choices of its row are the levels
    daemonize: daemonize && !given.foreground,
    orphans: (reader.choice('orphans') ?? 'adopt') as Orphans,
    exitWhen: (reader.choice('exit_when') ?? 'never') as ExitWhen, // as are the choices of its row
    maxClients: reader.integer('max_clients'),
    maxMessage: reader.size('max_message'),
    web,
    webControl: reader.boolean('web_control'),
    procName: given.instance ?? 'phd',
  }
  const order = rows.master.map((row) => row.name)
  const settings = reader.settings.toSorted((a, b) => order.indexOf(a.key) - order.indexOf(b.key))
  return { ...config, settings }
}

/** Where the lines go besides stdout; null = nowhere. */
function readLogFile(reader: Reader): string | null {
  const text = reader.layer.find('log_file')?.value ?? ''
  const word = text.includes('\n') ? text : parseOutput(text, '/')
  if (word !== 'none' && word !== 'inherit') return reader.path('log_file', { own: 'file' })
  const nowhere = (): string => word
  return reader.take('log_file', () => null, null, nowhere)
}

/** Where run_path names the instance itself, nobody knows what the others' would be. */
function commonPath({ layer }: Reader, runPath: string, instance: string | null): string {
  if (runPath === '' || layer.value('run_path')?.instance) return ''
  return instance === null ? runPath : path.dirname(runPath)
}

function readWeb(reader: Reader): TcpAddress | null {
  const parse = (text: string): TcpAddress => parseAddress(text, 'an address, as 127.0.0.1:9618, [::1]:9618 or :9618')
  const web = reader.take<TcpAddress | null>('web', parse, null)
  if (web !== null && (web.host === null || !/^(?:127\.|::1$)/.test(web.host))) {
    reader.warn('web', 'can be reached from other machines, and nothing on the way is encrypted, the token neither')
  }
  return web
}

function parsePeople(text: string): readonly string[] {
  const names = text.split(/[\s,]+/).filter(Boolean)
  const wrong = names.find((name) => !/^@?[\w.][\w.-]*\$?$/.test(name))
  if (wrong !== undefined) throw unfit(wrong, 'names of users, and of groups behind an @')
  return names
}

const shown = (reader: Reader, name: string): string => reader.settings.find(({ key }) => key === name)?.value ?? ''
