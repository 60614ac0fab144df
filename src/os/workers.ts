// The master's end of the worker channel: listens on a Unix socket in run_path, lets in whoever
// shows a token that was given out and comes from the pid it was given to, greets it, and turns its
// lines into events. Workers come back by themselves, so the same calls serve a first start, an
// adoption and an upgrade. It must not decide anything: what an event means is the supervisor's.

import { accessSync, constants, lchownSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import type { Account } from '../core/identity.ts'
import { messageOf } from '../errors.ts'
import { lineOf, lineSplitter } from '../worker/lines.ts'
import type { Counters, FromWorker, ToWorker, Welcome } from '../worker/protocol.ts'
import { messageFrom } from './worker-words.ts'

const LINE_LIMIT = 64 * 1024
/** sun_path, without its NUL; the kernel's own limit, beyond which libuv cuts in silence. */
const PATH_BYTES = 107
/** For the workers of another user. */
const USER_SOCKET = /^w\d+\.sock$/
/** So many different troubles are remembered, to say each of them once. */
const TROUBLES = 256

export interface WorkerEvents {
  /** Takes requests. Comes again after a reconnect. */
  ready(pid: number): void
  /** Exits with 3 after it. */
  bootFailed(pid: number, message: string): void
  beat(pid: number, counters: Counters): void
  /** Asks to be replaced. Comes again with each beat. */
  recycle(pid: number, requests: number): void
  /** Somebody was refused, in words; the same words come once. */
  trouble(text: string): void
}

export interface WorkerChannel {
  /** The socket for workers of that user, its own and 0600; null = for those of ours. Throws a system error. */
  pathFor(owner: Account | null): string
  /** Before the spawn: who shows this token gets this welcome, once its pid is bound. */
  expect(token: string, welcome: Welcome): void
  /** After the spawn (or an adoption): the token belongs to this process. */
  bind(token: string, pid: number): void
  /** The process is gone, or never came to be. */
  forget(token: string): void
  /** Tells all workers that log files were reopened. */
  reopen(): void
  /** Breaks all lines and removes the socket; workers go on and knock until a next master listens. */
  close(): void
}

/** What a token stands for. */
interface Expected {
  welcome: Welcome
  pid: number | null
  /** Said hello and was let in, or waits for bind. */
  line: Line | null
}

interface Line {
  readonly socket: Socket
  /** By the kernel's word. */
  readonly peer: number
  expected: Expected | null
  greeted: boolean
}

/**
 * Listens at once; the caller holds the lock of run_path, so a socket that lies there is stale.
 * @param peerPid the pid at the other end of a connected socket (SO_PEERCRED).
 */
export function listenForWorkers(path: string, events: WorkerEvents, peerPid: (fd: number) => number): WorkerChannel {
  const expectations = new Map<string, Expected>()
  const lines = new Set<Line>()
  const said = new Set<string>()
  /** By path. */
  const servers = new Map<string, Server>()
  const listenAt = (at: string): void => {
    const server = listen(at, accept, (e) => trouble(`the worker channel ${at}: ${e.message}`))
    servers.set(at, server)
  }
  listenAt(path)
  // Of an earlier master: those that are still used are made anew.
  const others = readdirSync(dirname(path)).filter((name) => USER_SOCKET.test(name))
  for (const name of others) rmSync(join(dirname(path), name), { force: true })

  function trouble(text: string): void {
    if (said.has(text)) return
    if (said.size >= TROUBLES) said.clear()
    said.add(text)
    events.trouble(text)
  }

  function accept(socket: Socket): void {
    // 'close' follows each error; a worker that died in the middle of a word is no trouble of its own.
    socket.on('error', () => {})
    const peer = peerOf(socket)
    if (peer === null) return
    const line: Line = { socket, peer, expected: null, greeted: false }
    lines.add(line)
    const split = lineSplitter(
      LINE_LIMIT,
      (text) => receive(line, text),
      () => refuse(line, `sent a line of more than ${LINE_LIMIT} bytes`),
    )
    socket.on('data', split)
    socket.on('close', () => {
      lines.delete(line)
      if (line.expected?.line === line) line.expected.line = null
    })
  }

  function peerOf(socket: Socket): number | null {
    try {
      return peerPid(fdOf(socket))
    } catch (e) {
      socket.destroy()
      trouble(`cannot tell who connects to the worker channel: ${messageOf(e)}`)
      return null
    }
  }

  function refuse(line: Line, why: string): void {
    line.socket.destroy()
    trouble(`cannot let process ${line.peer} use the worker channel: it ${why}`)
  }

  function receive(line: Line, text: string): void {
    if (line.socket.destroyed) return
    const message = messageFrom(text)
    if (message === null) refuse(line, `sent what is no message: ${text.slice(0, 80)}`)
    else if (message.type === 'hello') hello(line, message.token, message.pid)
    else if (line.greeted) tell(line.peer, message)
    else refuse(line, `sent "${message.type}" before it was greeted`)
  }

  function tell(pid: number, message: Exclude<FromWorker, { type: 'hello' }>): void {
    switch (message.type) {
      case 'ready':
        events.ready(pid)
        break
      case 'bootFailed':
        events.bootFailed(pid, message.message)
        break
      case 'beat': {
        const { type: _, ...counters } = message
        events.beat(pid, counters)
        break
      }
      case 'recycle':
        events.recycle(pid, message.requests)
        break
      default:
        message satisfies never
    }
  }

  function hello(line: Line, token: string, pid: number): void {
    const expected = expectations.get(token)
    if (line.expected !== null) refuse(line, 'said hello twice')
    else if (expected === undefined) refuse(line, 'shows a token that nobody waits for')
    else if (pid !== line.peer) refuse(line, `calls itself ${pid}`)
    else if (expected.pid !== null && expected.pid !== pid) refuse(line, `shows the token of process ${expected.pid}`)
    else letIn(line, expected)
  }

  function letIn(line: Line, expected: Expected): void {
    // A worker has one line: with a new one the old one is dead, whether we know it or not.
    const old = expected.line
    line.expected = expected
    expected.line = line
    old?.socket.destroy()
    if (expected.pid !== null) greet(line, expected)
  }

  function greet(line: Line, expected: Expected): void {
    line.greeted = true
    line.socket.write(lineOf(expected.welcome satisfies ToWorker))
  }

  return {
    pathFor(owner) {
      if (owner === null || owner.uid === process.geteuid?.()) return path
      const at = join(dirname(path), `w${owner.uid}.sock`)
      if (!servers.has(at)) {
        listenAt(at)
        lchownSync(at, owner.uid, owner.gid)
      }
      return at
    },
    expect(token, welcome) {
      const known = expectations.get(token)
      if (known === undefined) expectations.set(token, { welcome, pid: null, line: null })
      else known.welcome = welcome
    },
    bind(token, pid) {
      const expected = expectations.get(token)
      if (expected === undefined) throw new Error(`cannot bind process ${pid}: its token is not expected`)
      expected.pid = pid
      const { line } = expected
      if (line === null || line.greeted) return
      if (line.peer === pid) return greet(line, expected)
      expected.line = null
      refuse(line, `shows the token of process ${pid}`)
    },
    forget(token) {
      expectations.get(token)?.line?.socket.destroy()
      expectations.delete(token)
    },
    reopen() {
      const text = lineOf({ type: 'reopen' } satisfies ToWorker)
      for (const line of lines) if (line.greeted) line.socket.write(text)
    },
    close() {
      for (const server of servers.values()) server.close()
      for (const line of lines) line.socket.destroy()
      expectations.clear()
    },
  }
}

/** A socket that is 0600 from its birth on. */
function listen(path: string, accept: (socket: Socket) => void, failed: (e: Error) => void): Server {
  if (Buffer.byteLength(path) > PATH_BYTES) {
    throw new Error(`cannot listen for workers on ${path}: longer than ${PATH_BYTES} bytes`)
  }
  accessSync(dirname(path), constants.W_OK | constants.X_OK)
  rmSync(path, { force: true })
  const server = createServer(accept)
  server.on('error', failed)
  const umask = process.umask(0o177)
  try {
    // Binds before it returns, as the path needs no lookup.
    server.listen(path)
  } finally {
    process.umask(umask)
  }
  if (!server.listening) throw new Error(`cannot listen for workers on ${path}`)
  return server
}

function fdOf(socket: Socket): number {
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle
  return fd
}
