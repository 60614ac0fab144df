// What every export begins with: the programs of a configuration, and what of each cannot be carried over. Pure.

import { resolve } from 'node:path'
import type { ProgramConfig } from '../../src/config/config.ts'
import { readEnvFile } from '../../src/config/environment.ts'
import { forSlot, slotParts, usesSlot } from '../../src/config/slots.ts'
import { exportKeys, type Spec, type Target } from './keys.ts'
import { isUnused } from './unused.ts'

/** Part of a document of YAML. */
export type Node = { readonly [key: string]: unknown }

export interface File {
  readonly name: string
  readonly text: string
}

export interface Loss {
  readonly program: string
  readonly key: string
  readonly why: string
}

export interface Export {
  readonly files: readonly File[]
  readonly losses: readonly Loss[]
}

/** How the file is run by phd where only phd can. */
export interface Surroundings {
  readonly config: string
  /** Name of the image with the programs. */
  readonly image: string
  readonly node: string
  readonly phd: string
}

/** A program, and the place where what cannot be carried over is noted. */
export class Program {
  readonly spec: Spec
  readonly losses: Loss[] = []
  /** Variables of env_file stand in no other form. */
  readonly envFile: string | null
  readonly #config: ProgramConfig
  #fromFile: ReadonlyMap<string, string> | null = null

  constructor(config: ProgramConfig, target: Target) {
    this.#config = config
    this.spec = config.spec
    this.envFile = this.written('env_file')
    if (this.spec.run.kind === 'worker') return // phd heeds them all
    for (const { key, origin } of config.settings) {
      const row = Object.hasOwn(exportKeys, key) ? exportKeys[key] : undefined
      if (origin === null || row === undefined || row[target] !== null || row.quiet?.includes(target)) continue
      if (!isUnused(key, this.spec)) this.lose(key, row.why ?? '')
    }
  }

  /** Whether a variable has the value that env_file gives it. */
  isFromFile(variable: string): boolean {
    if (this.envFile === null) return false
    this.#fromFile ??= readEnvFile(this.envFile)
    return this.#fromFile.get(variable) === this.spec.env[variable]
  }

  get name(): string {
    return this.spec.program
  }

  get isWorker(): boolean {
    return this.spec.run.kind === 'worker'
  }

  /** The words of its command; of a worker those that make phd run it. */
  argv(around: Surroundings, config: string): readonly string[] {
    if (this.spec.run.kind === 'command') return this.rooted(this.spec.run.argv)
    return [around.node, around.phd, '-n', '-c', config, '-s', this.name, '--instance', this.name]
  }

  /** The first word against its directory, as phd finds it. */
  rooted(words: readonly string[]): readonly string[] {
    const [first = '', ...more] = words
    return [first.includes('/') ? resolve(this.spec.directory, first) : first, ...more]
  }

  /** The value of a key as it stands in the file; null = it does not. */
  written(key: string): string | null {
    const setting = this.#config.settings.find((one) => one.key === key)
    return setting === undefined || setting.origin === null || setting.value === '' ? null : setting.value
  }

  lose(key: string, why: string): void {
    if (this.losses.some((loss) => loss.key === key)) return
    this.losses.push({ program: this.name, key, why })
  }

  /** For the head of a file. */
  comments(): readonly string[] {
    return this.losses.map(({ key, why }) => `No equal: ${key}${this.#shown(key)}: ${why}`)
  }

  #shown(key: string): string {
    const value = this.written(key)
    return value === null || key.startsWith('env') ? '' : ` = ${forSlot(value, 0).replaceAll('\n', ' ')}`
  }

  /** What it binds to the machine itself is not reached from outside of a container. */
  warnOfLoopback(): void {
    const inside = this.spec.listeners.find((one) => one.kind === 'tcp' && /^(?:127\.|::1$)/.test(one.host ?? ''))
    if (this.isWorker && inside) this.lose('bind', `${inside.text} is the container itself: nobody outside reaches it`)
  }

  /** Whether its processes differ by their number. */
  get usesSlot(): boolean {
    if (this.spec.run.kind === 'worker') return false
    const { run, directory, env, output, hooks, ready, health } = this.spec
    return usesSlot(JSON.stringify([run, directory, env, output, hooks, ready, health]).replaceAll('\\u0000', '\0'))
  }

  get several(): boolean {
    return !this.isWorker && this.spec.workers !== 1 && this.spec.schedule === undefined
  }
}

/**
 * Words in which the number of the process may stand. Where it must be written with leading zeros a shell does it.
 * @param own the number, as the target writes it in a word; @param script the same within a script of sh
 * @param inShell the target writes it in no word
 */
export function slotWords(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  own: string,
  script: string,
  inShell = false,
): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const texts = [...words, ...Object.values(env)]
  const isWide = (text: string): boolean => slotParts(text).some((part) => typeof part !== 'string' && part.width > 1)
  const plain = (text: string): string =>
    slotParts(text)
      .map((part) => (typeof part === 'string' ? part : own))
      .join('')
  if (!inShell && !texts.some(isWide)) {
    return {
      argv: words.map(plain),
      env: Object.fromEntries(Object.entries(env).map(([name, text]) => [name, plain(text)])),
    }
  }
  const word = (text: string): string =>
    slotParts(text)
      .map((part) => {
        if (typeof part === 'string') return /^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`
        return part.width > 1 ? `$(printf %${part.zero ? '0' : ''}${part.width}d ${script})` : script
      })
      .join('') || "''"
  const wide = Object.entries(env).filter(([, text]) => isWide(text))
  const exports = wide.map(([name, text]) => `export ${name}=${word(text)}; `).join('')
  const others = Object.entries(env).filter(([, text]) => !isWide(text))
  return {
    argv: ['sh', '-c', `${exports}exec ${words.map(word).join(' ')}`],
    env: Object.fromEntries(others.map(([name, text]) => [name, plain(text)])),
  }
}

/** The part of one container in what is for all processes together. */
export const part = (whole: number, { spec, isWorker }: Program): number =>
  isWorker || spec.schedule !== undefined ? whole : whole / Math.max(1, spec.workers)
