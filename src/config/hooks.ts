// pre_start, post_start, pre_stop, post_stop: commands around the life of a process.

import type { HookName, Hooks } from '../core/spec.ts'
import type { Reader } from './reader.ts'
import { parseTime, unfit } from './units.ts'
import { splitWords } from './words.ts'

const NAMES: readonly HookName[] = ['pre_start', 'post_start', 'pre_stop', 'post_stop']

export function readHooks(reader: Reader): { readonly hooks?: Hooks } {
  const commands: Partial<Record<HookName, readonly string[]>> = {}
  for (const name of NAMES) {
    const words = reader.take<readonly string[] | null>(name, parseWords, null)
    if (words) commands[name] = words
  }
  const timeoutMs = reader.take('hook_timeout', (text) => parseTime(text, '30'), 30_000)
  return Object.keys(commands).length > 0 ? { hooks: { commands, timeoutMs } } : {}
}

function parseWords(text: string): readonly string[] {
  const words = splitWords(text)
  if (!words[0]) throw unfit(text, 'a program and its arguments')
  return words
}
