// The master's own log: together what was said together, and nothing lost at an end.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openMasterLog } from '../../src/os/master-log.ts'
import { root, sceneOf } from '../helpers/scene.ts'

const messages = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)

test('lines of a turn are written at its end, before anything else can happen; flush and reopen write them at once', async (t) => {
  const file = sceneOf(t).path('master.log')
  const master = await openMasterLog({ file, level: 'info', foreground: false })
  const told: number[] = []
  master.onLine = () => told.push(messages(file).length)
  const next = new Promise((done) => setImmediate(done))
  master.log.info('one')
  master.log.info('two')
  assert.deepEqual(messages(file), [])
  await next
  assert.deepEqual([messages(file), told], [['one', 'two'], [2]])
  master.log.info('three')
  master.flush()
  assert.deepEqual(messages(file), ['one', 'two', 'three'])
  master.log.info('four')
  master.reopen()
  assert.deepEqual(messages(file), ['one', 'two', 'three', 'four'])
})

test('what is said in the turn in which the process ends is written', (t) => {
  const file = sceneOf(t).path('master.log')
  const module = join(root, 'dist/src/os/master-log.js')
  const program = `import { openMasterLog } from ${JSON.stringify(module)}
const { log } = await openMasterLog({ file: ${JSON.stringify(file)}, level: 'info', foreground: true })
log.info('before')
log.fatal('the end')
process.exit(0)`
  const shown = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.deepEqual(messages(file), ['before', 'the end'])
  assert.equal(shown, readFileSync(file, 'utf8'))
})
