// Who may speak: other users at the control socket of a real phd, with their groups.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { runPhd } from '../helpers/programs.ts'
import { needsRoot, sceneOf } from '../helpers/scene.ts'

/** Ids that nobody else has on a test machine. */
const [ALLOWED, OBSERVER, STRANGER, GROUP] = [54321, 54322, 54323, 54330]

const client = `const s=require('net').connect(process.argv[1]);s.on('error',e=>{console.log(e.code)});
s.on('data',d=>process.stdout.write(d));s.on('connect',()=>{for(const m of process.argv.slice(2))s.write(m+'\\n');s.end()})`

/** What the socket answers to another user's calls. */
async function asUser(uid: number, groups: string, socket: string, ...methods: string[]): Promise<string> {
  const calls = methods.map((method, at) => {
    const params = method === 'stop' ? { target: 'job' } : {}
    return JSON.stringify({ jsonrpc: '2.0', id: at + 1, method, params })
  })
  const who = [`--reuid=${uid}`, `--regid=${uid}`, groups === '' ? '--clear-groups' : `--groups=${groups}`]
  const child = spawn('setpriv', [...who, process.execPath, '-e', client, socket, ...calls], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return text(child.stdout)
}

const codes = (answers: string): unknown[] =>
  answers
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { error?: { code: number } })
    .map(({ error }) => error?.code ?? 'ok')

test('row 65: other uid connects: a stranger is refused and noted, an observer cannot change, an allowed one can', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  const master = await startMaster(
    t,
    `${quick}[master]\nallow = ${ALLOWED}\nobserve = ${OBSERVER} @${GROUP}\n[job]\ncommand = sleep 600\n`,
  )
  assert.equal(statSync(master.socket).mode & 0o777, 0o666)
  assert.deepEqual(codes(await asUser(STRANGER, '', master.socket, 'ping')), [-32005])
  assert.deepEqual(codes(await asUser(OBSERVER, '', master.socket, 'ping', 'status', 'stop', 'shutdown', 'upgrade')), [
    'ok',
    'ok',
    -32005,
    -32005,
    -32005,
  ])
  assert.deepEqual(
    codes(await asUser(STRANGER, String(GROUP), master.socket, 'status', 'stop')),
    ['ok', -32005],
    'by a supplementary group',
  )
  assert.equal((await master.process('job:0')).wanted, 'up')
  assert.deepEqual(codes(await asUser(ALLOWED, '', master.socket, 'stop')), ['ok'])
  assert.equal((await master.process('job:0')).state, 'STOPPED')
  const audit = master.log.filter((line) => line.audit === true).map(({ msg, method, uid }) => [msg, method, uid])
  assert.deepEqual(audit, [
    ['refused: neither in allow nor in observe', undefined, STRANGER],
    ['denied', 'stop', OBSERVER],
    ['denied', 'shutdown', OBSERVER],
    ['denied', 'upgrade', OBSERVER],
    ['denied', 'stop', STRANGER],
    ['called', 'stop', ALLOWED],
  ])
})

test('row 65: without allow the mode decides: another user cannot even connect', { skip: needsRoot }, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  const master = await startMaster(t, `${quick}[job]\ncommand = sleep 600\n`)
  assert.equal(statSync(master.socket).mode & 0o777, 0o600)
  assert.equal((await asUser(STRANGER, '', master.socket, 'ping')).trim(), 'EACCES')
})

test('row 66: an allowed group that the client leaves later: what it was when it connected counts', {
  skip: needsRoot,
}, async (t) => {
  const scene = sceneOf(t)
  chmodSync(scene.dir, 0o755)
  const master = await startMaster(t, `${quick}[master]\nallow = @${GROUP}\n[job]\ncommand = sleep 600\n`)
  const leaves = `const net=require('net');const s=net.connect(process.argv[1]);let heard='';
s.on('data',d=>{heard+=d;if(heard.split('\\n').length===3){process.stdout.write(heard);s.end()}});
s.on('connect',()=>{s.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\\n');process.setgroups([]);s.write('{"jsonrpc":"2.0","id":2,"method":"reopen"}\\n')})`
  const child = spawn(
    'setpriv',
    [
      `--groups=${GROUP}`,
      '--ambient-caps=+setgid',
      '--inh-caps=+setgid',
      `--reuid=${STRANGER}`,
      `--regid=${STRANGER}`,
      process.execPath,
      '-e',
      leaves,
      master.socket,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  assert.deepEqual(codes(await text(child.stdout)), ['ok', 'ok'])
})

test('names that nobody has are refused at the start and by --check, with the key', async (t) => {
  const scene = sceneOf(t)
  const file = scene.write('config.ini', '[master]\nobserve = @no-such-group-here\n[job]\ncommand = sleep 600\n')
  for (const words of [['--check'], ['-n']]) {
    const { code, stderr } = await runPhd([...words, '-c', file])
    assert.equal(code, 78)
    assert.match(stderr, /\[master\] observe: cannot find the group "no-such-group-here"/)
  }
})
