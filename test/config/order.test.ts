// depends_on and groups, as a file says them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diffConfigs } from '../../src/config/diff.ts'
import { formatProblem } from '../../src/config/load.ts'
import { load, problems, program } from './support.ts'

const x = (name: string, ...lines: readonly string[]): string => `[${name}]\n${['command = x', ...lines].join('\n')}\n`
const once = 'autorestart = never'

test('depends_on: programs, conditions, groups', (t) => {
  const config = load(
    t,
    x('db') +
      x('cache') +
      x('migrate', once, 'depends_on = db') +
      x('api', 'depends_on = store, migrate:Completed db', 'depends_restart = yes', 'priority = 5') +
      '[group:store]\nprograms = db cache\n[group:back]\nprograms = api,\n  db\nx_note = mine\n',
  )
  const { dependsOn, dependsRestart, priority, groups } = program(config, 'api').spec
  const words = dependsOn.map((one) => `${one.program}:${one.condition}`)
  assert.deepEqual(words, ['db:ready', 'cache:ready', 'migrate:completed'])
  assert.deepEqual([dependsRestart, priority, groups], [true, 5, ['back']])
  assert.deepEqual(program(config, 'db').spec.groups, ['back', 'store'])
  assert.deepEqual(config.warnings, [])
})

test('in [DEFAULT] it is meant for the others', (t) => {
  const config = load(t, `[DEFAULT]\ndepends_on = db\n${x('db')}${x('web')}`)
  assert.deepEqual(program(config, 'db').spec.dependsOn, [])
  assert.deepEqual(program(config, 'web').spec.dependsOn, [{ program: 'db', condition: 'ready' }])
})

test('what was not selected is not waited for', (t) => {
  const programs = x('db') + x('cache') + x('web', 'depends_on = all-of-it')
  const text = `${programs}[group:all-of-it]\nprograms = db, cache\n`
  const config = load(t, text, { sections: ['web', 'cache'] })
  assert.deepEqual(program(config, 'web').spec.dependsOn, [{ program: 'cache', condition: 'ready' }])
})

const wanted = 'wanted NAME or NAME:CONDITION, one of started, running, ready, healthy, completed'

/** What stands below `[db]` (lines 1, 2), and what must be said. */
const wrong: readonly [text: string, said: readonly string[]][] = [
  [x('web', 'depends_on = bd'), ['5: [web] depends_on: cannot be "bd": no such program or group; did you mean db?']],
  [
    x('web', 'depends_on = elsewhere'),
    ['5: [web] depends_on: cannot be "elsewhere": no such program or group (have: db, web)'],
  ],
  [x('web', 'depends_on = db:up'), [`5: [web] depends_on: cannot be "db:up": ${wanted}`]],
  [x('web', 'depends_on = db:0'), [`5: [web] depends_on: cannot be "db:0": ${wanted}`]],
  [x('web', 'depends_on = :ready'), [`5: [web] depends_on: cannot be ":ready": ${wanted}`]],
  [x('web', 'depends_on = web'), ['5: [web] depends_on: cannot be "web": a program cannot wait for itself']],
  [
    `${x('web', 'depends_on = g')}[group:g]\nprograms = web, db\n`,
    ['5: [web] depends_on: cannot be "g": a program cannot wait for itself (it is in the group g)'],
  ],
  [
    x('web', 'depends_on = db:completed'),
    [
      '5: [web] depends_on: cannot wait for db to be completed: its autorestart is always, so it never is; wanted on-failure or never',
    ],
  ],
  [
    x('a', 'depends_on = b') + x('b', 'depends_on = db, c:started') + x('c', 'depends_on = a'),
    ['5: [a] depends_on: cannot go in a circle: a -> b -> c -> a; b: config.ini:8; c: config.ini:11'],
  ],
  ['[group:g]\nprograms = db, bd\n', ['4: [group:g] programs: cannot hold "bd": no such program; did you mean db?']],
  ['[group:g]\nprograms =\n', ['4: [group:g] programs: cannot be empty: wanted names of programs, as web, api']],
  [
    '[group:g]\npriority = 1\nprograms = db\n',
    ['4: [group:g] priority: cannot be understood: a group has one key, programs'],
  ],
  [
    '[group:db]\nprograms = db\n',
    ['3: [group:db] cannot be the name of a group: line 1 of config.ini has a program of that name'],
  ],
  ['[group:all]\nprograms = db\n', ['3: [group:all] cannot be the name of a group: all is reserved']],
  [
    '[group:a b]\nprograms = db\n',
    ['3: [group:a b] cannot be the name of a group: wanted letters, digits, _ . - in "a b"'],
  ],
  [
    '[master]\nexit_when = ever\n',
    ['4: [master] exit_when: cannot be "ever": wanted one of never, all_stopped, any_fatal'],
  ],
]

for (const [text, said] of wrong) {
  test(`refused: ${JSON.stringify(text)}`, (t) => {
    assert.deepEqual(
      problems(t, x('db') + text),
      said.map((line) => `config.ini:${line}`),
    )
  })
}

test('a program that does not stay is a warning', (t) => {
  const { warnings } = load(t, x('job', once) + x('web', 'depends_on = job') + x('api', 'depends_on = job:started'))
  assert.deepEqual(
    warnings.map((one) => formatProblem(one).replace(/^.*config/, 'config')),
    [
      'config.ini:6: [web] depends_on: waits for job while it runs, and that one is not started again when it ends; did you mean job:completed?',
    ],
  )
})

test('a change of order or of a group needs no new process', (t) => {
  const text = (members: string, more = ''): string =>
    `[DEFAULT]\nbase_path = /srv\n${x('db')}${x('api')}${x('web', 'depends_on = g', more)}[group:g]\nprograms = ${members}\n`
  const diff = (before: string, after: string) =>
    diffConfigs(load(t, before), load(t, after)).changed.map((c) => `${c.program} ${c.keys.join()} ${c.effect}`)
  assert.deepEqual(diff(text('db'), text('db, api')), ['api groups live', 'web depends_on live'])
  assert.deepEqual(diff(text('db'), text('db', 'priority = 3')), ['web priority live'])
  assert.deepEqual(diff(text('db'), text('db')), [])
})

test('healthy of what nobody checks is a warning', (t) => {
  const checked = 'health_check = tcp:127.0.0.1:1\n'
  const { warnings } = load(
    t,
    x('db') + x('web', 'depends_on = db:healthy') + x('mq', checked) + x('api', 'depends_on = mq:healthy'),
  )
  assert.deepEqual(
    warnings.map((one) => formatProblem(one).replace(/^.*config/, 'config')),
    [
      'config.ini:5: [web] depends_on: waits for db to be healthy, and that one has no health_check: it will do when it is ready',
    ],
  )
})
