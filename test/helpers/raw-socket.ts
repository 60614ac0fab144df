// A Unix socket without any manners: what scripts and attackers write, byte for byte, and the lines
// that come back.

import { createConnection, type Socket } from 'node:net'
import { within } from './scene.ts'

export interface RawSocket {
  readonly socket: Socket
  send(text: string | Uint8Array): void
  /** The next line that comes. */
  line(): Promise<string>
  /** The next line, as JSON. */
  answer(): Promise<Answer>
  /** A call and its answer, alone on this connection. */
  call(method: string, params?: unknown): Promise<Answer>
  /** All that came until the other side closed. */
  rest(): Promise<string>
  readonly closed: Promise<void>
}

export interface Answer {
  readonly jsonrpc: string
  readonly id: unknown
  readonly result?: unknown
  readonly error?: {
    readonly code: number
    readonly message: string
    readonly data: Readonly<Record<string, unknown>>
  }
}

export async function rawSocket(path: string): Promise<RawSocket> {
  const socket = createConnection({ path, allowHalfOpen: true })
  await within(
    'a connection',
    new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    }),
  )
  let text = ''
  let nextId = 1
  const wake: (() => void)[] = []
  const changed = (): void => {
    for (const one of wake.splice(0)) one()
  }
  let over = false
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
    changed()
  })
  socket.on('error', () => undefined) // the other side closed while we wrote: that is what is being tested
  const closed = new Promise<void>((resolve) => {
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        over = true
        socket.end()
        changed()
        resolve()
      })
    }
  })
  const raw: RawSocket = {
    socket,
    send: (bytes) => void socket.write(bytes),
    async line() {
      for (;;) {
        const end = text.indexOf('\n')
        if (end >= 0) {
          const line = text.slice(0, end)
          text = text.slice(end + 1)
          return line
        }
        if (over) throw new Error(`the connection was closed; what came: ${JSON.stringify(text)}`)
        await within('a line', new Promise<void>((resolve) => wake.push(resolve)))
      }
    },
    answer: async () => JSON.parse(await raw.line()) as Answer,
    call(method, params) {
      raw.send(`${JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params })}\n`)
      return raw.answer()
    },
    async rest() {
      await within('the end of the connection', closed)
      return text
    },
    closed,
  }
  return raw
}
