// The lightest client of each supervisor: the bytes of a request stand ready, answers are counted and not read.
// So what is measured is the supervisor, and not whoever asks it.

import { connect } from 'node:net'
import { elapsed } from './tools.ts'

/** How a supervisor is spoken to. */
export interface Wire {
  request(method: string): Buffer
  /** How many answers have come to their end with these bytes; keeps what is begun. */
  counter(): (chunk: Buffer) => number
}

/** phd: one JSON text a line. */
export const ndjson: Wire = {
  request: (method) => Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"${method}"}\n`),
  counter: () => (chunk) => {
    let answers = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) answers++
    return answers
  },
}

/** PM2: AMP, which is a byte with the number of parts, and each part behind its length. */
export const amp: Wire = {
  request(method) {
    const parts = [`j:${JSON.stringify({ type: 'call', method, args: [{}] })}`, 's:1']
    const pieces = parts.flatMap((part) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(part))
      return [length, Buffer.from(part)]
    })
    return Buffer.concat([Buffer.of(0x10 | parts.length), ...pieces])
  },
  counter() {
    let rest: Buffer = Buffer.alloc(0)
    return (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let answers = 0
      for (let end = ampEnd(rest); end > 0; end = ampEnd(rest)) {
        rest = rest.subarray(end)
        answers++
      }
      return answers
    }
  },
}

/** Where the message that begins here ends; 0 = not all of it has come. */
function ampEnd(bytes: Buffer): number {
  let at = 1
  for (let parts = (bytes[0] ?? 0) & 15; parts > 0; parts--) {
    if (at + 4 > bytes.length) return 0
    at += 4 + bytes.readUInt32BE(at)
  }
  return at > 1 && at <= bytes.length ? at : 0
}

/** supervisord: XML-RPC by HTTP on a connection that stays. */
export const xmlRpc: Wire = {
  request(method) {
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params/></methodCall>`
    const head = `POST /RPC2 HTTP/1.1\r\nHost: s\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n`
    return Buffer.from(head + body)
  },
  counter() {
    let rest: Buffer = Buffer.alloc(0)
    return (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const head = rest.indexOf('\r\n\r\n')
      const length = head < 0 ? null : /content-length: (\d+)/i.exec(rest.toString('latin1', 0, head))
      if (!length || rest.length < head + 4 + Number(length[1])) return 0
      rest = rest.subarray(head + 4 + Number(length[1]))
      return 1
    }
  },
}

/** Answers a second, over so many connections with so many calls in flight on each. */
export async function rateOf(
  wire: Wire,
  socket: string,
  method: string,
  { connections = 1, depth = 1, ms = 500 }: { connections?: number; depth?: number; ms?: number },
): Promise<number> {
  const request = wire.request(method)
  const requests = Array.from({ length: depth + 1 }, (_none, n) => Buffer.concat(Array(n).fill(request)))
  const from = process.hrtime.bigint()
  let answers = 0
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const count = wire.counter()
      const connection = connect(socket, () => connection.write(requests[depth] ?? request))
      connection.on('error', reject).on('close', () => resolve())
      connection.on('data', (chunk) => {
        const come = count(chunk)
        answers += come
        if (elapsed(from) >= ms) connection.destroy()
        else if (come > 0) connection.write(requests[come] ?? request)
      })
    })
  await Promise.all(Array.from({ length: connections }, ask))
  return answers / (elapsed(from) / 1000)
}
