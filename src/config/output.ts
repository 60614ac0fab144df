// Where a program's output goes, from our keys and supervisord's.

import type { LogFormat, LogFull, OutputSpec } from '../core/spec.ts'
import type { Text } from './layers.ts'
import { instanceFile, parseOutput } from './paths.ts'
import type { Reader } from './reader.ts'

const STDOUT = '%(log_path)s/%(program)s.log'
const STDERR = '%(log_path)s/%(program)s.err.log'

export function readOutput(reader: Reader, basePath: string, instance: string | null): OutputSpec {
  const shown = (file: string): string => file
  const place = (whole: Text, auto: string): string => {
    const word = parseOutput(whole.text, basePath)
    if (word === 'auto') return place(reader.layer.expand(auto), auto)
    return word.startsWith('/') && instance !== null && !whole.instance ? instanceFile(word, instance) : word
  }
  const read = (name: string, auto: string): string =>
    reader.take(name, (_text, _row, whole) => place(whole, auto), 'none', shown)

  const stdout = read('log_file', STDOUT)
  if (stdout === 'merged') reader.refuse('log_file', 'cannot be merged: only stderr goes where stdout goes')

  let stderr = read('stderr_log_file', STDERR)
  const redirect = reader.level('redirect_stderr')
  // supervisord's word decides where it stands nearer than stderr_log_file, or as near.
  if (redirect > 0 && redirect >= reader.level('stderr_log_file')) {
    const merge = reader.boolean('redirect_stderr')
    if (merge && stderr !== 'merged' && redirect === reader.level('stderr_log_file')) {
      reader.warn('stderr_log_file', 'is not used: redirect_stderr sends stderr where stdout goes')
    }
    if (merge || stderr === 'merged') {
      stderr = reader.take(
        'redirect_stderr',
        () => (merge ? 'merged' : place(reader.layer.expand(STDERR), STDERR)),
        '',
        shown,
      )
      const origin = reader.layer.find('redirect_stderr')
      reader.note({ key: 'stderr_log_file', value: stderr, origin, effective: JSON.stringify(stderr) })
    }
  }
  return {
    stdout,
    stderr: stderr === 'merged' ? null : stderr,
    pipeBytes: reader.size('log_pipe_size'),
    format: (reader.choice('log_format') ?? 'raw') as LogFormat, // as are the choices of its row
    full: (reader.choice('log_full') ?? 'block') as LogFull,
    maxBytes: reader.size('log_max_size'),
    backups: reader.integer('log_backups'),
    compress: reader.boolean('log_compress'),
  }
}
