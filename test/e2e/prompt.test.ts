// phctl alone, on a terminal: a prompt. Keys are typed as a person does, one after the other was answered.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { phctl, terminal } from '../cli/phctl.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { until } from '../helpers/scene.ts'

const options = { skip: existsSync('/usr/bin/script') ? false : 'no script(1) to make a terminal with' }

test('commands, completion, history, Ctrl-C, a master that goes, and Ctrl-D', options, async (t) => {
  const master = await startMaster(t, `${quick}[web]\ncommand = sleep 600\n[off]\ncommand = true\nautostart = false\n`)
  const state = master.scene.path('state')
  const child = terminal(`phctl -s ${master.socket}`, { XDG_STATE_HOME: state, NO_COLOR: '1' })
  master.scene.after(() => void child.kill('SIGKILL'))
  let screen = ''
  let seen = 0
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    screen += text
  })
  /** Waits for text behind what was waited for before. */
  const shows = async (text: string): Promise<void> => {
    const look = (): number | null => {
      const at = screen.indexOf(text, seen)
      return at < 0 ? null : at + text.length
    }
    seen = await until(text, look).catch((e: Error) => {
      throw new Error(`${e.message} on ${JSON.stringify(screen.slice(seen))}`)
    })
  }
  const type = (keys: string): void => void child.stdin?.write(keys)
  /** A command, what it shows, and the prompt again. */
  const enter = async (line: string, ...shown: readonly string[]): Promise<void> => {
    type(`${line}\r`)
    for (const text of shown) await shows(text)
    await shows('phctl> ')
  }
  await shows(`runs ${master.scene.path('config.ini')}`)
  await shows('phctl> ')
  const before = master.log.filter((line) => line.msg === 'connected').length
  await enter('status web', 'web:0     RUNNING')
  await enter('phctl pid web:0', '\r\n')
  await enter('wbe', 'there is no such command')
  await enter('status wbe', 'did you mean "web"?')
  await enter('logs "a', 'a closing " is missing')
  assert.equal(master.log.filter((line) => line.msg === 'connected').length, before, 'one connection')

  // Key by key, each seen: what comes at once is a paste, in which TAB is a blank.
  type('stat')
  await shows('stat')
  type('\t')
  await shows('us ')
  type('o')
  await shows('o')
  type('\t')
  await shows('ff ')
  await enter('', 'off:0     STOPPED')

  type('wait off --state RUNNING\r')
  await shows('1 process: 1 stopped') // its line of progress
  type('\x03')
  await shows('left; what was asked of the master goes on')
  await shows('phctl> ')
  type('half a line\x03')
  await shows('^C')
  await shows('phctl> ')
  type('\x1b[A') // up
  await shows('wait off')
  type('\x1b[A')
  await shows('status off')
  await enter('', 'off:0     STOPPED')
  await enter(' ping', 'pong')
  await enter('shutdown', 'is gone')
  await enter('ping', 'cannot reach a master at')
  type('\x04')
  await shows('exit 0')

  const file = `${state}/phd/phctl_history`
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const kept = readFileSync(file, 'utf8').split('\n')
  assert.deepEqual([kept[0], kept.includes('shutdown') || kept, kept.includes(' ping')], ['status web', true, false])
  await master.ended
})

test('not on a terminal, and without a command: usage, exit 2', async () => {
  const { code, stderr } = await phctl([])
  assert.equal(code, 2)
  assert.match(stderr, /cannot tell what to do: a command is wanted\n {2}see: phctl help/)
})
