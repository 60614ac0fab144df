// The master is killed while programs print at the speed of the pipe: the next one reads on where it stopped.

import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { madeOn, nextMaster, succeed } from '../helpers/adoption.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { commandOf, lives } from '../helpers/proc.ts'
import { fixture, type Scene, sceneOf, until } from '../helpers/scene.ts'

const flood = (more: string): string =>
  `${quick}[flood]\ncommand = sh ${fixture('floods-numbers.sh')} %(here)s/enough\nlog_max_size = 0\n${more}`

const KILLS = 4

/** Kills one master after another while the flood goes on; ends the flood; the last one has written all of it. */
async function floodUnderFire(master: Master, kill: (master: Master) => Promise<Master>): Promise<void> {
  let now = master
  const size = (): number => sizeOf(now.scene)
  for (let n = 0; n < KILLS; n++) {
    const before = size()
    await until('more of the flood', () => size() > before + 100_000)
    now = await kill(now)
  }
  now.scene.write('enough', '')
  await until('the end of the flood', () => madeOn(now.scene).every(({ pid }) => commandOf(pid) === 'sleep 600'))
  await now.stop()
}

const sizeOf = (scene: Scene): number => statSync(scene.path('flood.log'), { throwIfNoEntry: false })?.size ?? 0

/** Numbers of each slot in the order in which they stand; the number behind `end` is the first that never was. */
function numbersOf(lines: readonly string[]): Map<string, number[]> {
  const bySlot = new Map<string, number[]>()
  for (const line of lines) {
    const [, slot = '', text = ''] = /^(\d+):(.*)$/.exec(line) ?? []
    const whole = text.endsWith(' is a line that would be missed') || /^end \d+$/.test(text)
    assert.ok(whole, `a torn line: ${JSON.stringify(line)}`)
    const numbers = bySlot.get(slot) ?? []
    numbers.push(Number(/\d+/.exec(text)))
    bySlot.set(slot, numbers)
  }
  return bySlot
}

function noneLost(numbers: readonly number[], doubled: 'never' | 'allowed'): void {
  let next = 1
  numbers.forEach((number, at) => {
    if (doubled === 'allowed' && number < next) return
    assert.equal(number, next, `at ${at}: ${numbers.slice(Math.max(0, at - 2), at + 3).join(' ')}`)
    next++
  })
}

for (const { how, count, more } of [
  { how: 'alone in its file', count: 1, more: '' },
  { how: '3 processes in one file', count: 3, more: 'number_workers = 3\n' },
]) {
  test(`row 2: killed again and again during a flood, raw, ${how}: no line lost, doubled or torn`, async (t) => {
    const ini = flood(more)
    const master = await startMaster(t, ini)
    await floodUnderFire(master, (one) => succeed(t, one, ini))
    const numbers = numbersOf(master.lines('flood.log'))
    assert.equal(numbers.size, count)
    for (const one of numbers.values()) noneLost(one, 'never')
  })
}

for (const { format, textOf } of [
  { format: 'prefix', textOf: (line: string) => /^\S+Z flood:\d stdout (.*)$/.exec(line)?.[1] ?? line },
  {
    format: 'json',
    textOf: (line: string) =>
      line.startsWith('{') && line.endsWith('"}') ? (JSON.parse(line) as { text: string }).text : line,
  },
]) {
  test(`row 2: killed again and again during a flood, ${format}: no line lost; what a kill tore is written anew`, async (t) => {
    const ini = flood(`log_format = ${format}\nnumber_workers = 2\n`)
    const master = await startMaster(t, ini)
    await floodUnderFire(master, (one) => succeed(t, one, ini))
    const texts = master.lines('flood.log').map(textOf)
    // Half of a line that was being written stands alone, at most one for each kill.
    const whole = texts.filter((text) => /^\d:(\d+ is a line that would be missed|end \d+)$/.test(text))
    assert.ok(texts.length - whole.length <= KILLS, `${texts.length - whole.length} torn lines`)
    const numbers = numbersOf(whole)
    assert.equal(numbers.size, 2)
    for (const one of numbers.values()) noneLost(one, 'allowed')
  })
}

test('row 2: half a line: whoever began it finishes it, and nobody else goes on with it', async (t) => {
  const scene = sceneOf(t)
  // Half a line, the rest of it when the file is there; then it waits.
  scene.write(
    'halves.sh',
    'printf "first half of $1, "\nwhile [ ! -e "$2" ]; do sleep 0.02; done\necho "second half of $1"\nexec sleep 600\n',
  )
  const ini = `${quick}[alone]\ncommand = sh halves.sh alone %(here)s/go\n[two]\ncommand = sh halves.sh %(slot)s %(here)s/go\nnumber_workers = 2\n[dies]\ncommand = sh halves.sh dies %(here)s/go\nbackoff_initial = 10ms\n`
  const first = await startMaster(t, ini)
  await first.call('wait', { target: 'all', state: 'RUNNING' })
  await until('the half of it', () => scene.read('alone.log') !== '' && scene.read('dies.log') !== '')
  const { pid } = await first.process('dies:0')
  await first.murder()
  process.kill(pid ?? 0, 'SIGKILL')
  await until('its end', () => !lives(pid ?? 0))
  const master = await nextMaster(t, ini)
  await until('its next process', () => scene.read('dies.log').split('first').length > 2)
  scene.write('go', '')
  const ends = { alone: 1, two: 2, dies: 2 }
  await until('both halves', () => Object.entries(ends).every(([name, n]) => scene.lines(`${name}.log`).length === n))
  await master.stop()
  assert.deepEqual(scene.lines('alone.log'), ['first half of alone, second half of alone'])
  assert.deepEqual(
    scene.lines('two.log').toSorted(),
    ['0', '1'].map((n) => `first half of ${n}, second half of ${n}`),
  )
  assert.deepEqual(scene.lines('dies.log'), ['first half of dies, ', 'first half of dies, second half of dies'])
})
