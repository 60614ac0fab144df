// One log, over a connection of its own: what a fast writer has put into it goes with it when another log is wanted,
// and neither answers nor events wait behind it.

import { messageOf, PhError } from '../../src/errors.ts'
import { connectTo, type Master } from '../connect.ts'
import type { Message } from './model.ts'

/** Of a log that is opened. */
const LINES = 300

/** Follows it until what is returned is called, or the master goes. */
export function followLog(socket: string, target: string, say: (message: Message) => void): () => void {
  let over = false
  let line: Master | null = null
  const follow = async (): Promise<void> => {
    // The master there is known: it was asked who it is before.
    line = await connectTo({ socket, instance: null, config: null, tried: [], startWith: '' }, null)
    if (over) return
    const stream = await line.logs({ target, lines: LINES, follow: true })
    const { files } = await stream.begun
    if (over) return
    say({ kind: 'logOpened', target, files })
    for await (const batch of stream) {
      if (over) return
      say({ kind: 'log', target, batch })
    }
  }
  void follow()
    .catch((e: unknown) => {
      // That the master is gone is told by whoever asks it for status.
      if (!over && !isGone(e)) say({ kind: 'logFailed', target, why: firstLine(e) })
    })
    .finally(() => line?.close())
  return () => {
    over = true
    line?.close()
  }
}

export const isGone = (e: unknown): boolean => e instanceof PhError && e.code === 'PH_NO_MASTER'
export const firstLine = (e: unknown): string => messageOf(e).split('\n')[0] ?? ''
