import assert from 'node:assert/strict'
import test from 'node:test'
import { checkUsable, findWorkerClass } from '../../src/worker/find-class.ts'
import { SyncWorker, Worker } from '../../src/worker/index.ts'

class JobExecute extends SyncWorker {
  override handleRequest(): void {}
}
class Other extends SyncWorker {}
class Plain {}

type Wanted = Parameters<typeof findWorkerClass>[1]
const wanted: Wanted = { module: '/app/job.js', className: null, program: 'job-execute' }

const found: [string, Record<string, unknown>, Partial<Wanted>, unknown][] = [
  ['the one named, before the default', { default: Other, JobExecute }, { className: 'JobExecute' }, JobExecute],
  ['the default, before the section', { default: Other, JobExecute }, {}, Other],
  ['the section, ignoring case, - and _', { JobExecute, Other }, {}, JobExecute],
  ['the section, written another way', { Other, job_execute: JobExecute }, { program: 'JOB--EXECUTE' }, JobExecute],
  ['the only Worker', { Other, Plain, answer: 42, nothing: null }, { program: 'web' }, Other],
  ['the only Worker, exported twice', { Other, Alias: Other }, { program: 'web' }, Other],
  ["the user's, not the SDK's own", { SyncWorker, Worker, Other }, { program: 'web' }, Other],
  ["a section called like the SDK's class", { SyncWorker, Other }, { program: 'sync-worker' }, Other],
  ['an export of the section that is no Worker is passed over', { jobExecute: 1, Other }, {}, Other],
  ['a default that is no Worker is passed over', { default: Plain, Other }, { program: 'web' }, Other],
  ['module.exports = class', { default: Other, 'module.exports': Other }, {}, Other],
  ['module.exports = { Other }, unseen by the scanner', { default: { Other } }, { program: 'web' }, Other],
  [
    'exports.default of compiled CommonJS',
    { default: { default: Other, __esModule: true }, __esModule: true },
    {},
    Other,
  ],
  ['named, inside module.exports', { default: { JobExecute, Other } }, { className: 'Other' }, Other],
]

for (const [what, exports, more, expected] of found) {
  test(`class of a module: ${what}`, () => {
    assert.equal(findWorkerClass(exports, { ...wanted, ...more }), expected)
  })
}

const refused: [string, Record<string, unknown>, Partial<Wanted>, RegExp][] = [
  [
    'a name that is not exported',
    { Other },
    { className: 'Job' },
    /^cannot find .*\/app\/job.js: it has no export "Job" \(it exports: Other\)/,
  ],
  ['a name that is no Worker', { Plain }, { className: 'Plain' }, /"Plain" is no subclass of Worker/],
  ["the SDK's own class by name", { SyncWorker }, { className: 'SyncWorker' }, /"SyncWorker" is no subclass of Worker/],
  ['nothing exported', {}, {}, /no export is a subclass of Worker \(it exports nothing\)/],
  ['no Worker exported', { default: Plain, x: 1 }, {}, /\(it exports: default, x\)/],
  [
    'two Workers',
    { JobExecute, Other },
    { program: 'web' },
    /cannot choose .*"worker = MODULE:CLASS" with one of JobExecute, Other/,
  ],
]

for (const [what, exports, more, message] of refused) {
  test(`class of a module: refuses ${what}`, () => {
    assert.throws(() => findWorkerClass(exports, { ...wanted, ...more }), { message })
  })
}

test('a worker must have something to do', () => {
  class Field extends SyncWorker {
    override handleRequest = (): void => {}
  }
  class OwnLoop extends Worker {
    override run(): void {}
  }
  class Loopless extends Worker {
    override handleRequest(): void {}
  }
  class Heir extends JobExecute {}
  for (const worker of [new JobExecute(), new Heir(), new Field(), new OwnLoop()]) checkUsable(worker)
  assert.throws(() => checkUsable(new Other()), /^Error: cannot handle requests: class Other has no handleRequest\(\)$/)
  assert.throws(
    () => checkUsable(new Loopless()),
    /^Error: cannot run: class Loopless extends Worker, which has no loop/,
  )
})

test('outside phd, as in a unit test, a worker can be constructed and its methods called', async () => {
  const worker = new JobExecute()
  worker.cfg = { color: 'red' }
  assert.deepEqual([worker.program, worker.slot, worker.name, worker.alive, worker.nr], ['', 0, '', true, 0])
  await worker.setup()
  assert.throws(() => new Other().handleRequest(), /class Other has no handleRequest/)
  worker.logger = worker.logger.child({ mine: true })
  assert.equal(worker.logger.bindings().mine, true)
})
