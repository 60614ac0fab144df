// For the tests of config/: a temp dir with the files of one case, what loading it says, and where the repository is.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { Problem } from '../../src/api/contract.ts'
import { type Config, formatProblem, type LoadOptions, loadConfig, type ProgramConfig } from '../../src/config/load.ts'
import { PhError } from '../../src/errors.ts'

/** A folder that is gone after the test, with these files in it. */
export function folder(t: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), 'phd-config-')))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true })
    writeFileSync(path.join(dir, name), content)
  }
  return dir
}

/** The configuration `text`, in a folder of its own beside `files`. */
export function load(
  t: TestContext,
  text: string,
  options: LoadOptions = {},
  files: Record<string, string> = {},
): Config {
  const dir = folder(t, { ...files, 'config.ini': text })
  return loadConfig(path.join(dir, 'config.ini'), { env: {}, cpus: 4, ...options })
}

/** The one program of a configuration, or the one called so. */
export function program(config: Config, name?: string): ProgramConfig {
  const found = name === undefined ? [...config.programs.values()][0] : config.programs.get(name)
  if (!found) throw new Error(`no program ${name ?? ''}`)
  return found
}

/** What is wrong with a configuration: a line each, without the folder. */
export function problems(
  t: TestContext,
  text: string,
  options: LoadOptions = {},
  files: Record<string, string> = {},
): string[] {
  const dir = folder(t, { ...files, 'config.ini': text })
  return refused(path.join(dir, 'config.ini'), dir, options)
}

/** As `problems`, of a file that is there. */
export function refused(file: string, dir: string, options: LoadOptions = {}): string[] {
  try {
    loadConfig(file, { env: {}, cpus: 4, ...options })
  } catch (e) {
    if (!(e instanceof PhError) || e.code !== 'PH_CONFIG') throw e
    const list = e.data.problems as readonly Problem[]
    const told = e.message.replace(/\n\.\.\. and \d+ more$/, '')
    if (list.map(formatProblem).join('\n') !== told) throw new Error('message and problems differ', { cause: e })
    return list.map((problem) => formatProblem(problem).replaceAll(`${dir}/`, '').replaceAll(dir, '.'))
  }
  return []
}

/** The repository: the nearest folder above whose package is this one. */
export function root(): string {
  for (let dir = path.dirname(new URL(import.meta.url).pathname); ; dir = path.dirname(dir)) {
    const manifest = path.join(dir, 'package.json')
    if (existsSync(manifest) && /"name": "processhandler"/.test(readFileSync(manifest, 'utf8'))) return dir
    if (dir === '/') throw new Error('no repository above the tests')
  }
}

export const fixture = (name: string): string => path.join(root(), 'test/config/fixtures', name)
