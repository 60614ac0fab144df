// The worker that serves HTTP on its listeners: handleRequest(request, response), or an app of a
// framework that runs on Node's http. Told to stop it loses nothing: it stops listening but keeps its
// connections, says in each answer that it was the last, then closes those that ask no more, and cuts
// what is left shortly before SIGKILL. http.Server's own close() would first close every connection
// whose next request is on its way.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainTimes } from './draining.ts'
import { theHost } from './host.ts'
import type { HttpApp, HttpListener } from './http-app.ts'
import { type Requests, requestsOf } from './requests.ts'
import { ENDING, KIND, OPEN, Worker } from './worker.ts'

const BACKLOG = 511
const IDLE_EVERY_MS = 50

export class HttpWorker extends Worker {
  static override readonly [KIND]: string = 'http'

  readonly #requests: Requests = requestsOf(this)
  readonly #responses = new Set<ServerResponse>()
  #servers: readonly Server[] = []
  #draining = false
  #times: DrainTimes = { lastCallsMs: 0, cutMs: 0 }
  #broken: (e: Error) => void = () => {}
  readonly #brokenOff = new Promise<never>((_, reject) => {
    this.#broken = reject
  })

  /** One request. A throw is logged, counted and answered with 500. Or write `createApp()` or `get app()` instead. */
  override handleRequest(_request: IncomingMessage, _response: ServerResponse): void | Promise<void> {
    return super.handleRequest()
  }

  override async [OPEN](): Promise<void> {
    this.#brokenOff.catch(() => {}) // run() awaits it; before that it must not count as unhandled
    if (this.listeners.length === 0) {
      throw new Error('cannot serve HTTP: the section has neither bind nor unix_socket')
    }
    // Not before: most workers are of another kind, and every file costs time at the start.
    const [{ createServer }, { drainTimes }] = await Promise.all([import('node:http'), import('./draining.ts')])
    this.#times = drainTimes()
    const listener = await this.#listener()
    const backlog = theHost()?.backlog ?? BACKLOG
    this.#servers = this.listeners.map(({ fd }) => {
      const server = createServer((request, response) => void this.#serve(listener, request, response))
      server.on('error', this.#broken)
      return server.listen({ fd, backlog })
    })
  }

  override async run(): Promise<void> {
    await Promise.race([this[ENDING], this.#brokenOff])
    const { lastCallsMs, cutMs } = this.#times
    const begun = performance.now()
    let open = this.#servers.length
    const closed = new Promise<void>((resolve) => {
      for (const server of this.#servers) NetServer.prototype.close.call(server, () => --open === 0 && resolve())
    })
    this.#draining = true
    for (const response of this.#responses) response.shouldKeepAlive = false
    await Promise.race([closed, sleep(lastCallsMs)])
    while (open > 0 && performance.now() - begun < cutMs) {
      // What has arrived is read before idle connections are looked for.
      await new Promise((resolve) => setImmediate(resolve))
      for (const server of this.#servers) server.closeIdleConnections()
      await Promise.race([closed, sleep(IDLE_EVERY_MS)])
    }
    if (open === 0) return
    this.logger.warn({ requests: this.#requests.inFlight }, 'cut requests that took longer than graceful_timeout')
    for (const server of this.#servers) server.closeAllConnections()
  }

  async #listener(): Promise<HttpListener> {
    const { app, createApp } = this as {
      readonly app?: HttpApp | Promise<HttpApp>
      readonly createApp?: () => HttpApp | Promise<HttpApp>
    }
    const { httpListener } = await import('./http-app.ts')
    if (createApp !== undefined) return httpListener(await createApp.call(this))
    if (app !== undefined) return httpListener(await app)
    return (request, response) => this.handleRequest(request, response)
  }

  async #serve(listener: HttpListener, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ended = this.#requests.begin()
    let failed = false
    this.#responses.add(response)
    if (this.#draining) response.shouldKeepAlive = false
    response.once('close', () => {
      this.#responses.delete(response)
      ended(failed || response.statusCode >= 500)
    })
    try {
      await listener(request, response)
    } catch (err) {
      failed = true
      this.logger.error({ err, method: request.method, url: request.url }, 'handleRequest failed')
      answerFailure(response)
    }
  }
}

function answerFailure(response: ServerResponse): void {
  if (response.destroyed || response.writableEnded) return
  // Half an answer cannot be taken back: the client must see that it is one.
  if (response.headersSent) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error\n')
}
