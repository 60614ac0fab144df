// What a client speaks, by the first byte of it that ends no line: a capital letter begins a request of HTTP/1.1,
// and no JSON text. Until then it has said nothing, and may go on so for as long as it likes.

import type { Socket } from 'node:net'

export type Speech = 'http' | 'lines'

const CR = 0x0d
const LF = 0x0a

/** `begin` finds all that was said still to be read, and the socket paused. */
export function greet(socket: Socket, begin: (speech: Speech) => void): void {
  const hear = (chunk: Buffer): void => {
    const first = chunk.find((byte) => byte !== CR && byte !== LF)
    if (first === undefined) return
    socket.off('data', hear)
    socket.off('end', leave)
    socket.pause()
    socket.unshift(chunk)
    begin(first >= 0x41 && first <= 0x5a ? 'http' : 'lines')
  }
  const leave = (): void => void socket.end()
  socket.on('data', hear)
  socket.on('end', leave)
}
