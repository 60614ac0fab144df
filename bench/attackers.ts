// The hostile clients of the topic `attack`, in a process of their own, so that what they cost here is not taken for
// what they cost the master. Argument: the path of the socket. Attacks until it is killed.

import { createConnection, type Socket } from 'node:net'

const path = process.argv[2] ?? ''
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** A connection; null = refused or gone, which is the master's right. */
function connected(): Promise<Socket | null> {
  return new Promise((done) => {
    const socket = createConnection({ path, allowHalfOpen: true })
    socket.once('connect', () => done(socket))
    socket.on('error', () => done(null))
  })
}

const call = (method: string, id = 1): string => `${JSON.stringify({ jsonrpc: '2.0', id, method })}\n`
const batch = (entries: readonly unknown[]): string => `${JSON.stringify(entries)}\n`
const junk = Array.from({ length: 1000 }, (_, n) => [null, n, [], {}, { jsonrpc: '2.0' }, { id: n, method: 7 }][n % 6])
const asking = Array.from({ length: 1000 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'status' }))

/** Sends, waits for an answer or the end, and lets go. */
async function once(bytes: string | Uint8Array): Promise<void> {
  const socket = await connected()
  if (!socket) return
  const over = new Promise<void>((done) => {
    for (const event of ['data', 'end', 'close']) socket.once(event, () => done())
  })
  socket.write(bytes)
  await Promise.race([over, pause(2000)])
  socket.destroy()
}

async function slowLoris(): Promise<void> {
  const socket = await connected()
  if (!socket) return
  socket.resume()
  while (!socket.destroyed && socket.writable) {
    for (const byte of Buffer.from(call('ping'))) {
      socket.write(Uint8Array.of(byte))
      await pause(50)
    }
  }
}

async function halfOpen(): Promise<void> {
  const socket = await connected()
  if (!socket) return
  socket.end(call('status').repeat(5))
  await pause(2000)
  socket.destroy()
}

async function neverReads(): Promise<void> {
  const socket = await connected()
  if (!socket) return
  socket.pause()
  for (let n = 0; n < 50 && !socket.destroyed; n++) {
    socket.write(call('rpc.discover').repeat(100))
    await pause(20)
  }
  socket.destroy()
}

async function endless(): Promise<void> {
  const socket = await connected()
  if (!socket) return
  socket.resume()
  const chunk = Buffer.alloc(64 * 1024, 'x')
  while (!socket.destroyed && socket.writable) {
    socket.write(chunk)
    await pause(5)
  }
}

async function leaves(): Promise<void> {
  const socket = await connected()
  socket?.write(call('status'))
  socket?.destroy()
}

async function crowd(): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: 1000 }, connected))
  for (const socket of sockets) socket?.resume().write(call('ping'))
  await pause(1000)
  for (const socket of sockets) socket?.destroy()
  await pause(1000)
}

/** Each with how many do it at the same time, and how long each rests. */
const attacks: readonly (readonly [() => Promise<void>, number, number])[] = [
  [slowLoris, 20, 100],
  [halfOpen, 20, 10],
  [neverReads, 5, 10],
  [endless, 2, 10],
  [leaves, 5, 2],
  [crowd, 1, 0],
  [() => once(Buffer.alloc(1_500_000, 'x')), 2, 50],
  [() => once(`${'['.repeat(1_000_000)}\n`), 2, 50],
  [() => once(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), Buffer.from([0xff, 0xc3, 0x0a])])), 5, 5],
  [() => once(batch(junk)), 2, 20],
  [() => once(batch(asking)), 1, 20],
  [() => once(call('status').repeat(2000)), 1, 20],
]

for (const [attack, times, restMs] of attacks) {
  for (let n = 0; n < times; n++) {
    void (async () => {
      for (;;) {
        await attack()
        await pause(restMs)
      }
    })()
  }
}
