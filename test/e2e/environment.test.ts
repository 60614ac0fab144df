// env_file and env_clear on a real master: what a process gets, what of it is shown, and a changed file.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quick, startMaster } from '../helpers/master.ts'
import { environmentOf } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

test('a changed dotenv file restarts just its programs, by update and by a next master; its values are not shown', async (t) => {
  const scene = sceneOf(t)
  scene.write('web.env', 'GREETING=file\nPLAIN=hush-one\nBOTH=hush-low\n')
  const ini =
    `${quick}[web]\ncommand = sleep 600\nenv_file = web.env\nenvironment = BOTH=shown\nenv.GREETING = own\nenv_clear = yes\n` +
    `[other]\ncommand = sleep 600\n`
  const first = await startMaster(t, ini, { env: { OF_MASTER: '1' } })
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  const pidOf = async (name: string, master = first): Promise<number> => (await master.process(name)).pid ?? 0
  const [web, other] = [await pidOf('web:0'), await pidOf('other:0')]
  const { PHD_PROGRAM, PLAIN, GREETING, BOTH, ...rest } = environmentOf(web)
  assert.deepEqual([PHD_PROGRAM, PLAIN, GREETING, BOTH], ['web', 'hush-one', 'own', 'shown'])
  assert.deepEqual(
    Object.keys(rest).filter((name) => !name.startsWith('PHD_')),
    [],
  )
  assert.equal(environmentOf(other).OF_MASTER, '1')
  const shown = await first.phctl('show', 'web')
  assert.ok(!shown.stdout.includes('hush') && shown.stdout.includes('shown'))

  assert.equal((await first.phctl('reread')).stdout, 'no changes\n')
  scene.write('web.env', 'PLAIN=hush-two\n')
  assert.match((await first.phctl('reread')).stdout, /web +env_file/)
  assert.equal((await first.phctl('update')).code, 0)
  const second = await pidOf('web:0')
  assert.deepEqual([second === web, environmentOf(second).PLAIN, await pidOf('other:0')], [false, 'hush-two', other])

  await first.murder()
  scene.write('web.env', 'PLAIN=hush-three\n')
  const next = await startMaster(t, ini, { env: { OF_MASTER: '1' } })
  await until('the change found by the next master', async () => {
    const { pid, state } = await next.process('web:0')
    return state === 'RUNNING' && pid !== second && environmentOf(pid ?? 0).PLAIN === 'hush-three'
  })
  assert.equal(await pidOf('other:0', next), other)
  scene.write('web.env', 'PLAIN="hush')
  const wrong = await next.phctl('update')
  assert.deepEqual(
    [wrong.code, /config\.ini:5: \[web\] env_file: cannot read line 1 of /.test(wrong.stderr)],
    [6, true],
  )
  assert.ok(!wrong.stderr.includes('hush'))
  scene.write('web.env', '')
})
