// What an ecosystem file of PM2 says. JSON and YAML are read; JavaScript is code, and is run in a process apart, in a
// group of its own that is ended after a while, whatever it does.

import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { readText } from '../../src/config/files.ts'
import { messageOf, PhError } from '../../src/errors.ts'

export type Value = unknown

export interface Ecosystem {
  readonly apps: readonly Readonly<Record<string, Value>>[]
  readonly deploy: Value
}

const LONGEST_MS = 10_000
const MOST_BYTES = 16 * 1024 * 1024

export async function readEcosystem(file: string, warn: (text: string) => void): Promise<Ecosystem> {
  const reading = readText(file)
  if ('fault' in reading) throw new PhError('PH_CONFIG', `cannot import ${file}: ${reading.fault}`)
  return shaped(await contentOf(file, reading.text.replace(/^\uFEFF/, ''), warn), file)
}

async function contentOf(file: string, text: string, warn: (text: string) => void): Promise<Value> {
  if (/\.ya?ml$/i.test(file)) {
    const { parse } = await import('yaml')
    try {
      return parse(text)
    } catch (e) {
      throw new PhError('PH_CONFIG', `cannot import ${file}: ${messageOf(e)}`)
    }
  }
  if (/\.json5?$/i.test(file) || !/\.[cm]?[jt]s$/i.test(file)) {
    try {
      return JSON.parse(text)
    } catch {
      // PM2 takes JSON with comments and unquoted keys, which is JavaScript.
      warn(`${file} is no JSON but code: it is run in a process apart`)
      return run(
        `module.exports = eval('(' + require('node:fs').readFileSync(${JSON.stringify(file)}, 'utf8') + '\\n)')`,
        file,
      )
    }
  }
  warn(`${file} is code: it is run in a process apart, to learn what it says`)
  return run(
    `module.exports = import(require('node:url').pathToFileURL(${JSON.stringify(file)})).then((m) => m.default ?? m)`,
    file,
  )
}

/** The file may print what it likes: its answer comes on a descriptor of its own. With that closed it is ended. */
const ANSWER = `
Promise.resolve(module.exports).then(
  (value) => typeof value === 'function' ? value() : value,
).then(
  (value) => require('node:fs').writeFileSync(3, JSON.stringify(value ?? null)),
  (e) => console.error(e && e.message || e),
).then(() => require('node:fs').closeSync(3))`

function run(code: string, file: string): Promise<Value> {
  const child = spawn(process.execPath, ['-e', code + ANSWER], {
    cwd: dirname(file),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const end = (): void => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // All of it is gone already.
    }
  }
  const said: Record<2 | 3, string> = { 2: '', 3: '' }
  for (const fd of [2, 3] as const) {
    const stream = child.stdio[fd] as NodeJS.ReadableStream | null
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      said[fd] += chunk
      if (said[fd].length > MOST_BYTES) end()
    })
  }
  child.stdio[3]?.on('end', end)
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new PhError('PH_CONFIG', `cannot import ${file}: ${why}`))
    let late = false
    const timer = setTimeout(() => {
      late = true
      end()
    }, LONGEST_MS)
    child.on('error', (e) => fail(e.message))
    child.on('exit', () => end()) // what it has started would hold the pipe
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (late) return fail(`it has not ended within ${LONGEST_MS / 1000} s`)
      if (said[3] === '')
        return fail(said[2].trim().split('\n').at(-1) || `it has said nothing (${signal ?? `exit ${status}`})`)
      try {
        resolve(JSON.parse(said[3]))
      } catch (e) {
        fail(messageOf(e))
      }
    })
  })
}

/** PM2 takes an app, a list of them, and `apps` with either. */
function shaped(value: Value, file: string): Ecosystem {
  const root = isRecord(value) ? value : {}
  const apps = Array.isArray(value)
    ? value
    : 'apps' in root
      ? root.apps
      : 'script' in root || 'exec' in root
        ? [root]
        : null
  const list = Array.isArray(apps) ? apps : isRecord(apps) ? [apps] : null
  if (list === null)
    throw new PhError('PH_CONFIG', `cannot import ${file}: wanted apps, a list of objects with a script`)
  return { apps: list.filter(isRecord), deploy: root.deploy ?? null }
}

export const isRecord = (value: Value): value is Readonly<Record<string, Value>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
