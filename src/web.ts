// The web page of a master, joined to its methods; nothing of it is loaded where `web` is not set.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './config/config.ts'
import { methodsOf, type Room } from './control/methods.ts'
import type { Calls } from './control/metrics.ts'
import { rpcServer } from './control/rpc.ts'
import { schemas } from './control/schemas.ts'
import type { WebServer } from './control/web.ts'
import { messageOf, PhError } from './errors.ts'
import type { MasterLog } from './os/master-log.ts'
import { packageFile } from './package.ts'

export interface WebParts {
  readonly config: Config
  readonly room: Room
  readonly log: MasterLog['log']
  readonly calls: Calls
  /** Processes run already that nobody else looks after: rather no page than no master. */
  readonly mayFail: boolean
}

/** Whoever can read it may use the page. */
export const tokenFile = (runPath: string): string => join(runPath, 'state', 'web-token')

const page = {
  '/': ['index.html', 'text/html'],
  '/page.js': ['page.js', 'text/javascript'],
  '/page.css': ['page.css', 'text/css'],
} as const

/** Null: there shall be none, or, where it may fail, there can be none. */
export async function openWebPage({ config, room, log, calls, mayFail }: WebParts): Promise<WebServer | null> {
  const { web, webControl, runPath, maxMessage } = config.master
  if (web === null) return null
  try {
    const { serveWeb, webMethods } = await import('./control/web.ts')
    const { keptToken } = await import('./os/web-token.ts')
    const handlers = methodsOf(room)
    const server = await serveWeb({
      address: web,
      token: keptToken(tokenFile(runPath)),
      role: webControl ? 'change' : 'look',
      owner: { pid: process.pid, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, groups: [] },
      files: new Map(
        Object.entries(page).map(([path, [name, type]]) => {
          const body = readFileSync(packageFile(`src/page/${name}`), 'utf8')
          return [path, { type: `${type}; charset=utf-8`, body }]
        }),
      ),
      clock: room.clock,
      maxMessage,
      rpc: rpcServer({
        handlers: {
          ...Object.fromEntries(webMethods.map((method) => [method, handlers[method]])),
          scale: (params: Parameters<typeof handlers.scale>[0], caller) => {
            if (params.save) throw new PhError('PH_DENIED', 'cannot save here: the web page writes no files')
            return handlers.scale(params, caller)
          },
        },
        schemas,
        answered: calls.answered,
        audit: (method, params, { from }, denied) =>
          log.info({ audit: true, by: 'web', method, params, from }, denied ? 'denied' : 'called'),
        failed: (method, error) => log.error({ method, err: error }, 'a method failed'),
      }),
      log: (facts, text) => log.warn(facts, text),
    })
    log.info({ url: server.url, token: tokenFile(runPath), control: webControl }, 'web page')
    return server
  } catch (e) {
    if (!mayFail) throw e
    log.error({ err: messageOf(e) }, 'cannot open the web page: this master goes on without')
    return null
  }
}
