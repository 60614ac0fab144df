// A control socket without a master behind it: real connections, and methods that a test makes up.

import type { TestContext } from 'node:test'
import * as z from 'zod'
import { rpcServer } from '../../src/control/rpc.ts'
import { serveControl } from '../../src/control/server.ts'
import { systemClock } from '../../src/os/clock.ts'
import { hungUp, peerOf } from '../../src/os/libc-io.ts'
import { sceneOf } from './scene.ts'

export interface ControlOptions {
  readonly maxMessage?: number
  readonly lineMs?: number
  readonly unreadMs?: number
  readonly maxClients?: number
  readonly handlers?: Readonly<Record<string, () => unknown>>
}

/** Its path. There is a `ping`. */
export async function controlSocket(
  t: TestContext,
  // A clock that waits for the usual 30 s would keep the test's process.
  { handlers = {}, maxMessage = 1024 * 1024, lineMs = 2_000, ...options }: ControlOptions,
  name = 'c.sock',
) {
  const scene = sceneOf(t)
  const path = scene.path(name)
  const all = { ping: () => 'pong', ...handlers }
  const server = await serveControl({
    path,
    inherited: null,
    mode: 0o600,
    gid: null,
    clock: systemClock(),
    maxClients: 256,
    maxMessage,
    lineMs,
    ...options,
    pages: {
      isStopping: () => false,
      openRpc: () => ({}),
      metrics: async () => ({ type: 'text/plain', parts: (async function* () {})() }),
    },
    rpc: rpcServer({
      handlers: all,
      schemas: Object.fromEntries(Object.keys(all).map((name) => [name, z.looseObject({})])),
      audit: () => undefined,
      failed: () => undefined,
    }),
    peerOf: (fd) => ({ ...peerOf(fd), groups: [] }),
    roleOf: () => 'change',
    hungUp,
    isScarce: () => false,
    log: () => undefined,
  })
  scene.after(() => new Promise<void>((closed) => server.close(closed)))
  return path
}
