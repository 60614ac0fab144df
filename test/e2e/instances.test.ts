// Several masters on one file: phctl lists them, and says which of them it speaks to.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answering, quick, startMaster } from '../helpers/master.ts'
import { PHD, runPhctl, spawnProgram } from '../helpers/programs.ts'
import { sceneOf, within } from '../helpers/scene.ts'

const ini = `${quick}[web]\ncommand = sleep 600\n`

interface Row {
  readonly instance: string | null
  readonly socket: string
  readonly lives: boolean
  readonly pid: number | null
}

test('phctl instances, and errors that name the instance', async (t) => {
  const scene = sceneOf(t)
  const file = scene.path('config.ini')
  const phctl = (...args: string[]) => runPhctl(['-c', file, ...args])
  const list = async (...args: string[]): Promise<Row[]> =>
    JSON.parse((await phctl('instances', '--json', ...args)).stdout)
  scene.write('config.ini', ini)
  assert.deepEqual(await list(), [])
  assert.match((await phctl('instances')).stdout, /^no master has been started here \(looked beside .*phd\.sock\)\n$/)

  const plain = await startMaster(t, ini)
  const blue = spawnProgram(PHD, ['-n', '-c', file, '--instance', 'blue'], {})
  const ended = new Promise((resolve) => blue.on('close', resolve))
  scene.after(() => void blue.kill('SIGKILL'))
  await answering(scene.path('phd.blue.sock'))
  const rows = await list('--instance', 'blue')
  assert.deepEqual(
    rows.map(({ instance, socket, lives, pid }) => ({ instance, socket, lives, pid })),
    [
      { instance: null, socket: plain.socket, lives: true, pid: plain.pid },
      { instance: 'blue', socket: scene.path('phd.blue.sock'), lives: true, pid: blue.pid },
    ],
  )
  assert.match(
    (await phctl('instances')).stdout,
    /^INSTANCE +PID +VERSION .*\n- +\d+ .*\nblue +\d+ +\d\S+ .* 1 +\S+\.blue\.sock\n$/,
  )

  const wrong = await phctl('--instance', 'blue', 'stop', 'nothing')
  assert.deepEqual([wrong.code, /^phctl: cannot .*\(instance blue\)\n/.test(wrong.stderr)], [1, true], wrong.stderr)
  const bySocket = await runPhctl(['-s', scene.path('phd.blue.sock'), 'stop', 'nothing'])
  assert.match(bySocket.stderr, /\(instance blue\)/)
  assert.doesNotMatch((await phctl('stop', 'nothing')).stderr, /instance/)
  const green = await phctl('--instance', 'green', 'status')
  assert.equal(green.code, 4)
  assert.match(
    green.stderr,
    /others live there: the one without --instance, --instance blue \(see: phctl instances\)\n/,
  )

  blue.kill('SIGTERM')
  await within('the end of blue', ended)
  const after = await list()
  assert.deepEqual(
    after.map(({ instance, lives }) => [instance, lives]),
    [
      [null, true],
      ['blue', false],
    ],
  )
  assert.match((await phctl('instances')).stdout, /\nblue +- +- .*\.blue\.sock \(not running\)\n$/)
})
