// The master is killed while logs are rotated and compressed as fast as it can.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { madeOn, moment, nextMaster, succeed } from '../helpers/adoption.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { commandOf } from '../helpers/proc.ts'
import { fixture, type Scene, sceneOf, until } from '../helpers/scene.ts'

/** Archives of a log by number, then the log itself: the oldest line first. Each number must stand there once. */
function filesOf(scene: Scene, log: string): string[] {
  const numbers = readdirSync(scene.dir)
    .map((name) => /^(.*\.log)\.(\d+)(\.gz)?$/.exec(name))
    .filter((match) => match?.[1] === log)
    .map((match) => ({ name: match?.[0] ?? '', number: Number(match?.[2]) }))
    .sort((a, b) => b.number - a.number)
  assert.equal(new Set(numbers.map(({ number }) => number)).size, numbers.length, 'an archive stands there twice')
  return [...numbers.map(({ name }) => name), log]
}

function textOf(scene: Scene, name: string): string {
  const bytes = readFileSync(scene.path(name))
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
}

/** What only a rotation or a compression that is under way may leave there. */
const drafts = (scene: Scene): string[] => readdirSync(scene.dir).filter((name) => /\.(tmp|next)$/.test(name))

for (const { format, textOfLine } of [
  { format: 'raw', textOfLine: (line: string) => line },
  {
    format: 'json',
    textOfLine: (line: string) => (line.endsWith('"}') ? (JSON.parse(line) as { text: string }).text : line),
  },
]) {
  test(`row 5: killed again and again while ${format} logs are rotated and compressed: no archive is overwritten, no line lost`, async (t) => {
    const ini = `${quick}[flood]\ncommand = sh ${fixture('floods-numbers.sh')} %(here)s/enough\nlog_max_size = 256KB\nlog_backups = 1000\nlog_compress = true\nlog_format = ${format}\n`
    let master = await startMaster(t, ini)
    const { scene } = master
    for (let n = 0; n < 5; n++) {
      const before = filesOf(scene, 'flood.log').length
      await until('a few rotations', () => filesOf(scene, 'flood.log').length > before + 3)
      await moment(n * 3)
      master = await succeed(t, master, ini)
    }
    scene.write('enough', '')
    await until('the end of the flood', () => commandOf(madeOn(scene)[0]?.pid ?? 0) === 'sleep 600')
    await master.stop()
    const lines = filesOf(scene, 'flood.log').flatMap((name) => textOf(scene, name).split('\n').slice(0, -1))
    let next = 1
    for (const text of lines.map(textOfLine)) {
      const number = Number(/^0:(?:end )?(\d+)/.exec(text)?.[1])
      const doubled = format !== 'raw' && (number < next || !/^0:\d+ is a line that would be missed$/.test(text))
      if (doubled && !text.startsWith('0:end')) continue
      assert.equal(number, next++, JSON.stringify(text))
    }
    await nextMaster(t, ini)
    await until('no draft', () => drafts(scene).length === 0)
  })
}

test('row 5: what a kill left of a rotation and a compression is tidied up when the log is opened again', async (t) => {
  const scene = sceneOf(t)
  const ini = `${quick}[talk]\ncommand = sh -c "echo hello; exec sleep 600"\nlog_max_size = 1MB\nlog_compress = true\n`
  // Killed between two renames of a rotation: the log itself is away, the next one not yet in its place.
  scene.write('talk.log.1', 'newest\n')
  scene.write('talk.log.next', '')
  // Killed at the end of a compression: it has taken the place of the plain file, and not got its name yet.
  scene.write('talk.log.2', gzipSync('older\n'.repeat(100)))
  // Killed in the middle of a compression.
  scene.write('talk.log.3', 'oldest\n'.repeat(100))
  scene.write('talk.log.gz.tmp', 'half')
  scene.write('talk.log.backup.tmp', 'not ours')
  const master = await startMaster(t, ini)
  await master.state('talk:0', 'RUNNING')
  await until('hello', () => master.lines('talk.log').length === 1)
  assert.deepEqual(drafts(scene), ['talk.log.backup.tmp'])
  assert.deepEqual(
    filesOf(scene, 'talk.log').map((name) => textOf(scene, name).split('\n')[0]),
    ['oldest', 'older', 'newest', 'hello'],
  )
})
