// The worker's end of the channel to its master: says hello, takes the welcome, and when the line
// breaks comes back for ever (50 ms, doubling to 2 s), with the worker working on meanwhile. While
// it is open it keeps the process alive; after `end` nothing of it does.
// It carries messages and must not decide which to send: reporter.ts does.

import { connect, type Socket } from 'node:net'
import { lineOf, lineSplitter } from './lines.ts'
import type { FromWorker, ToWorker, Welcome } from './protocol.ts'

const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 2000
/** How long an end waits for the master to take the last words. */
const LAST_WORDS_MS = 1000
/** A welcome carries a whole INI section. The master is trusted: the limit only bounds a mistake. */
const LINE_LIMIT = 16 * 1024 * 1024

export interface ChannelEvents {
  /** Greeted, the first time and after each reconnect. */
  welcome(welcome: Welcome): void
  /** The master reopened its log files. */
  reopen(): void
  /** No line to a master, now and after each try in vain. */
  lost(): void
}

export interface Channel {
  /** Forgets the message when no master listens: the next welcome is the time to tell it again. */
  send(message: FromWorker): void
  /** The master has not yet taken what it was sent. */
  readonly clogged: boolean
  /**
   * Says the last words and closes when the master has read them: it then knows them before it learns that the
   * process is gone. Gives up after a second. On a broken line only a failed boot waits, that second, for a master.
   */
  end(lastWords?: FromWorker): Promise<void>
}

export function openChannel(path: string, token: string, events: ChannelEvents): Channel {
  let socket: Socket | null = null
  let greeted = false
  let ended = false
  let retryMs = RETRY_FIRST_MS
  let retry: NodeJS.Timeout | null = null
  let onGreeted: () => void = () => {}
  open()

  function open(): void {
    const line = connect(path)
    socket = line
    const split = lineSplitter(
      LINE_LIMIT,
      (text) => receive(line, text),
      () => line.destroy(),
    )
    line.on('connect', () => line.write(lineOf({ type: 'hello', token, pid: process.pid } satisfies FromWorker)))
    line.on('data', split)
    // Nothing is lost with it: 'close' follows every error, and tries again.
    line.on('error', () => {})
    line.on('close', () => {
      socket = null
      greeted = false
      if (ended) return
      events.lost()
      retry = setTimeout(open, retryMs)
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
    })
  }

  function receive(line: Socket, text: string): void {
    if (line.destroyed) return
    const message = messageFrom(text)
    switch (message?.type) {
      case 'welcome':
        greeted = true
        retryMs = RETRY_FIRST_MS
        events.welcome(message)
        onGreeted()
        break
      case 'reopen':
        events.reopen()
        break
      case undefined:
        line.destroy()
        break
      // A newer master may know more words than this worker: what it does not know does not concern it.
      default:
        message satisfies never
    }
  }

  return {
    send(message) {
      if (greeted) socket?.write(lineOf(message))
    },
    get clogged() {
      return socket !== null && socket.writableLength > 0
    },
    async end(lastWords) {
      if (!greeted && lastWords?.type === 'bootFailed') {
        await within(LAST_WORDS_MS, (done) => {
          onGreeted = done
        })
      }
      ended = true
      if (retry !== null) clearTimeout(retry)
      const line = socket
      if (line === null) return
      if (greeted) {
        await within(LAST_WORDS_MS, (done) => {
          line.on('close', done)
          line.end(lastWords === undefined ? '' : lineOf(lastWords))
        })
      }
      line.destroy()
    },
  }
}

/** The message of a line; undefined when it is none. */
function messageFrom(text: string): ToWorker | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'type' in value ? (value as ToWorker) : undefined
  } catch {
    // Junk: the caller breaks the line and starts anew.
    return undefined
  }
}

/** Waits until `begin`'s callback is called, so many ms at most. */
function within(ms: number, begin: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    begin(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
