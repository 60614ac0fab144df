// Clients without manners: they ask for something, or for nothing that makes sense, and are gone before all of the
// answer has come.

import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Visit } from './plan.ts'

const requests: { readonly [K in Visit['asks']]: string } = {
  status: '{"jsonrpc":"2.0","id":1,"method":"status"}\n',
  logs: '{"jsonrpc":"2.0","id":1,"method":"logs","params":{"target":"all","lines":500,"follow":true}}\n',
  events: '{"jsonrpc":"2.0","id":1,"method":"events","params":{"since":0}}\n',
  'half a line': '{"jsonrpc":"2.0","id":1,"meth',
  junk: '}{\n\n[[]]\n{"jsonrpc":"2.0","id":1,"method":"status"}\nGET / HTTP/1.1\n',
}

/** Resolves when the last of them has left. */
export async function visits(socket: string, all: readonly Visit[]): Promise<void> {
  await Promise.all(
    all.map(async ({ asks, leavesMs }) => {
      const line = createConnection(socket)
      // The master may be quicker to end it: that is its right.
      line.on('error', () => undefined)
      line.write(requests[asks])
      await sleep(leavesMs)
      line.destroy()
    }),
  )
}
