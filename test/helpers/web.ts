// Clients of what programs serve: one connection a request, over TCP or a Unix socket.

import { request } from 'node:http'
import { createServer } from 'node:net'

/** A port that nobody listens on just now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

export type Place = { readonly port: number; readonly host?: string } | { readonly socketPath: string }

/** The body of the answer; rejects when there is none. */
export function get(place: Place, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', ...place, path, agent: false, timeout: 20_000 }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
      response.on('error', reject)
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer within 20 s')))
    asked.on('error', reject)
    asked.end()
  })
}

export interface Load {
  /** Stops asking, and waits for the last answers. */
  end(): Promise<void>
  readonly answered: number
  readonly failures: readonly string[]
}

/** So many clients that ask again and again, each over a new connection. */
export const load = (place: Place, clients: number): Load =>
  loadOf(clients, () => ({ ask: () => get(place), end: () => undefined }))

export interface AskingClient {
  ask(): Promise<unknown>
  end(): void
}

/** So many clients that ask again and again; what fails is noted, and they go on. */
export function loadOf(clients: number, clientOf: () => AskingClient): Load {
  let on = true
  const tally = { answered: 0, failures: [] as string[] }
  const one = async (): Promise<void> => {
    const client = clientOf()
    while (on) {
      try {
        await client.ask()
        tally.answered++
      } catch (e) {
        tally.failures.push(String(e))
      }
    }
    client.end()
  }
  const all = Promise.all(Array.from({ length: clients }, one))
  return {
    async end() {
      on = false
      await all
    },
    get answered() {
      return tally.answered
    },
    failures: tally.failures,
  }
}
