// Command -> handler. A command of the catalog without a handler does not compile.

import type { CommandName } from './catalog.ts'
import { completion } from './completion.ts'
import { check, reread, show, update } from './config.ts'
import type { Handler } from './context.ts'
import { events } from './events.ts'
import { exportFiles } from './export.ts'
import { graph } from './graph.ts'
import { help, version } from './help.ts'
import { importFile } from './import.ts'
import { instances } from './instances.ts'
import { clear, logs } from './logs.ts'
import { call, info, loglevel, ping, reopen, shutdown } from './master.ts'
import { reload, restart, run, scale, signal, start, stop, wait } from './operate.ts'
import { startup } from './startup.ts'
import { pid, status } from './status.ts'
import { top } from './top.ts'
import { upgrade } from './upgrade.ts'

export const handlers: Readonly<Record<CommandName, Handler>> = {
  status,
  top,
  graph,
  show,
  logs,
  events,
  pid,
  info,
  ping,
  instances,
  start,
  stop,
  restart,
  run,
  reload,
  scale,
  signal,
  wait,
  clear,
  check,
  reread,
  update,
  import: importFile,
  export: exportFiles,
  reopen,
  loglevel,
  upgrade,
  shutdown,
  startup,
  call,
  completion,
  help,
  version,
}
