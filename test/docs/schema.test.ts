// docs/phctl.schema.json is what the types say, and what phctl --json prints is what it says: with a real master.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { jsonSchema } from '../../docs/man/json-schema.ts'
import { openRpc } from '../../src/control/openrpc.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { text } from './pages.ts'

const schema = JSON.parse(text('docs/phctl.schema.json')) as { $defs: Record<string, object> }

test('the schema in docs is that of the types (npm run schema writes it)', () => {
  assert.deepEqual(schema, JSON.parse(JSON.stringify(jsonSchema())))
})

const ajv = new Ajv2020({ strict: false, validateFormats: false })
ajv.addSchema({ ...schema, $id: 'phctl' })

/** What is wrong with the document of a command; null = nothing. */
function fault(command: string, document: unknown): string | null {
  const check = ajv.getSchema(`phctl#/$defs/${command}`)
  assert.ok(check, `no schema of ${command}`)
  return check(document) ? null : `${command}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(document)}`
}

test('what phctl --json prints for each command', async (t) => {
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\nlog_format = json\nready = tcp:127.0.0.1:1\nhealth_check = exec:true\n` +
      '[bad]\ncommand = sh -c "echo oh; exit 3"\n[task]\ncommand = true\nautorestart = never\n[cron]\ncommand = true\nschedule = @daily\n',
  )
  await master.call('wait', { target: 'bad', state: 'BACKOFF' })
  await master.call('wait', { target: 'task', state: 'EXITED' })
  const lines: readonly string[] = [
    'status',
    'graph',
    'show all',
    'logs all',
    'pid',
    'pid web',
    'info',
    'ping',
    'start task',
    'stop web',
    'restart task',
    'reload cron',
    'run task',
    'scale web 2',
    'signal CONT all',
    'wait task --state EXITED',
    'clear bad',
    'reread',
    'update',
    'reopen',
    'loglevel',
    'version',
    `check ${master.scene.path('config.ini')}`,
    'instances',
    'shutdown',
  ]
  for (const line of lines) {
    const { stdout } = await master.phctl('--json', ...line.split(' '))
    for (const one of stdout.split('\n').filter((text) => text !== '')) {
      const document = JSON.parse(one) as object
      const isError = !Array.isArray(document) && Object.keys(document).join() === 'error'
      assert.equal(fault(isError ? 'error' : (line.split(' ')[0] ?? ''), document), null)
    }
  }
  assert.notEqual(fault('status', [{ program: 'web' }]), null, 'a schema that refuses nothing says nothing')
  await master.ended
})

test('the OpenRPC document describes results by the same types', () => {
  const { methods } = openRpc('1') as { methods: { name: string; result: { schema: object } }[] }
  for (const { name, result } of methods) assert.ok(Object.keys(result.schema).length > 0, name)
})
