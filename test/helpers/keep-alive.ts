// HTTP clients that keep their connection, as browsers, proxies and pools do: each asks again and again
// over it, and over a new one when the answer said that it was the last.

import { Agent, request } from 'node:http'
import { type Load, loadOf, type Place } from './web.ts'

/** @param pauseMs between two requests: the connection is idle then. */
export const keepAliveLoad = (place: Place, clients: number, pauseMs = 0): Load =>
  loadOf(clients, () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    let first = true
    return {
      async ask() {
        if (!first && pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
        first = false
        await ask(place, agent)
      },
      end: () => agent.destroy(),
    }
  })

function ask(place: Place, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', ...place, agent, timeout: 20_000 }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`))
      response.on('end', resolve).on('error', reject).resume()
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer within 20 s')))
    asked.on('error', reject)
    asked.end()
  })
}
