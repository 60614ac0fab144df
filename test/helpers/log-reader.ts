// A client that follows logs, and everything that its stream gives, in one place.

import assert from 'node:assert/strict'
import { type Client, connect, type LogStream } from '../../src/api/client.ts'
import type { LogLine, LogSource, Params } from '../../src/api/contract.ts'
import type { Master } from './master.ts'
import { until, within } from './scene.ts'

export interface Reader {
  readonly client: Client
  readonly lines: LogLine[]
  /** As told in the answer and after it, in this order. */
  readonly files: LogSource[]
  readonly errors: string[]
  missed: number
  /** Waits for a line with this text at its beginning. */
  seen(text: string): Promise<void>
}

/** Follows from now on. */
export async function reader(master: Master, params: Params<'logs'>): Promise<Reader> {
  const client = await connect(master.socket)
  master.scene.after(() => client.close())
  const stream: LogStream = client.logs({ follow: true, ...params })
  const { lines, files } = await within('the answer to logs', stream.begun)
  assert.ok(lines)
  const all: Reader = {
    client,
    lines: [],
    files: [...files],
    errors: [],
    missed: 0,
    async seen(text) {
      await until(`the line ${text}`, () => all.lines.some((line) => line.text.startsWith(text)), 60_000)
    },
  }
  void (async () => {
    for await (const batch of stream) {
      all.files.push(...batch.files)
      for (const { name } of batch.lines) {
        const [program] = name.split(':')
        assert.ok(
          all.files.some((file) => file.name === name || file.name === program),
          `a line of ${name}, whose file was not told`,
        )
      }
      all.lines.push(...batch.lines)
      all.missed += batch.missed
      if (batch.error !== null) all.errors.push(batch.error)
    }
  })()
  return all
}

export const texts = (lines: readonly LogLine[]): string[] => lines.map((line) => line.text)
