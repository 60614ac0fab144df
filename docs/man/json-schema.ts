// The JSON schema of what `phctl --json` prints: of most commands the result of the method of the same name, of the
// rest what stands here.

import * as z from 'zod'
import { type CommandName, catalog } from '../../cli/commands/catalog.ts'
import { eventTopics } from '../../src/api/contract.ts'
import { wireTypes } from '../../src/control/results.ts'

/** `$defs` has a schema for each command, `error` for a failure, and the types that these are made of. */
export function jsonSchema(): object {
  const { types, results } = wireTypes()
  const text = z.string()
  const pid = z.int().nullable()
  const ok = z.strictObject({ ok: z.boolean() })
  const { time, name, stream } = logLine()
  /** Those that print something else than the result of their method. */
  const own: { readonly [Name in CommandName]?: z.ZodType } = {
    logs: z.union([z.strictObject({ time, program: text, name, stream, text }), z.strictObject({ missed: z.int() })]),
    events: z.union([
      z.looseObject({ seq: z.int(), time: z.iso.datetime(), topic: z.enum(eventTopics) }),
      z.strictObject({ missed: z.int() }),
    ]),
    pid: z.union([z.int(), z.array(z.strictObject({ name: text, pid }))]),
    instances: z.array(
      z.strictObject({
        instance: text.nullable(),
        socket: text,
        lives: z.boolean(),
        pid,
        version: text.nullable(),
        config: text.nullable(),
        uptime: z.number().nullable(),
        processes: z.int().nullable(),
        error: text.nullable(),
      }),
    ),
    shutdown: ok,
    upgrade: z.strictObject({ ok: z.boolean(), pid: z.int(), from: text, to: text, upgrades: z.int() }),
    version: z.strictObject({ version: text }),
    check: z.strictObject({
      ok: z.boolean(),
      file: text,
      programs: z.int(),
      processes: z.int(),
      warnings: z.array(z.unknown()),
    }),
  }
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(types)) registry.add(schema, { id })
  const methods: Readonly<Record<string, z.ZodType>> = results
  for (const command of Object.keys(catalog) as CommandName[]) {
    const schema = own[command] ?? methods[command]
    // A list of its own for each: one schema has one name in a registry.
    if (schema) registry.add(schema.meta({}), { id: command })
  }
  registry.add(
    z.strictObject({ error: z.strictObject({ code: z.int(), message: text, data: z.looseObject({ code: text }) }) }),
    { id: 'error' },
  )
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/$defs/${id}`, io: 'output', override: forReaders })
  const defs = Object.entries(schemas).map(([id, { $schema: _of, $id: _id, ...schema }]) => [id, schema] as const)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What phctl --json prints, by command',
    description:
      '$defs/COMMAND is the document that COMMAND prints; of logs, events and status -w the one on each line. $defs/error is that of a failure.',
    $defs: Object.fromEntries(defs),
  }
}

function logLine() {
  return {
    time: z.string().nullable(),
    name: z.string(),
    stream: z.enum(['stdout', 'stderr']).nullable(),
  }
}

/** What zod adds for machines, and says nothing to people: the expression of a date, the greatest integer of JavaScript. */
function forReaders({ jsonSchema: schema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (schema.format === 'date-time') delete schema.pattern
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
}
