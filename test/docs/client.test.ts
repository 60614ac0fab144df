// The example of docs/client.md and the recipes of examples/, as written, with a real master.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { needsCurl } from '../helpers/curl.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { missing, root, type Scene, sceneOf, until } from '../helpers/scene.ts'
import { freePort } from '../helpers/web.ts'
import { blocks } from './pages.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(scene: Scene, program: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, PHD_SOCKET: scene.path('phd.sock') }
    execFile(program, args, { cwd: scene.dir, env, timeout: 40_000 }, (e, stdout, stderr) =>
      resolve({ code: e ? Number(e.code ?? 1) : 0, stdout, stderr }),
    )
  })
}

/** A folder where `processhandler` is installed, with the recipes. */
function shop(t: TestContext): Scene {
  const scene = sceneOf(t)
  cpSync(path.join(root, 'examples'), scene.dir, { recursive: true })
  mkdirSync(scene.path('node_modules'))
  symlinkSync(root, scene.path('node_modules/processhandler'))
  return scene
}

test('the example of the page', async (t) => {
  const scene = shop(t)
  await startMaster(t, `${quick}[web]\ncommand = sh -c 'echo up; exec sleep 600'\n`)
  const [example = ''] = blocks('docs/client.md', 'js')
  scene.write('example.mjs', example)
  const { code, stdout, stderr } = await run(scene, process.execPath, 'example.mjs')
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^web \w+ 1\ntrue \[ 'web:0 RUNNING' \]\n(?:web:0 \w+\n)*web:0 RUNNING\nweb:0 up\n/)
})

test('autoscale.js: up when requests wait, down when they are over', async (t) => {
  const scene = shop(t)
  const port = await freePort()
  scene.write(
    'slow.mjs',
    "import { HttpWorker } from 'processhandler/worker'\nexport default class Slow extends HttpWorker {\n  handleRequest(_request, response) {\n    return new Promise((done) => setTimeout(() => done(response.end('done')), 4000))\n  }\n}\n",
  )
  const master = await startMaster(
    t,
    `${quick}[web]\nworker = slow.mjs\nbind = 127.0.0.1:${port}\n[autoscale]\ncommand = ${process.execPath} autoscale.js web 1 3 0.05\nenv.PATH = ${process.env.PATH}\n`,
  )
  await master.call('wait', { target: 'all', state: 'RUNNING' })
  const asked = Array.from({ length: 6 }, () => ask(port))
  const desired = async (): Promise<number | undefined> => (await master.call('status', { target: 'web' }))[0]?.desired
  await until('three processes', async () => (await desired()) === 3)
  assert.deepEqual(
    await Promise.all(asked),
    Array.from({ length: 6 }, () => 'done'),
  )
  await until('one again', async () => (await desired()) === 1)
  assert.match(scene.lines('autoscale.log')[0] ?? '', /^\d requests in flight: web 1 -> [23]$/)
  assert.equal((await master.process('autoscale:0')).restarts, 0)
})

function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      res.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })
}

test('deploy.js: a good release stays; one that does not start, or does not stay, is rolled back', async (t) => {
  const scene = shop(t)
  const release = (name: string, script: string): string => scene.write(`releases/${name}/run.sh`, script, 0o755)
  release('1', '#!/bin/sh\nexec sleep 601\n')
  release('2', '#!/bin/sh\nexec sleep 602\n')
  release('broken', '#!/bin/sh\nexit 9\n')
  release('weak', '#!/bin/sh\nsleep 0.4\nexit 8\n')
  symlinkSync('releases/1', scene.path('current'))
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = ./current/run.sh\nnumber_workers = 2\nreload_strategy = start-first\nstart_retries = 0\n`,
  )
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const deploy = (name: string, seconds: string): Promise<Ended> =>
    run(scene, process.execPath, 'deploy.js', 'web', `releases/${name}`, seconds)

  const good = await deploy('2', '0.3')
  assert.deepEqual([good.code, good.stdout], [0, 'web runs releases/2\n'], good.stderr)
  const broken = await deploy('broken', '0.3')
  assert.deepEqual([broken.code, broken.stdout], [1, ''])
  assert.match(
    broken.stderr,
    /^releases\/broken failed: web:\d (?:is \w+|did not stay): .*exit 9.*; back to releases\/2\n$/,
  )
  const weak = await deploy('weak', '5')
  assert.match(
    weak.stderr,
    /^releases\/weak failed: web:\d (?:is \w+|did not stay): .*exit 8.*; back to releases\/2\n$/,
  )
  assert.equal(weak.code, 1)
  assert.equal(readlinkSync(scene.path('current')), 'releases/2')
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  assert.equal((await master.call('status', {}))[0]?.running, 2)
})

test('revive.sh: what has given up is started anew, with curl and jq', {
  skip: needsCurl || missing('jq'),
}, async (t) => {
  const scene = shop(t)
  const master = await startMaster(
    t,
    `${quick}[web]\ncommand = sleep 600\n[bad]\ncommand = sh -c 'test -e fixed && exec sleep 600; exit 5'\nstart_retries = 0\n`,
  )
  await master.call('wait', { target: 'bad', state: 'FATAL' })
  scene.write('fixed', '')
  const { code, stdout, stderr } = await run(scene, path.join(scene.dir, 'revive.sh'))
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^bad:0 had given up: .*exit 5.*\nbad:0 is RUNNING\n$/)
  assert.equal((await run(scene, path.join(scene.dir, 'revive.sh'))).stdout, '')
  await master.stop()
  const gone = await run(scene, path.join(scene.dir, 'revive.sh'))
  assert.notEqual(gone.code, 0)
})
