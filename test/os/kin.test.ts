// What belongs to a process that an earlier master made: its group, as long as the group is its own, and whatever
// carries its token. Real processes, for only the kernel gives numbers away again.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import type { Strangers } from '../../src/os/adopted.ts'
import { kinOf } from '../../src/os/kin.ts'
import { statOf } from '../../src/os/proc.ts'
import { survivorWith } from '../../src/os/survivors.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { childrenOf, lives } from '../helpers/proc.ts'
import { sceneOf, until } from '../helpers/scene.ts'

/** A leader of its own session with one member beside it; all of them know the scene's dir. */
async function family(t: TestContext, token: string): Promise<{ leader: number; member: number; start: number }> {
  const scene = sceneOf(t)
  const shell: ChildProcess = spawn('sh', ['-c', 'sleep 600 & wait'], {
    detached: true,
    stdio: 'ignore',
    cwd: scene.dir,
    env: { ...process.env, PHD_TOKEN: token, SCENE: scene.dir },
  })
  const leader = shell.pid ?? 0
  const gone = new Promise((resolve) => shell.on('exit', resolve))
  scene.after(async () => {
    try {
      process.kill(-leader, 'SIGKILL')
    } catch {
      // All of them are gone already.
    }
    await gone
  })
  const member = await until('its member', () => childrenOf(leader)[0])
  return { leader, member, start: statOf(leader)?.start ?? 0 }
}

const nobody: Strangers = { watch: () => true, has: () => false, send: () => false, forget: () => undefined }
const kinsfolk = () => kinOf({ strangers: nobody, clock: new FakeClock(), again: () => undefined })

test('a number that is another process’s by now: its group is left alone, and none of it is signalled', async (t) => {
  const { leader, member, start } = await family(t, 'of another master')
  const kin = kinsfolk()
  kin.born({ pid: leader, token: 'of the former process', start: start - 1, child: false })
  assert.deepEqual([kin.countLeft(leader), kin.hasLeft(leader)], [0, false])
  assert.ok(lives(leader) && lives(member))
})

test('an ended leader’s group is its own, and is signalled member by member', async (t) => {
  const { leader, member, start } = await family(t, 'mine')
  const kin = kinsfolk()
  kin.born({ pid: leader, token: 'mine', start, child: false })
  process.kill(leader, 'SIGKILL')
  await until('the end of the leader', () => !lives(leader))
  assert.deepEqual([kin.hasLeft(leader), kin.send(leader, 'SIGKILL', true)], [true, true])
  await until('the end of the member', () => !lives(member))
})

test('found by its token: the leader; once it has ended, what it was; and at last nothing', async (t) => {
  const token = `token of ${process.pid}`
  const { leader, member, start } = await family(t, token)
  assert.deepEqual(survivorWith(token), { token, pid: leader, start })
  process.kill(leader, 'SIGKILL')
  await until('the end of the leader', () => !lives(leader))
  assert.deepEqual(survivorWith(token), { token, pid: leader, start: 0 })
  process.kill(member, 'SIGKILL')
  await until('the end of the member', () => !lives(member))
  assert.equal(survivorWith(token), null)
})
