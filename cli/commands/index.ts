// Command -> handler. A command of the catalog without a handler does not compile. Only the one that is called is
// loaded: to load all of them takes longer than most need.

import type { CommandName } from './catalog.ts'
import type { Handler } from './context.ts'

export const handlers: Readonly<Record<CommandName, Handler>> = {
  status: later(async () => (await import('./status.ts')).status),
  top: later(async () => (await import('./top.ts')).top),
  graph: later(async () => (await import('./graph.ts')).graph),
  show: later(async () => (await import('./config.ts')).show),
  logs: later(async () => (await import('./logs.ts')).logs),
  events: later(async () => (await import('./events.ts')).events),
  pid: later(async () => (await import('./status.ts')).pid),
  info: later(async () => (await import('./master.ts')).info),
  ping: later(async () => (await import('./master.ts')).ping),
  instances: later(async () => (await import('./instances.ts')).instances),
  start: later(async () => (await import('./operate.ts')).start),
  stop: later(async () => (await import('./operate.ts')).stop),
  restart: later(async () => (await import('./operate.ts')).restart),
  run: later(async () => (await import('./operate.ts')).run),
  reload: later(async () => (await import('./operate.ts')).reload),
  scale: later(async () => (await import('./operate.ts')).scale),
  signal: later(async () => (await import('./operate.ts')).signal),
  wait: later(async () => (await import('./operate.ts')).wait),
  clear: later(async () => (await import('./logs.ts')).clear),
  check: later(async () => (await import('./config.ts')).check),
  reread: later(async () => (await import('./config.ts')).reread),
  update: later(async () => (await import('./config.ts')).update),
  import: later(async () => (await import('./import.ts')).importFile),
  export: later(async () => (await import('./export.ts')).exportFiles),
  reopen: later(async () => (await import('./master.ts')).reopen),
  loglevel: later(async () => (await import('./master.ts')).loglevel),
  upgrade: later(async () => (await import('./upgrade.ts')).upgrade),
  shutdown: later(async () => (await import('./master.ts')).shutdown),
  startup: later(async () => (await import('./startup.ts')).startup),
  call: later(async () => (await import('./master.ts')).call),
  completion: later(async () => (await import('./completion.ts')).completion),
  help: later(async () => (await import('./help.ts')).help),
  version: later(async () => (await import('./help.ts')).version),
}

function later(load: () => Promise<Handler>): Handler {
  return async (ctx) => (await load())(ctx)
}
