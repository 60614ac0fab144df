// docs/http.md and the code: the tables both ways, the limits, and every curl and the socat recipe as written.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { paths } from '../../src/control/http-pages.ts'
import { families } from '../../src/control/metric-families.ts'
import { needsCurl } from '../helpers/curl.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { readMetrics } from '../helpers/prometheus.ts'
import { missing, sceneOf, until } from '../helpers/scene.ts'
import { freePort } from '../helpers/web.ts'
import { blocks, codes, inline, table, text } from './pages.ts'

const PAGE = 'docs/http.md'

test('each metric with its type, labels and help', () => {
  const expected = families.map(({ name, kind, labels, help }) => [
    `\`${name}\``,
    kind,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  assert.deepEqual(table(PAGE, 'metric'), expected)
  const known = new Set(families.map(({ name }) => name))
  const named = inline(PAGE).flatMap((code) => code.match(/\bphd_[a-z_]+/g) ?? [])
  for (const name of named) assert.ok(known.has(name), name)
})

test('each path with its methods', () => {
  const rows = table(PAGE, 'path').map(([path = '', methods = '']) => [codes(path)[0], methods.split(', ')])
  assert.deepEqual(rows, Object.entries(paths))
})

test('the limits are those of the source', () => {
  const page = text(PAGE)
  for (const [file, constant, words] of [
    ['http.ts', 'IDLE_MS = 75_000', 'kept for 75 s'],
    ['http.ts', 'MOST_HEAD_BYTES = 16 * 1024', 'more than 16 KB'],
    ['half-read.ts', 'LINE_MS = 30_000', 'within 30 s'],
    ['sender.ts', 'UNREAD_MS = 10_000', 'for 10 s is let go'],
  ] as const) {
    assert.ok(text(`src/control/${file}`).includes(`const ${constant}\n`), constant)
    assert.ok(page.includes(words), words)
  }
})

const run = (script: string, cwd: string): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile('sh', ['-ec', script], { cwd, timeout: 30_000 }, (e, stdout, stderr) => {
      if (e) reject(new Error(`${script}: ${stderr}`, { cause: e }))
      else resolve(stdout)
    })
  })

test('each curl of the page, as written; and metrics through socat', {
  skip: needsCurl || missing('socat'),
}, async (t) => {
  const scene = sceneOf(t)
  const port = await freePort()
  const [socat = ''] = blocks(PAGE, 'ini')
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n${socat.replace('9617', String(port))}`)
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const commands = blocks(PAGE, 'sh').flatMap((block) => block.trimEnd().split('\n'))
  assert.equal(commands.length, 4)
  const answers: string[] = []
  for (const command of commands) answers.push(await run(command, scene.dir))
  const [health = '', metrics = '', status = '', restart = ''] = answers
  assert.equal(health, 'ok\n')
  assert.equal(readMetrics(metrics).value('phd_program_running_processes', { program: 'web' }), 1)
  assert.equal((JSON.parse(status) as { result: unknown[] }).result.length, 2)
  assert.equal((JSON.parse(restart) as { result: { ok: boolean } }).result.ok, true)
  const scraped = await until('an answer of socat', () =>
    run(`curl -sf http://127.0.0.1:${port}/metrics`, scene.dir).catch(() => null),
  )
  readMetrics(scraped)
})
