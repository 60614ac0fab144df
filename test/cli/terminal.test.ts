// What phctl does on a terminal only: drawing in place, and a line of progress.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { against, answering, failed, info, ok, type Reply, up, web } from './fake-master.ts'
import { ended, terminal } from './phctl.ts'

const options = {
  timeout: 60_000,
  skip: existsSync('/usr/bin/script') ? false : 'no script(1) to make a terminal with',
}

/** The parts stand in the text in this order. */
function inOrder(text: string, parts: readonly string[]): void {
  let at = 0
  for (const part of parts) {
    const found = text.indexOf(part, at)
    assert.ok(found >= at, `${JSON.stringify(part)} is missing after ${at} of ${JSON.stringify(text)}`)
    at = found + part.length
  }
}

test('status -w: drawn in place, and the cursor comes back at ^C', options, () =>
  against(answering({ status: [web([up])] }), async (_fake, env) => {
    const child = terminal('phctl status -w', env)
    const result = ended(child)
    let seen = ''
    await new Promise<void>((done) => {
      child.stdout?.on('data', (text: string) => {
        seen += text
        if (seen.split('web:0').length > 2) done()
      })
    })
    child.stdin?.end('\x03')
    const { stdout } = await result
    const picture = ['\x1b[H', 'phd 0.1.0  pid', '1 process: 1 running', 'web:0', '\x1b[K\x1b[J']
    inOrder(stdout, ['\x1b[?25l', '\x1b[2J', ...picture, ...picture, '\x1b[?25h', 'exit 0'])
    assert.equal(stdout.lastIndexOf('\x1b[2J'), stdout.indexOf('\x1b[2J'), 'the screen is cleared once')
  }),
)

test('status -w outlives the master, and says that it is gone', options, () =>
  against(answering({ status: [web([up])] }), async (fake, env) => {
    const child = terminal('phctl status -w', env)
    const result = ended(child)
    let seen = ''
    await new Promise<void>((done) => {
      child.stdout?.on('data', (text: string) => {
        seen += text
        if (seen.includes('web:0')) void fake.die()
        if (seen.includes('cannot reach a master')) done()
      })
    })
    child.stdin?.end('\x03')
    inOrder((await result).stdout, ['web:0', 'cannot reach a master', 'web:0', '\x1b[?25h', 'exit 0'])
  }),
)

test('a slow operation shows where it is, and takes the line away before the result', options, () => {
  const reply: Reply = ({ id, method }, socket) => {
    if (method === 'info') socket.write(ok(id, info))
    else if (method === 'status') socket.write(ok(id, [web([up, failed])]))
    else setTimeout(() => socket.write(ok(id, { ok: true, results: [{ ...up, pid: 12 }] })), 1500)
  }
  return against(reply, async (_fake, env) => {
    const { stdout } = await ended(terminal('phctl start web', env))
    inOrder(stdout, ['\r2 processes: 1 running, 1 fatal  1s\x1b[K', '\r\x1b[K', 'web:0', 'pid 12', 'exit 0'])
  })
})

test('colour on a terminal, and none with NO_COLOR', options, () =>
  against(answering({ status: [web([up])] }), async (_fake, env) => {
    const [plain, painted] = await Promise.all(
      [{ ...env, NO_COLOR: '1' }, env].map((e) => ended(terminal('phctl status', e))),
    )
    assert.ok(painted?.stdout.includes('\x1b[32mRUNNING'), JSON.stringify(painted))
    assert.ok(plain?.stdout.includes('RUNNING') && !plain.stdout.includes('\x1b['), JSON.stringify(plain))
  }),
)
