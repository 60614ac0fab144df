// Faults inside: a master whose own code fails, one that another version of phctl asks, and what must never be said.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { madeOn, nextMaster } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { packageOf } from '../helpers/package.ts'
import { runPhd } from '../helpers/programs.ts'
import { rawSocket } from '../helpers/raw-socket.ts'
import { sceneOf } from '../helpers/scene.ts'

const web = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n`

/** phd with its methods spoiled, by what stands there in its place. */
const spoiled =
  (method: 'ping' | 'reopen' | 'loglevel', body: string) =>
  (text: string): string =>
    text.replace(
      new RegExp(`${method}:\\((?:\\{level\\})?\\)=>(?="pong"|\\(room|\\(\\{level)`),
      `${method}:()=>{${body}},former_${method}:()=>`,
    )

test('row 83: a handler that throws, rejects or hangs: -32603 and no stack, the log says more, the others go on', async (t) => {
  const { program, change } = packageOf(t)
  change(spoiled('ping', 'throw new TypeError("inner words")'))
  change(spoiled('reopen', 'return Promise.reject(new RangeError("inner words"))'))
  change(spoiled('loglevel', 'return new Promise(()=>{})'))
  const master = await startMaster(t, web, { program })
  const raw = await rawSocket(master.socket)
  raw.send('{"jsonrpc":"2.0","id":"hangs","method":"loglevel"}\n')
  for (const [method, kind] of [
    ['ping', 'TypeError'],
    ['reopen', 'RangeError'],
  ] as const) {
    const answer = await raw.call(method)
    assert.equal(answer.error?.code, -32603)
    assert.doesNotMatch(JSON.stringify(answer), /inner words|Error:|at .*\.cjs/)
    const said = await master.logged('the failure', (line) => line.msg === 'a method failed' && line.method === method)
    assert.match(JSON.stringify(said), new RegExp(`${kind}.*inner words`))
  }
  assert.equal((await master.call('wait', { target: 'web', state: 'RUNNING' })).ok, true)
  assert.equal(((await raw.call('status')).result as unknown[]).length, 1, 'nor is its own connection held up')
  assert.equal((await master.phctl('--timeout', '0.3', 'loglevel')).code, 7)
})

test('row 83: what nobody caught: in the log, exit 1, and the next master has the same processes and counts', async (t) => {
  const { program, change } = packageOf(t)
  const original = readFileSync(program, 'utf8')
  change(spoiled('reopen', 'process.nextTick(()=>{throw new TypeError("nobody caught it")});return{ok:true}'))
  const first = await startMaster(t, web, { program })
  await first.call('wait', { target: 'web', state: 'RUNNING' })
  await first.call('scale', { program: 'web', workers: 3 })
  await first.call('stop', { target: 'web:1' })
  const before = madeOn(first.scene)
  first.scene.mayLeave()
  await assert.rejects(first.call('reopen', {}), { code: 'PH_NO_MASTER' })
  assert.deepEqual(await first.ended, { code: 1, signal: null })
  const last = first.log.at(-1)
  assert.deepEqual([last?.level, last?.msg], ['fatal', 'internal error: the master ends'])
  assert.match(JSON.stringify(last), /nobody caught it/)
  await first.murder()
  writeFileSync(program, original)
  const next = await nextMaster(t, web, { program })
  assert.deepEqual(madeOn(next.scene), before)
  const [status] = await next.call('status', {})
  assert.equal(status?.desired, 3)
  assert.deepEqual(
    status?.processes.map(({ state }) => state),
    ['RUNNING', 'STOPPED', 'RUNNING'],
  )
})

test('row 86: phctl of another major version: exit 1, both versions named, and nothing is done', async (t) => {
  const { program } = packageOf(t)
  const scene = sceneOf(t)
  const own = (JSON.parse(scene.read('package/package.json')) as { version: string }).version
  scene.write(
    'package/package.json',
    scene.read('package/package.json').replace(`"version": "${own}"`, '"version": "7.3.1"'),
  )
  const file = scene.path('config.ini')
  const master = await startMaster(t, web, { program })
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  const before = madeOn(scene)
  for (const words of [['status'], ['stop', 'all'], ['-c', file, 'stop', 'all'], ['upgrade'], ['shutdown']]) {
    const { code, stderr } = await master.phctl(...words)
    assert.equal(code, 1, words.join(' '))
    assert.match(stderr, /^phctl: cannot speak with the master at .*: it is version 7\.3\.1, this phctl is \d/)
  }
  const { code, stdout } = await master.phctl('--json', 'info')
  assert.equal(code, 1)
  assert.equal((JSON.parse(stdout) as { error: { data: { version: string } } }).error.data.version, '7.3.1')
  assert.deepEqual(madeOn(scene), before)
  assert.equal((await master.call('status', {}))[0]?.running, 2)
})

test('row 69: secrets in env and argv: not in logs, status, show, events, --print-config or what phctl prints', async (t) => {
  const scene = sceneOf(t)
  scene.write('secrets.env', 'AWS_SECRET_KEY=hush-file\n')
  const ini = (more: string): string =>
    `[DEFAULT]\nstart_seconds = 50ms\ndb_password = hush-variable\n` +
    `[web]\ncommand = sh -c 'exec sleep 600' web --password=hush-argv --token hush-word 'API_KEY=hush-pair' https://me:hush-url@host/${more}\n` +
    `env.API_TOKEN = hush-env\nenvironment = DB_PASSWORD="hush-list",URL="postgres://me:hush-env-url@host/"\nenv_file = secrets.env\n` +
    `[bad]\ncommand = no-such-program --secret hush-bad\nstart_retries = 0\n`
  const master = await startMaster(t, ini(''), { env: { MASTER_TOKEN: 'hush-master' } })
  await master.state('web:0', 'RUNNING')
  await master.state('bad:0', 'FATAL')
  const said: string[] = []
  const all = { target: 'all' }
  const listening = await rawSocket(master.socket)
  listening.send('{"jsonrpc":"2.0","id":1,"method":"events","params":{"since":0}}\n')
  said.push(
    JSON.stringify([await master.call('status', {}), await master.call('show', all), await master.call('info', {})]),
  )
  for (const words of [['status'], ['show', 'all'], ['--json', 'show', 'all'], ['logs', 'master', '-n', '1000']]) {
    const { stdout, stderr } = await master.phctl(...words)
    said.push(stdout, stderr)
  }
  const file = scene.write('config.ini', ini('?new').replaceAll('hush-env', 'hush-new'))
  said.push((await runPhd(['--print-config', '-c', file])).stdout)
  said.push((await master.phctl('reread')).stdout, (await master.phctl('update')).stdout)
  master.kill('SIGHUP')
  await master.logged('the reload', (line) => line.msg.startsWith('HUP'))
  listening.socket.end()
  said.push(await listening.rest(), scene.read('phd.log'), master.stdout(), master.stderr())
  assert.ok(said.join('').includes('***'))
  assert.deepEqual([...new Set(said.join('\n').match(/hush-[a-z-]+/g) ?? [])], [])
})
