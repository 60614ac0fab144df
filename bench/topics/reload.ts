// Rolling reloads under load: every request is answered, whatever the server is written in. New connections, and
// connections that are kept. Then processes are killed under load: only what they had in hand fails.

import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allRun, folder, freePort, print, root, startMaster, until } from '../tools.ts'

const RELOADS = 20
const KILLS = 20
const WORKER = `import { HttpWorker } from 'processhandler/worker'
export default class Hello extends HttpWorker {
  handleRequest(_request, response) {
    response.end('hello')
  }
}
`
const APP = `def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
`

export async function reload(): Promise<void> {
  if (spawnSync('wrk', ['-v']).error) {
    process.stdout.write('reload: skipped, it needs wrk\n')
    return
  }
  const base = join(folder, 'reload')
  const python = join(folder, 'serves.py')
  copyFileSync(join(root, 'test/fixtures/serves.py'), python)
  writeFileSync(join(folder, 'hello.mjs'), WORKER)
  writeFileSync(join(folder, 'app.py'), APP)
  const here = `base_path = ${folder}\nlog_path = ${base}\n`
  await measure('Node, HttpWorker', `[web]\nworker = hello\n${here}`, base)
  if (!spawnSync('gunicorn', ['--version']).error) {
    await measure('gunicorn', `[web]\ncommand = gunicorn --workers 1 app:app\nstart_seconds = 2\n${here}`, base)
  }
  if (!spawnSync('python3', ['--version']).error) {
    const section = `[web]\ncommand = python3 ${python}\nstart_seconds = 2\n${here}`
    await measure('Python', section, base)
    await kills(section, base)
  }
}

/** A server that has one request in hand at most: a kill may cost one. */
async function kills(section: string, base: string): Promise<void> {
  const port = await freePort()
  const master = await startMaster(
    `${section}number_workers = 2\nbackoff_reset = 0\nbind = 127.0.0.1:${port}\n`,
    `${base}-kills`,
  )
  await allRun(master.client)
  const load = underLoad(port, ['-H', 'Connection: close'])
  for (let n = 0; n < KILLS; n++) {
    const target = `web:${n % 2}`
    const [program] = await master.client.call('status', { target })
    process.kill(program?.processes[0]?.pid ?? 0, 'SIGKILL')
    await until(async () => (await master.client.call('status', { target }))[0]?.processes[0]?.state === 'STARTING')
    await allRun(master.client)
  }
  const { requests, failed } = await load.end()
  print(`kill -9 under load, ${KILLS} times: requests answered`, '', [requests])
  print(`kill -9 under load, ${KILLS} times: requests failed`, '', [failed])
  await master.end()
}

async function measure(name: string, section: string, base: string): Promise<void> {
  for (const [kind, more] of [
    ['new connections', ['-H', 'Connection: close']],
    ['keep-alive', []],
  ] as const) {
    const port = await freePort()
    const master = await startMaster(`${section}number_workers = 2\nbind = 127.0.0.1:${port}\n`, `${base}-${port}`)
    await allRun(master.client)
    const load = underLoad(port, more)
    const times: number[] = []
    for (let n = 0; n < RELOADS; n++) {
      const from = performance.now()
      const { ok } = await master.client.call('reload', { target: 'web' })
      if (!ok) throw new Error(`${name}: a reload failed`)
      times.push(performance.now() - from)
    }
    const { requests, failed } = await load.end()
    print(`reload: ${name}, ${kind}, one reload`, 'ms', times)
    print(`reload: ${name}, ${kind}, requests answered`, '', [requests])
    print(`reload: ${name}, ${kind}, requests failed`, '', [failed])
    await master.end()
  }
}

/** wrk, until it is told to end. */
function underLoad(port: number, more: readonly string[]) {
  const wrk = spawn('wrk', ['-t1', '-c16', '-d3600s', ...more, `http://127.0.0.1:${port}/`])
  let text = ''
  wrk.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const over = new Promise((done) => wrk.on('close', done))
  return {
    async end(): Promise<{ requests: number; failed: number }> {
      wrk.kill('SIGINT') // it then says what it has seen
      await over
      const requests = Number(/(\d+) requests in/.exec(text)?.[1])
      const errors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1).map(Number) ?? []
      const strange = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0)
      return { requests, failed: errors.reduce((sum, n) => sum + n, 0) + strange }
    },
  }
}
