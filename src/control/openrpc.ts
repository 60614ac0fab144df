// The OpenRPC 1.3 document of the socket, made of the schemas that check the parameters and of the
// contract's own names; so it cannot say anything else than what the server does.

import * as z from 'zod'
import type { Method } from '../api/contract.ts'
import { codes } from '../errors.ts'
import { wireTypes } from './results.ts'
import { schemas } from './schemas.ts'

/** One sentence a method, and the name of its result's type in `processhandler/client`. */
export const summaries: { readonly [M in Method]: readonly [summary: string, result: string] } = {
  ping: ['Answers "pong".', 'string'],
  info: ['Facts about the master.', 'Info'],
  status: ['Programs and their processes; all, or those named.', 'Program[]'],
  graph: ['Programs in waves of starting, with what each depends on.', 'Graph'],
  start: ['Starts processes and what they depend on; counters of failed starts are cleared.', 'OperationResult'],
  stop: ['Stops processes: stop signal, SIGCONT, SIGKILL when graceful_timeout is over.', 'OperationResult'],
  restart: ['Stops and starts each slot by itself, all at once.', 'OperationResult'],
  reload: ['Replaces processes one after another, by reload_strategy.', 'OperationResult'],
  run: ['Begins a run of a program that ends by itself, and answers when it has ended.', 'RunResult'],
  scale: ['Sets the number of slots of a program; with save, also in the configuration file.', 'ScaleResult'],
  signal: ['Sends a signal to processes.', 'OperationResult'],
  wait: ['Answers when each process has been seen in a state.', 'OperationResult'],
  show: ['Effective configuration of programs, each value with its origin.', 'Shown[]'],
  reread: ['What changed in the configuration file; nothing is done.', 'ConfigDiff'],
  update: ['Carries out what changed in the configuration file.', 'UpdateResult'],
  logs: ['The last lines of logs; with follow, notifications `log` go on.', 'LogsResult'],
  clear: ['Empties log files and removes their archives.', '{ok}'],
  events: ['Subscribes to what happens: notifications `event`.', 'EventsResult'],
  unsubscribe: ['Ends a subscription.', '{ok}'],
  reopen: ['Opens all log files anew.', '{ok}'],
  loglevel: ["Reads or sets the level of the master's log.", '{level}'],
  upgrade: ['Checks the program that stands there now and becomes it, under the same pid; connections close.', '{ok}'],
  shutdown: ['Ends the master; answers when all processes have ended.', '{ok}'],
  'rpc.discover': ['This document.', 'OpenRPC'],
}

export function openRpc(version: string): Readonly<Record<string, unknown>> {
  const { results } = wireTypes()
  return {
    openrpc: '1.3.2',
    info: { title: 'ProcessHandler', version, license: { name: 'MIT' } },
    methods: (Object.keys(schemas) as Method[]).map((name) => {
      const { properties = {}, required = [] } = z.toJSONSchema(schemas[name], { io: 'input' }) as {
        properties?: Record<string, object>
        required?: string[]
      }
      const [summary, result] = summaries[name]
      return {
        name,
        summary,
        paramStructure: 'by-name',
        params: Object.entries(properties).map(([param, schema]) => ({
          name: param,
          required: required.includes(param),
          schema,
        })),
        result: { name: result, schema: resultSchema(results[name]) },
        errors: Object.entries(codes)
          .filter(([, { rpc }]) => rpc > -32100 && rpc < -31999)
          .map(([code, { rpc }]) => ({ code: rpc, message: code })),
      }
    }),
  }
}

/** Without the key that names the dialect: it belongs to the whole document. */
function resultSchema(type: z.ZodType): object {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(type, { io: 'output' })
  return schema
}
