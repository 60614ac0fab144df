// scale --save: what the file says, what runs and what is in force stay one and the same.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../src/api/client.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { PhError } from '../../src/errors.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const section = (name: string, more = ''): string => `[${name}]\ncommand = sleep 600\n${more}`
const text = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 1\n`
const nothing = { added: [], changed: [], removed: [], master: [] }

async function desired(master: Master): Promise<number | undefined> {
  return (await master.call('status', { target: 'web' }))[0]?.desired
}

async function unchanged(master: Master): Promise<void> {
  const { unchanged: _, ...diff } = await master.call('reread', {})
  assert.deepEqual(diff, nothing)
}

test('the file has the count, a reread finds nothing, an update undoes nothing', async (t) => {
  const master = await startMaster(t, text)
  const ran = await master.phctl('scale', 'web', '3', '--save')
  assert.equal(ran.code, 0, ran.stderr)
  const where = `saved in ${master.dir}/config.ini:5, where 1 stood`
  assert.match(ran.stdout, new RegExp(`^web: 1 -> 3 processes\n${where}\nweb:1 +RUNNING`))
  assert.equal(master.scene.read('config.ini'), text.replace('= 1', '= 3'))
  await unchanged(master)
  assert.deepEqual((await master.call('update', {})).results, [])
  assert.equal(await desired(master), 3)

  // An edit by hand is carried out as ever, and the count that was saved is the one it is compared with.
  master.scene.write('config.ini', text.replace('= 1', '= 2'))
  assert.ok((await master.call('update', {})).ok)
  assert.equal(await desired(master), 2)
})

test('a new line below the header moves the places that show tells', async (t) => {
  const main = `[include]\nfiles = conf.d/*.ini\n${quick}`
  const master = await startMaster(t, `${main}${section('api')}`)
  master.scene.write('conf.d/web.ini', section('web', 'stop_signal = INT\n'))
  assert.ok((await master.call('update', {})).ok)
  const saved = await master.call('scale', { program: 'web', delta: 1, save: true })
  const file = master.scene.path('conf.d/web.ini')
  assert.deepEqual(saved.saved, { file, line: 2, replaced: null })
  assert.equal(
    master.scene.read('conf.d/web.ini'),
    '[web]\nnumber_workers = 2\ncommand = sleep 600\nstop_signal = INT\n',
  )
  const [shown] = await master.call('show', { target: 'web' })
  const origins = new Map(shown?.settings.map(({ key, value, origin }) => [key, `${value} ${origin}`]))
  assert.equal(origins.get('number_workers'), `2 ${file}:2`)
  assert.equal(origins.get('stop_signal'), `INT ${file}:4`)
  await unchanged(master)
})

test('many at once: a whole file at every moment, and the last count stands in it', async (t) => {
  const master = await startMaster(t, text)
  const others = await Promise.all(Array.from({ length: 4 }, () => connect(master.socket)))
  let open = true
  const seen = new Set<string>()
  const reader = (async () => {
    while (open) {
      seen.add(master.scene.read('config.ini'))
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  const calls = others.flatMap((client, n) =>
    [0, 1, 2].map((m) => client.call('scale', { program: 'web', workers: 2 + ((n * 3 + m) % 5), save: true })),
  )
  const deltas = others.map((client) => client.call('scale', { program: 'web', delta: 1, save: true }))
  const results = await Promise.all([...calls, ...deltas])
  open = false
  await reader
  for (const client of others) client.close()
  assert.ok(results.every((r) => r.ok && r.saved))
  const count = await desired(master)
  assert.equal(master.scene.read('config.ini'), text.replace('= 1', `= ${count}`))
  assert.ok(seen.size > 1)
  for (const each of seen) assert.equal(each.replace(/= \d+\n$/, '= 1\n'), text)
  await unchanged(master)
})

test('counts that add up: each is asked for when its turn has come', async (t) => {
  const master = await startMaster(t, text)
  const results = await Promise.all(
    [1, 1, 1].map((delta) => master.call('scale', { program: 'web', delta, save: true, wait: false })),
  )
  assert.deepEqual(
    results.map(({ from, to, saved }) => [from, to, saved?.replaced]),
    [
      [1, 2, '1'],
      [2, 3, '2'],
      [3, 4, '3'],
    ],
  )
  assert.equal(loadConfig(master.scene.path('config.ini')).programs.get('web')?.spec.workers, 4)
  await until('four', async () => (await master.call('status', { target: 'web' }))[0]?.running === 4)
})

test('what cannot be saved is not scaled', async (t) => {
  const master = await startMaster(t, text)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const broken = `${text}number_worker = 3\n`
  master.scene.write('config.ini', broken)
  const ran = await master.phctl('scale', 'web', '3', '--save')
  assert.equal(ran.code, 6)
  assert.match(ran.stderr, /config\.ini:6: \[web\] number_worker: .*did you mean number_workers/)
  assert.equal(master.scene.read('config.ini'), broken)

  master.scene.write('config.ini', `${quick}${section('api')}`)
  for (const wait of [true, false]) {
    await assert.rejects(
      master.call('scale', { program: 'web', workers: 3, save: true, wait }),
      (e: PhError) => e.code === 'PH_CONFLICT' && /no such section/.test(e.message),
    )
  }
  assert.equal(await desired(master), 1)
  master.scene.write('config.ini', text)
  await unchanged(master)
})

test("an SDK worker's new processes read the count that was saved", async (t) => {
  const worker = `import { SyncWorker } from 'processhandler/worker'
    export default class Tells extends SyncWorker {
      setup() { process.stdout.write(this.cfg.number_workers + ' ' + this.cfg.numprocs + '\\n') }
      handleRequest() { return new Promise((resolve) => setTimeout(resolve, 10)) }
    }`
  const ini = `${quick}[tells]\nworker = tells\nnumprocs = 1\n`
  sceneOf(t).write('tells.mjs', worker)
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'tells', state: 'RUNNING' })
  await master.call('scale', { program: 'tells', workers: 2, save: true })
  assert.equal(master.scene.read('config.ini'), ini.replace('numprocs = 1', 'numprocs = 2'))
  await unchanged(master)
  const told = await until('two words', () => {
    const lines = master.lines('tells.log').filter((line) => /^\d \d$/.test(line))
    return lines.length === 2 && lines
  })
  assert.deepEqual(told, ['1 1', '2 2'])
})

test('a count below 0 in its turn is told to its caller, and the master goes on', async (t) => {
  const master = await startMaster(t, text.replace('start_seconds = 50ms', 'start_seconds = 1'))
  const up = master.call('scale', { program: 'web', workers: 2 })
  const down = master.call('scale', { program: 'web', delta: -5 })
  const next = master.call('scale', { program: 'web', workers: 3, wait: false, save: true })
  await assert.rejects(down, (e: PhError) => e.code === 'PH_PARAMS' && /cannot scale to -3/.test(e.message))
  assert.ok((await up).ok)
  const { from, to } = await next
  assert.deepEqual([from, to], [2, 3])
})
