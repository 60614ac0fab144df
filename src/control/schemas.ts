// What the parameters of each method must look like: checked here before a method sees them, and
// described by these same schemas in the OpenRPC document. The types tie them to the contract.

import * as z from 'zod'
import { eventTopics, type Method, type Params, processStates } from '../api/contract.ts'

const none = z.strictObject({})
const target = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .describe('`web`, `web:2`, a group, a glob `web-*`, `all`, or a list of those')
const wait = z.boolean().default(true).describe('answer when all is settled')
const timeout = z.number().positive().max(1e9).optional().describe('seconds; then -32004, and the operation goes on')
const operate = z.strictObject({ target, wait, timeout })
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

export const schemas = {
  ping: none,
  info: none,
  status: z.strictObject({ target: target.optional() }),
  graph: none,
  start: operate,
  stop: operate,
  restart: operate,
  reload: operate,
  run: z.strictObject({
    program: z.string().min(1),
    wait: wait.describe('answer when the run has ended'),
    timeout,
  }),
  scale: z
    .strictObject({
      program: z.string().min(1),
      workers: z.int().min(0).max(10_000).optional().describe('the new count'),
      delta: z.int().min(-10_000).max(10_000).optional().describe('more (or fewer) than now'),
      wait,
      timeout,
      save: z.boolean().optional().describe('first write the count into the configuration file'),
    })
    .refine((p) => (p.workers === undefined) !== (p.delta === undefined), 'needs one of workers and delta'),
  signal: z.strictObject({ target, signal: z.union([z.string().min(1), z.int().min(1).max(64)]) }),
  wait: z.strictObject({ target, state: z.enum(processStates), timeout }),
  show: z.strictObject({ target }),
  reread: none,
  update: z.strictObject({ dryRun: z.boolean().default(false), wait }),
  logs: z.strictObject({
    target: target.describe('as for all methods, or `master`'),
    lines: z.int().min(0).max(100_000).optional().describe('of each file, from its end; 100, with `since` all'),
    stream: z.enum(['stdout', 'stderr']).optional(),
    follow: z.boolean().default(false).describe('go on with notifications `log`'),
    since: z.iso.datetime({ offset: true }).optional().describe('only lines from this time on'),
    after: z
      .array(z.strictObject({ path: z.string(), inode: z.int().min(0), offset: z.int().min(0) }))
      .max(10_000)
      .optional()
      .describe('with follow: go on behind these places'),
  }),
  clear: z.strictObject({ target }),
  events: z.strictObject({
    topics: z.array(z.enum(eventTopics)).min(1).optional(),
    since: z.int().min(0).optional().describe('a seq: begin after it'),
  }),
  unsubscribe: z.strictObject({ subscription: z.int().min(1) }),
  reopen: none,
  loglevel: z.strictObject({ level: z.enum(levels).optional() }),
  upgrade: none,
  shutdown: z.strictObject({ wait }),
  'rpc.discover': none,
} satisfies { readonly [M in Method]: z.ZodType<Params<M>> }

/** Parameters as a method gets them: checked, defaults filled in. */
export type Checked<M extends Method> = z.output<(typeof schemas)[M]>
