// watch: files that change reload their program, and others do not; on a real master and real files.

import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { type LogLine, type Master, quick, startMaster } from '../helpers/master.ts'
import { sceneOf, until } from '../helpers/scene.ts'

const reloads = ({ log }: Master, program: string): LogLine[] =>
  log.filter((line) => line.program === program && line.msg === 'watched files have changed: reload')

/** It reloads because of this file, and because of nothing else. */
async function reloaded(master: Master, file: string, change: () => void): Promise<void> {
  const from = master.log.length
  const count = reloads(master, 'web').length
  change()
  const line = await master.logged(`a reload for ${file}`, (one) => one.file === master.scene.path(file), from)
  assert.equal(line.msg, 'watched files have changed: reload')
  await master.state('web:0', 'RUNNING', from)
  assert.equal(reloads(master, 'web').length, count + 1)
}

/** What the kernel watches for the master. */
const watches = (pid: number): number =>
  readdirSync(`/proc/${pid}/fdinfo`)
    .map((fd) => {
      try {
        return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm)?.length ?? 0
      } catch {
        return 0 // closed meanwhile
      }
    })
    .reduce((all, one) => all + one, 0)

test('changes reload, each once, for what is there, comes, and is renamed; logs, exceptions and others never', async (t) => {
  const scene = sceneOf(t)
  scene.write('src/a.js', '1')
  const ini = (watch: string): string =>
    `${quick}[web]\ncommand = sh -c 'while echo noise; do sleep 0.02; done'\nlog_file = src/web.js\n` +
    `log_max_size = 4KB\nbackoff_initial = 50ms\n${watch}[other]\ncommand = sleep 600\n`
  const master = await startMaster(t, ini(''))
  await master.state('web:0', 'RUNNING')
  const own = watches(master.pid)
  scene.write('config.ini', ini('watch = src/**/*.js*, views, !src/**/*.test.js\n'))
  await master.call('update', {})
  const { pid } = await master.process('other:0')
  await watching(master)

  // Sooner or later: the log is written all the time, and is rotated, among the files that are watched.
  await reloaded(master, 'src/a.js', () => scene.write('src/a.js', '2'))
  await reloaded(master, 'src/deep/b.js', () => {
    mkdirSync(scene.path('src/deep'))
    scene.write('src/deep/c.txt', '')
    scene.write('src/deep/b.test.js', '')
    scene.write('src/deep/b.js', '')
  })
  await reloaded(master, 'views/x.html', () => scene.write('views/x.html', '1'))
  await reloaded(master, 'src/a.js', () => {
    scene.write('new', '3')
    renameSync(scene.path('new'), scene.path('src/a.js'))
  })
  await reloaded(master, 'src/deep/b.js', () => rmSync(scene.path('src/deep/b.js')))
  scene.write('src/node_modules/x/index.js', '')
  appendFileSync(scene.path('src/deep/b.test.js'), 'x')
  // Whatever those would have led to comes before what follows.
  await reloaded(master, 'src/a.js', () => scene.write('src/a.js', '4'))
  assert.equal((await master.process('other:0')).pid, pid)
  assert.equal((await master.process('web:0')).restarts, 0)

  scene.write('config.ini', ini('watch = views\n'))
  assert.deepEqual((await master.call('update', {})).diff.changed, [
    { program: 'web', keys: ['watch'], effect: 'live' },
  ])
  await watching(master)
  scene.write('src/a.js', '5')
  await reloaded(master, 'views/x.html', () => scene.write('views/x.html', '2'))

  scene.write('config.ini', ini(''))
  await master.call('update', {})
  assert.equal((await master.phctl('reload', 'web')).code, 0)
  assert.equal(watches(master.pid), own, 'nothing is watched any more')
})

test('a reload that fails is said, the old process stays, and the next change tries again; so does a next master', async (t) => {
  const scene = sceneOf(t)
  scene.write('app.sh', 'exec sleep 600')
  const ini = `${quick}[web]\ncommand = sh app.sh\nwatch = app.sh\nreload_strategy = start-first\nstart_retries = 0\n`
  const first = await startMaster(t, ini)
  await first.state('web:0', 'RUNNING')
  const { pid } = await first.process('web:0')
  await watching(first)
  scene.write('app.sh', 'exit 7')
  const said = await first.logged('the failure', (line) => /the reload after a change failed/.test(line.msg))
  assert.match(String(said.reason), /exit 7/)
  assert.equal((await first.process('web:0')).pid, pid)
  await first.murder()
  const master = await startMaster(t, ini)
  await watching(master)
  await reloaded(master, 'app.sh', () => scene.write('app.sh', 'exec sleep 601'))
  assert.notEqual((await master.process('web:0')).pid, pid)
})

/** Nothing tells that all is watched; the count of watches stands still then. */
async function watching(master: Master): Promise<void> {
  let last = -1
  await until('watches', async () => {
    const count = watches(master.pid)
    const isSteady = count > 1 && count === last // one is for another thing
    last = count
    await new Promise((resolve) => setTimeout(resolve, 100))
    return isSteady
  })
}
