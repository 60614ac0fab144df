// HTTP on the control socket: told apart by its first byte, and refused in its own words.

import type { Socket } from 'node:net'

/** A request line of HTTP/1.1 begins with a capital letter; no JSON text does. */
export const isHttp = (line: Buffer): boolean => line.length > 0 && (line[0] ?? 0) >= 0x41 && (line[0] ?? 0) <= 0x5a

/** Says in HTTP that only JSON-RPC is spoken here. */
export function refuseHttp(socket: Socket): void {
  const body = 'HTTP on this socket is not available in this version; speak JSON-RPC 2.0, one JSON text a line.\n'
  socket.end(
    `HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}
