// What a program runs: worker, command, or the module that is called as its section.

import type { Run } from '../core/spec.ts'
import { parseWorker, workerOfSection } from './module.ts'
import { BadValue } from './problems.ts'
import type { Reader } from './reader.ts'
import { quote } from './units.ts'
import { splitWords } from './words.ts'

/** In the place of what was refused: the configuration is never used. */
const NO_COMMAND: Run = { kind: 'command', argv: [] }
const NO_WORKER: Run = { kind: 'worker', module: '', className: null }

export function readRun(reader: Reader, section: string, basePath: string): Run {
  const worker = reader.level('worker')
  const command = reader.level('command')
  if (worker > 0 && worker === command) {
    const line = reader.layer.find('worker')?.line
    reader.refuse('command', `cannot stand beside worker (line ${line}): wanted one of them`)
  }
  if (command > worker) {
    unset(reader, 'worker')
    if (/\\\n/.test(reader.layer.find('command')?.value ?? '')) {
      reader.warn('command', 'has a backslash at the end of a line: an indented line continues it without one')
    }
    return reader.take('command', parseCommand, NO_COMMAND)
  }
  unset(reader, 'command')
  if (worker > 0) return reader.take<Run>('worker', (text) => parseWorker(text, basePath), NO_WORKER)
  try {
    const run = workerOfSection(section, basePath)
    reader.note({ key: 'worker', value: run.module, origin: null, effective: JSON.stringify(run) })
    return run
  } catch (e) {
    if (!(e instanceof BadValue)) throw e
    reader.refuse('worker', e.message)
    return NO_WORKER
  }
}

function parseCommand(text: string): Run {
  const argv = splitWords(text)
  if (!argv[0]) throw new BadValue(`cannot be ${quote(text)}: wanted a program and its arguments`)
  return { kind: 'command', argv }
}

const unset = (reader: Reader, key: string): void => reader.note({ key, value: '', origin: null, effective: '' })
