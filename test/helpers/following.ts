// phctl that goes on until it is told to end: logs -f, events.

import type { ChildProcess } from 'node:child_process'
import { ended, type Ran, start } from '../cli/phctl.ts'
import type { Master } from './master.ts'
import { until, within } from './scene.ts'

export interface Following {
  readonly child: ChildProcess
  readonly done: Promise<Ran>
  stdout(): string
  stderr(): string
  /** Whole ones of stdout. */
  lines(): string[]
  /** Waits for text on stdout. */
  until(part: string): Promise<unknown>
  interrupt(): Promise<Ran>
}

export function following(master: Master, ...args: readonly string[]): Following {
  const child = start(['-s', master.socket, ...args])
  master.scene.after(() => void child.kill('SIGKILL'))
  const done = ended(child)
  const text = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (chunk: string) => {
      text[stream] += chunk
    })
  }
  return {
    child,
    done,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    lines: () => text.stdout.split('\n').slice(0, -1),
    until: (part) => until(`${part} on stdout`, () => text.stdout.includes(part)),
    async interrupt() {
      child.kill('SIGINT')
      return within('the end of phctl', done)
    },
  }
}
