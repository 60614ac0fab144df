// Which file an SDK worker is. Looks at the disk, because a module that is not there is an error of
// the configuration; never loads it.

import { statSync } from 'node:fs'
import path from 'node:path'
import type { Run } from '../core/spec.ts'
import { errno } from '../errors.ts'
import { BadValue } from './problems.ts'
import { quote } from './units.ts'

type WorkerRun = Extract<Run, { kind: 'worker' }>

const FOUND_BY_NAME = ['.js', '.mjs', '.ts']
const WITH_EXTENSION = /\.[cm]?[jt]s$/

/** `module` or `module:Class`; the module is a path against `base`, its extension may be left out. Throws BadValue. */
export function parseWorker(text: string, base: string): WorkerRun {
  refuseSlot(base)
  const match = /^(.+):([\p{L}_$][\p{L}\p{N}_$]*)$/u.exec(text)
  const name = match?.[1] ?? text
  if (text.includes('\n') || name.endsWith(':'))
    throw new BadValue(`cannot be ${quote(text)}: wanted module or module:Class`)
  const file = path.resolve(base, name)
  const candidates = WITH_EXTENSION.test(name) ? [file] : FOUND_BY_NAME.map((extension) => file + extension)
  const found = candidates.find(isFile)
  if (found === undefined) throw new BadValue(`cannot find the worker module: wanted ${candidates.join(' or ')}`)
  return { kind: 'worker', module: runnable(found), className: match?.[2] ?? null }
}

/** The worker of a section that names neither worker nor command: the module called as the section. Throws BadValue. */
export function workerOfSection(section: string, base: string): WorkerRun {
  refuseSlot(base)
  const candidates = FOUND_BY_NAME.map((extension) => path.join(base, section + extension))
  const found = candidates.find(isFile)
  if (found === undefined) {
    const names = FOUND_BY_NAME.map((extension) => section + extension).join(', ')
    throw new BadValue(`cannot tell what to run: wanted worker or command, or one of ${names} in ${base}`)
  }
  return { kind: 'worker', module: runnable(found), className: null }
}

/** One module serves all slots of a program. */
function refuseSlot(base: string): void {
  if (base.includes('\0')) throw new BadValue('cannot find a worker module: base_path differs by slot')
}

function runnable(file: string): string {
  if (!/\.[cm]?ts$/.test(file)) return file
  // Newer than the types of Node 20; undefined there.
  const { typescript } = process.features as { readonly typescript?: unknown }
  if (typescript) return file
  const wanted = 'wanted JavaScript (.js, .mjs), or Node 22.18 or later'
  throw new BadValue(`cannot run ${file}: Node ${process.version} does not run TypeScript; ${wanted}`)
}

function isFile(file: string): boolean {
  try {
    return statSync(file).isFile()
  } catch (e) {
    const code = errno(e)
    // Not there. What may not be looked at, or leads round in a circle, is as good as not there for the caller.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'ELOOP') return false
    throw new BadValue(`cannot look at ${file}: ${code ?? String(e)}`)
  }
}
