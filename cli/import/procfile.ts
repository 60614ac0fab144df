// A Procfile with its .env as a draft: what foreman starts by it, with the ports that foreman gives.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readText } from '../../src/config/files.ts'
import { PhError } from '../../src/errors.ts'
import { Draft, literal, nameFor } from './draft.ts'
import { commandOf, countedFrom, isPlain, shellLine } from './words.ts'

const FIRST_PORT = 5000
/** Between two programs. */
const STEP = 100

export function importProcfile(file: string, folder: string, formation: string | null): Draft {
  const reading = readText(file)
  if ('fault' in reading) throw new PhError('PH_CONFIG', `cannot import ${file}: ${reading.fault}`)
  const draft = new Draft()
  const counts = countsOf(formation)
  const env = join(dirname(file), '.env')
  const hasEnv = existsSync(env)
  const base = Number((hasEnv ? variable(env, 'PORT') : null) ?? FIRST_PORT)
  const taken = new Set<string>()
  const defaults = draft.section('DEFAULT')
  if (hasEnv) defaults.set('env_file', literal(dirname(file) === folder ? '.env' : env))
  if (dirname(file) !== folder) defaults.set('directory', literal(dirname(file)))
  defaults.set('graceful_timeout', '5', "foreman's; it ends all programs when one has ended, here each starts anew")
  let at = 0
  for (const [index, line] of reading.text.split('\n').entries()) {
    const [, name, command] = /^([A-Za-z0-9_-]+):\s*(.+)$/.exec(line.trim()) ?? []
    if (name === undefined || command === undefined) {
      if (line.trim() !== '' && !line.trim().startsWith('#'))
        draft.drop(line.trim(), 'wanted name: command', { file, line: index + 1 })
      continue
    }
    const count = counts.get(name) ?? counts.get('all') ?? (name === 'release' ? 0 : 1)
    const section = draft.section(nameFor(name, taken))
    taken.add(section.name)
    const port = base + STEP * at
    at += 1
    const own = count <= 1 ? String(port) : countedFrom(port)
    if (own === null) {
      const script = `PORT=$((${port} + PHD_SLOT)); export PORT; ${shellLine(command)[2] ?? ''}`
      section.set('command', commandOf(['sh', '-c', script]))
    } else section.set('command', isPlain(command) ? literal(command) : commandOf(shellLine(command)))
    if (count !== 1) section.set('number_workers', String(count), count === 0 ? whyNone(name) : null)
    if (own !== null) section.set('env.PORT', own)
    section.set('env.PS', count <= 1 ? `${name}.1` : `${name}.%(slot)s`, count > 1 ? 'numbers begin at 0' : null)
  }
  const missing = [...counts.keys()].filter((name) => name !== 'all' && !taken.has(name))
  if (missing.length > 0)
    throw new PhError('PH_USAGE', `cannot read --formation: the Procfile has no ${missing.join(', ')}`)
  return draft
}

const whyNone = (name: string): string =>
  name === 'release' ? 'a task of a deployment: pre_start of another program can run it' : 'as --formation says'

function countsOf(formation: string | null): ReadonlyMap<string, number> {
  const pairs = (formation ?? '').split(',').filter((pair) => pair.trim() !== '')
  return new Map(
    pairs.map((pair) => {
      const [, name, count] = /^\s*([A-Za-z0-9_-]+)=(\d{1,5})\s*$/.exec(pair) ?? []
      if (name === undefined || count === undefined)
        throw new PhError('PH_USAGE', `cannot read --formation "${formation}": wanted counts as web=2,worker=1`)
      return [name, Number(count)]
    }),
  )
}

/** A number that the .env gives; whether the rest of it can be read says the loader. */
function variable(file: string, name: string): string | null {
  const reading = readText(file)
  if ('fault' in reading) return null
  return new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*["']?(\\d+)["']?\\s*$`, 'm').exec(reading.text)?.[1] ?? null
}
