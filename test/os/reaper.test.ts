// The reaper hears of every end, also where the signal that tells it was lost.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../helpers/scene.ts'

/** For a process of its own, which may wait for any child. */
const begin = `
import { readFileSync } from 'node:fs'
const at = (name) => import(${JSON.stringify(pathToFileURL(path.join(root, 'dist/src/os')).href)} + '/' + name + '.js')
const [{ reap }, { posixSpawn }, { systemClock }] = [await at('reaper'), await at('libc'), await at('clock')]
const env = ['PATH=' + process.env.PATH]
const ended = (pid) => / Z /.test(readFileSync('/proc/' + pid + '/stat', 'latin1'))
`
const lost = `${begin}
process.on('SIGIO', () => {})
const stop = reap(systemClock(), (all) => {
  console.log(JSON.stringify(all.map(({ code }) => code).sort()))
  stop()
  clearTimeout(deadline)
})
const deadline = setTimeout(() => console.log('nobody told of it'), 5_000)
const pids = [3, 4].map((code) =>
  posixSpawn({ path: '/bin/sh', argv: ['sh', '-c', 'sleep 0.2; exit ' + code], env, cwd: '/', fds: ['/dev/null', 1, 2] }))
// The loop is blocked, and the pipe of signals filled, until both have ended.
for (let n = 0; n < 10_000 || !pids.every(ended); n++) process.kill(process.pid, 'SIGIO')
`

test('two ends while the loop is blocked and SIGIO takes the place of SIGCHLD: both are told, at once', () => {
  assert.equal(said(lost), '[3,4]\n')
})

const many = `${begin}
const turns = []
const pids = Array.from({ length: 150 }, () =>
  posixSpawn({ path: '/bin/true', argv: ['true'], env, cwd: '/', fds: ['/dev/null', 1, 2] }))
while (!pids.every(ended));
const stop = reap(systemClock(), (all) => {
  turns.push(all.length)
  if (turns.reduce((sum, n) => sum + n) < 150) return
  console.log(JSON.stringify(turns))
  stop()
  clearTimeout(deadline)
})
const deadline = setTimeout(() => console.log('told of ' + turns), 5_000)
// Each death has its signal, and they come together.
for (let n = 0; n < 3; n++) process.emit('SIGCHLD')
console.log('in the first turn ' + turns)
`

test('a mass death is told in parts, however many signals tell it, so that others have their turn in between', () => {
  assert.equal(said(many), 'in the first turn 32\n[32,32,32,32,22]\n')
})

const said = (script: string): string =>
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
