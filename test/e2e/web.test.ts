// The web page of a real master: who is let in, what may be asked, streams, the page in Chromium, and what becomes of it
// when the master is replaced.

import assert from 'node:assert/strict'
import { chmodSync, rmSync, statSync } from 'node:fs'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { needsChromium, openPage } from '../helpers/chromium.ts'
import { type Master, quick, startMaster } from '../helpers/master.ts'
import { runPhd } from '../helpers/programs.ts'
import { sceneOf, until, within } from '../helpers/scene.ts'
import { freePort } from '../helpers/web.ts'

const ini = (port: number, more: string): string => `${quick}[master]\nweb = 127.0.0.1:${port}\n${more}`
const TOKEN_FILE = '.phd/state/web-token'
const tokenOf = (master: Master): string => master.scene.read(TOKEN_FILE).trim()

interface Asked {
  readonly path?: string
  readonly method?: string
  readonly headers?: IncomingHttpHeaders
  readonly body?: string
}
interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function begin(port: number, { path = '/', method = 'GET', headers = {}, body }: Asked): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, resolve)
    asked.on('error', reject)
    asked.on('continue', () => reject(new Error('it was told to go on')))
    asked.end(body)
  })
}

async function ask(port: number, asked: Asked = {}): Promise<Answered> {
  const response = await within('an answer', begin(port, asked))
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

async function upgrade(master: Master): Promise<void> {
  await master.call('upgrade', {})
  await until('the next program', async () => (await master.call('info', {}).catch(() => null))?.upgrades === 1)
}

const call = (method: string, params: object = {}): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

/** Waits for the first event of a stream that fits. */
async function heard(stream: IncomingMessage, fits: (name: string, data: string) => boolean): Promise<string> {
  const search = async (): Promise<string> => {
    let rest = ''
    for await (const chunk of stream.setEncoding('utf8')) {
      const frames = (rest + chunk).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        const [, name = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(frame) ?? []
        if (fits(name, data)) return data
      }
    }
    throw new Error('the stream has ended')
  }
  return within('an event', search())
}

test('who is let in, and what may be asked: to look only', async (t) => {
  const port = await freePort()
  const master = await startMaster(t, ini(port, 'max_message = 2KB\n[w]\ncommand = sleep 600\n'))
  const token = tokenOf(master)
  const headers = { authorization: `Bearer ${token}` }
  assert.match(token, /^[\w-]{43}$/)
  assert.equal(statSync(master.scene.path(TOKEN_FILE)).mode & 0o777, 0o600)

  const page = await ask(port)
  assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
  assert.match(
    String(page.headers['content-security-policy']),
    /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
  )
  assert.deepEqual([page.headers['x-content-type-options'], page.headers['cache-control']], ['nosniff', 'no-store'])
  for (const path of ['/page.js', '/page.css']) assert.equal((await ask(port, { path })).status, 200)

  const post = (body: string, more: Asked['headers'] = headers): Promise<Answered> =>
    ask(port, { path: '/rpc', method: 'POST', headers: more, body })
  assert.equal((await post(call('ping'), {})).status, 401)
  assert.equal((await post(call('ping'), { authorization: `Bearer ${token.slice(1)}x` })).status, 401)
  for (const path of ['/events', '/logs?target=w', `/events?token=${token}`])
    assert.equal((await ask(port, { path })).status, 401)
  assert.deepEqual(JSON.parse((await post(call('ping'))).body), { jsonrpc: '2.0', id: 1, result: 'pong' })
  for (const strange of [
    { host: 'evil.com' },
    { host: `evil.com:${port}` },
    { origin: 'http://evil.com' },
    { origin: 'null' },
  ]) {
    assert.equal((await post(call('ping'), { ...headers, ...strange })).status, 403, JSON.stringify(strange))
    assert.equal((await ask(port, { headers: strange })).status, 403)
  }
  // Nobody is told to send a body that will not be read.
  const eager = await ask(port, { path: '/rpc', method: 'POST', headers: { expect: '100-continue' } })
  assert.deepEqual([eager.status, eager.headers.connection], [401, 'close'])
  const own = { ...headers, host: `localhost:${port}`, origin: `http://localhost:${port}` }
  const well = await post(call('ping'), own)
  assert.deepEqual([well.status, well.headers['access-control-allow-origin']], [200, undefined])
  for (const [path, method, status] of [
    ['/rpc', 'GET', 405],
    ['/rpc', 'OPTIONS', 405],
    ['/', 'POST', 405],
    ['/events', 'POST', 405],
    ['/metrics', 'GET', 404],
    ['/../package.json', 'GET', 404],
  ] as const)
    assert.equal((await ask(port, { path, method, headers })).status, status, `${method} ${path}`)

  for (const [method, params, code] of [
    ['stop', { target: 'w' }, -32005],
    ['scale', { program: 'w', workers: 2 }, -32005],
    ['show', { target: 'w' }, -32601],
    ['shutdown', {}, -32601],
    ['signal', { target: 'w', signal: 9 }, -32601],
    ['events', {}, -32002],
  ] as const) {
    const { error } = JSON.parse((await post(call(method, params))).body) as { error?: { code: number } }
    assert.equal(error?.code, code, method)
  }
  const denied = await master.logged('the audit line', (line) => line.by === 'web' && line.msg === 'denied')
  assert.deepEqual([denied.method, denied.from], ['stop', '127.0.0.1'])
  assert.equal((await post(call('status', { target: 'x'.repeat(3000) }))).status, 413)
  const { web } = await master.call('info', {})
  assert.deepEqual(web, { url: `http://127.0.0.1:${port}/`, control: false })
  assert.match((await master.phctl('info')).stdout, new RegExp(`web +http://127.0.0.1:${port}/ \\(may only look\\)`))
  assert.ok(!master.stdout().includes(token))
})

test('events and logs as they come; web_control changes things', async (t) => {
  const port = await freePort()
  const program = '[w]\ncommand = sh -c \'echo begun; read x < fifo; echo "$x"; exec sleep 600\'\nlog_file = w.log\n'
  const scene = sceneOf(t)
  const { execFileSync } = await import('node:child_process')
  execFileSync('mkfifo', [scene.path('fifo')])
  const master = await startMaster(t, ini(port, `web_control = yes\n${program}`))
  const headers = { authorization: `Bearer ${tokenOf(master)}` }
  const stream = await within('a stream', begin(port, { path: '/logs?target=w:0&lines=5', headers }))
  assert.equal(stream.headers['content-type'], 'text/event-stream')
  execFileSync('sh', ['-c', 'echo "<b>later</b>" > "$1"', 'sh', scene.path('fifo')])
  await heard(stream, (_name, data) => data.includes('<b>later</b>'))
  stream.destroy()

  const events = await within('a stream', begin(port, { path: '/events?since=0', headers }))
  const post = async (
    method: string,
    params: object,
  ): Promise<{ result?: { ok: boolean }; error?: { code: number } }> =>
    JSON.parse((await ask(port, { path: '/rpc', method: 'POST', headers, body: call(method, params) })).body)
  const stopped = heard(events, (name, data) => name === 'event' && data.includes('"to":"STOPPED"'))
  assert.equal((await post('stop', { target: 'w' })).result?.ok, true)
  await stopped
  events.destroy()
  await master.logged('the audit line', ({ by, method, msg }) => by === 'web' && method === 'stop' && msg === 'called')
  assert.equal((await post('scale', { program: 'w', workers: 2, save: true })).error?.code, -32005)
  for (const path of ['/logs?target=nope', '/logs', '/events?since=x']) {
    const refused = await ask(port, { path, headers })
    assert.deepEqual([refused.status, typeof JSON.parse(refused.body).error.message], [400, 'string'], path)
  }
})

test('the token stays over kill -9 and upgrade; a removed one is new; a port that is taken, a file that others read', async (t) => {
  const port = await freePort()
  const text = ini(port, '[w]\ncommand = sleep 600\n')
  const first = await startMaster(t, text)
  const token = tokenOf(first)
  const alive = async (): Promise<boolean> => {
    const headers = { authorization: `Bearer ${token}` }
    const answered = await ask(port, { path: '/rpc', method: 'POST', headers, body: call('ping') }).catch(() => null)
    return answered?.status === 200
  }
  await first.state('w:0', 'RUNNING')
  await first.murder()
  const second = await startMaster(t, text)
  assert.ok(await alive())
  await upgrade(second)
  await until('the page of the next program', alive)
  const { pid } = await second.process('w:0')
  await second.murder()

  // Processes run already: rather no page than nobody who looks after them.
  const thief = createServer().listen(port, '127.0.0.1')
  t.after(() => thief.close())
  await new Promise((done) => thief.once('listening', done))
  const third = await startMaster(t, text)
  await third.logged(
    'why there is no page',
    ({ msg }) => msg === 'cannot open the web page: this master goes on without',
  )
  assert.deepEqual([(await third.process('w:0')).pid, (await third.call('info', {})).web], [pid, null])
  await third.stop()

  const { scene } = third
  const refused = await runPhd(['-n', '-c', scene.path('config.ini')])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, new RegExp(`cannot listen on 127.0.0.1:${port} for web: .*EADDRINUSE`))
  await new Promise((done) => thief.close(done))
  chmodSync(scene.path(TOKEN_FILE), 0o644)
  assert.match(
    (await runPhd(['-n', '-c', scene.path('config.ini')])).stderr,
    /cannot use .*web-token: others may read it/,
  )
  rmSync(scene.path(TOKEN_FILE))
  const last = await startMaster(t, text)
  assert.notEqual(tokenOf(last), token)
})

