// The OpenRPC document says what the server does: it is valid, it names the contract's methods and
// parameters, and its schemas judge as the server judges.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { Ajv, type AnySchemaObject } from 'ajv'
import type { Method } from '../../src/api/contract.ts'
import { openRpc, summaries } from '../../src/control/openrpc.ts'
import { schemas } from '../../src/control/schemas.ts'
import { codes } from '../../src/errors.ts'
import { packageFile } from '../../src/package.ts'

// Their types name other exports than the modules have.
const load = createRequire(import.meta.url)
const { openrpcDocument } = load('@open-rpc/meta-schema') as { openrpcDocument: AnySchemaObject }
const { jsonSchema } = load('@json-schema-tools/meta-schema') as { jsonSchema: AnySchemaObject }

interface Document {
  readonly methods: readonly {
    readonly name: Method
    readonly params: readonly { readonly name: string; readonly required: boolean; readonly schema: AnySchemaObject }[]
    readonly errors: readonly { readonly code: number; readonly message: string }[]
  }[]
}

const document = openRpc('1.2.3')
const { methods } = document as unknown as Document

/** `interface Methods` of the contract, read from its text: the names of each method's parameters, `?` where optional. */
function contractOfText(): Record<string, string[]> {
  const text = readFileSync(packageFile('src/api/contract.ts'), 'utf8')
  const body = /export interface Methods \{\n([\s\S]*?)\n\}/.exec(text)?.[1] ?? ''
  const named: Readonly<Record<string, string[]>> = {
    NoParams: [],
    TargetParams: ['target'],
    OperateParams: ['target', 'timeout?', 'wait?'],
  }
  const found: Record<string, string[]> = {}
  for (const [, name = '', rest = ''] of body.matchAll(
    /^ {2}'?([\w.]+)'?: \{([\s\S]*?)(?=^ {2}'?[\w.]+'?: \{|$(?![\s\S]))/gm,
  )) {
    const params = /params: ([\s\S]*?)[;\n]\s*result/.exec(rest)?.[1] ?? ''
    const own = [...params.matchAll(/readonly (\w+\??):/g)].map((m) => m[1] ?? '')
    const shared = Object.entries(named).flatMap(([type, names]) => (params.includes(type) ? names : []))
    found[name] = [...shared, ...own].sort()
  }
  return found
}

test('the document is valid OpenRPC', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema(jsonSchema, 'https://meta.json-schema.tools')
  const { $schema: _, ...meta } = openrpcDocument
  const valid = ajv.validate(meta, document)
  assert.ok(valid, ajv.errorsText())
  assert.equal(ajv.validate(meta, { ...document, methods: [{ name: 'x' }] }), false, 'the check itself can fail')
})

test('it survives JSON, and says its version', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document)
  assert.deepEqual((document as { info: { version: string } }).info.version, '1.2.3')
})

test('it names the methods of the contract, and no later ones', () => {
  const names = methods.map((m) => m.name)
  assert.deepEqual([...names].sort(), Object.keys(contractOfText()).sort())
  assert.deepEqual([...names].sort(), Object.keys(summaries).sort())
})

test('each method has the parameters of the contract, required where that says so', () => {
  const contract = contractOfText()
  for (const { name, params } of methods) {
    const words = params.map((p) => (p.required ? p.name : `${p.name}?`)).sort()
    assert.deepEqual(words, contract[name], name)
  }
})

test('every error that can come over the wire is listed', () => {
  const wire = Object.entries(codes).filter(([, { rpc }]) => rpc <= -32000 && rpc >= -32099)
  for (const { name, errors } of methods) {
    assert.deepEqual(
      errors.map((e) => [e.message, e.code]),
      wire.map(([code, { rpc }]) => [code, rpc]),
      name,
    )
  }
})

const values: readonly unknown[] = [
  'web',
  '',
  0,
  1,
  -1,
  1.5,
  64,
  65,
  10_001,
  true,
  null,
  [],
  ['web'],
  [''],
  {},
  'RUNNING',
  'running',
  'stdout',
  'debug',
  1e10,
]

test('the published schema of each parameter judges as the server does', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false })
  const fill: Readonly<Record<string, unknown>> = {
    target: 'web',
    program: 'web',
    signal: 'TERM',
    state: 'RUNNING',
    subscription: 1,
    workers: 1,
  }
  let refused = 0
  for (const { name, params } of methods) {
    for (const { name: param, schema } of params) {
      const published = ajv.compile(schema)
      for (const value of values) {
        const others = params.filter(
          (p) => p.required || (name === 'scale' && p.name === 'workers' && param !== 'delta'),
        )
        const given = { ...Object.fromEntries(others.map((p) => [p.name, fill[p.name]])), [param]: value }
        const { success } = schemas[name].safeParse(given)
        assert.equal(published(value), success, `${name} ${JSON.stringify(given)}`)
        if (!success) refused++
      }
    }
  }
  assert.ok(refused > 100, 'the values are bad enough')
})

test('unknown names are refused by every method', () => {
  for (const { name } of methods) assert.equal(schemas[name].safeParse({ nope: 1 }).success, false, name)
})

test('scale takes one of workers and delta', () => {
  const judge = (params: object): boolean => schemas.scale.safeParse({ program: 'web', ...params }).success
  assert.deepEqual(
    [judge({}), judge({ workers: 1, delta: 1 }), judge({ workers: 0 }), judge({ delta: -1 })],
    [false, false, true, true],
  )
})

test('what is left out gets its default', () => {
  assert.deepEqual(schemas.start.parse({ target: 'web' }), { target: 'web', wait: true })
  assert.deepEqual(schemas.update.parse({}), { dryRun: false, wait: true })
  assert.deepEqual(schemas.shutdown.parse({}), { wait: true })
})
