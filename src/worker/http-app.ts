// What frameworks call an app, as one function of Node's request and response: a function (plain
// Node, express, connect, koa's callback(), the listener of @hono/node-server), or fastify's instance.
// It knows frameworks by their shape alone and imports none.

import type { IncomingMessage, ServerResponse } from 'node:http'

export type HttpListener = (request: IncomingMessage, response: ServerResponse) => unknown

export type HttpApp =
  | HttpListener
  | {
      ready?(): unknown
      routing(request: IncomingMessage, response: ServerResponse): unknown
    }

/** Waits until the app is ready. */
export async function httpListener(app: unknown): Promise<HttpListener> {
  if (typeof app === 'function') return (request, response) => (app as HttpListener)(request, response)
  if (isFastify(app)) {
    await app.ready?.()
    return (request, response) => app.routing(request, response)
  }
  const hint = has(app, 'fetch') ? ': for hono return getRequestListener(app.fetch) of @hono/node-server' : ''
  throw new Error(
    `cannot serve HTTP: the app is neither a function (request, response) nor a fastify instance (got ${kindOf(app)})${hint}`,
  )
}

const isFastify = (app: unknown): app is Exclude<HttpApp, HttpListener> => has(app, 'routing')

const has = (app: unknown, method: string): boolean =>
  typeof app === 'object' && app !== null && typeof (app as Record<string, unknown>)[method] === 'function'

const kindOf = (value: unknown): string => (value === null ? 'null' : typeof value)