const page = async (t: TestContext, control: string, options: { width?: number; fragment?: boolean } = {}) => {
  const port = await freePort()
  const hostile = `'<img src=x onerror="document.title=1"><script>document.title=2</script>'`
  const programs = `[w]\ncommand = sh -c "echo ${hostile.replaceAll('"', '\\"')}; exec sleep 600"\nnumber_workers = 2\n[bad]\ncommand = sh -c "exit 3"\nstartretries = 0\n`
  const master = await startMaster(t, ini(port, `${control}${programs}`))
  await master.state('w:1', 'RUNNING')
  await master.state('bad:0', 'FATAL')
  const url = `http://127.0.0.1:${port}/${options.fragment ? `#token=${tokenOf(master)}` : ''}`
  return { master, page: await openPage(t, url, options.width) }
}
const row = (name: string): string => `document.querySelector('tr[data-name="${name}"]')`
const shows = (name: string, text: string): string => `${row(name)}?.textContent.includes(${JSON.stringify(text)})`

test('in a browser: the token is asked for, the overview is live, text is text, and it comes back', {
  skip: needsChromium,
}, async (t) => {
  const { master, page: tab } = await page(t, 'web_control = yes\n', { width: 360 })
  const door = (token: string): string =>
    `document.querySelector('#token').value = '${token}'; document.querySelector('#door').requestSubmit()`
  await tab.until(`document.querySelector('#door')?.hidden === false`)
  await tab.evaluate(door('wrong'))
  await tab.until(`document.querySelector('#line').textContent.includes('this is not the token')`)
  await tab.evaluate(door(tokenOf(master)))
  await tab.until(shows('w:1', 'RUNNING'))
  await tab.until(shows('bad:0', 'exit 3'))
  assert.equal(await tab.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'it is too wide')

  await tab.evaluate(`${row('w:0')}.querySelector('button').click()`)
  await tab.until(`document.querySelector('#lines').textContent.includes('<script>document.title=2</script>')`)
  assert.equal(await tab.evaluate(`document.querySelectorAll('#lines img, #lines script').length`), 0)

  const press = (label: string): string =>
    `[...${row('w acts')}.querySelectorAll('button')].find((one) => one.textContent === '${label}').click()`
  await tab.evaluate(`window.confirm = () => false; ${press('Stop')}; window.confirm = () => true; ${press('-1')}`)
  await tab.until(`${row('w:1')} === null`)
  assert.equal((await master.process('w:0')).state, 'RUNNING')
  await tab.until(`document.querySelector('#events').textContent.includes('w  scaled 2 -> 1')`)
  await master.call('stop', { target: 'w:0' })
  await tab.until(shows('w:0', 'STOPPED'))

  await upgrade(master)
  await master.call('start', { target: 'w:0' })
  await tab.until(shows('w:0', 'RUNNING'))
  assert.deepEqual(
    tab.complaints.filter((text) => /Content Security|Uncaught/.test(text)),
    [],
  )
})

test('in a browser: without web_control there is nothing to press; the token of the fragment is not kept there', {
  skip: needsChromium,
}, async (t) => {
  const { page: tab } = await page(t, '', { fragment: true })
  await tab.until(shows('w:0', 'RUNNING'))
  await tab.until(`document.querySelector('#master').textContent.includes('look only')`)
  assert.deepEqual(await tab.evaluate(`[location.hash, document.querySelectorAll('.acts').length]`), ['', 0])
})
