// docs/socket.md and the socket: the tables both ways, and every example sent to a real master.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { test } from 'node:test'
import { toJSONSchema } from 'zod'
import { eventTopics } from '../../src/api/contract.ts'
import { summaries } from '../../src/control/openrpc.ts'
import { schemas } from '../../src/control/schemas.ts'
import { codes as errorCodes } from '../../src/errors.ts'
import { quick, startMaster } from '../helpers/master.ts'
import { until } from '../helpers/scene.ts'
import { blocks, codes, table, text } from './pages.ts'

const PAGE = 'docs/socket.md'
const methods = Object.keys(summaries) as (keyof typeof summaries)[]

test('each method with its parameters, result and summary', () => {
  const expected = methods.map((name) => {
    const { properties = {}, required = [] } = toJSONSchema(schemas[name], { io: 'input' })
    const params = Object.keys(properties).map((key) => `\`${key}${required.includes(key) ? '' : '?'}\``)
    const [summary, result] = summaries[name]
    return [`\`${name}\``, params.join(', '), `\`${result}\``, summary]
  })
  assert.deepEqual(table(PAGE, 'method'), expected)
})

test('each error with its number and the exit status that phctl makes of it', () => {
  const named = (head: string): (readonly string[])[] => table(PAGE, head).map((row) => row.slice(0, -1))
  const local = ['PH_NO_MASTER', 'PH_USAGE', 'PH_LOCKED']
  const rows = Object.entries(errorCodes)
  assert.deepEqual(
    named('code'),
    rows
      .filter(([name]) => !local.includes(name))
      .map(([name, { rpc, exit }]) => [String(rpc), `\`${name}\``, String(exit)]),
  )
  assert.deepEqual(
    named('name'),
    rows.filter(([name]) => local.includes(name)).map(([name, { exit }]) => [`\`${name}\``, String(exit)]),
  )
})

test('the states of a process', () => {
  const named = table(PAGE, 'process').flatMap(([cell = '']) => codes(cell))
  assert.deepEqual(named, schemas.wait.shape.state.options)
})

/** The field names of an interface of the contract, from its source: types are gone when tests run. */
function fieldsOf(name: string): string[] {
  const [, body] =
    new RegExp(`export interface ${name}[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(text('src/api/contract.ts')) ?? []
  assert.ok(body, `no interface ${name}`)
  return [...body.matchAll(/^ {2}readonly (\w+\??):/gm)].map((match) => match[1] ?? '')
}

for (const name of ['TargetResult', 'Program', 'LastRun', 'ProcessStatus', 'Health', 'ExitFacts']) {
  test(`the fields of ${name}`, () => {
    assert.deepEqual(
      table(PAGE, `\`${name}\``).map(([cell = '']) => codes(cell)[0]),
      fieldsOf(name),
    )
  })
}

test('the topics of events', () => {
  assert.deepEqual(
    table(PAGE, 'topic').map(([cell = '']) => codes(cell)[0]),
    [...eventTopics],
  )
})

test('the limits are those of the source', () => {
  const limit = (file: string, name: string): number => {
    const [, product = ''] = new RegExp(`const ${name} = ([\\d_ *]+)`).exec(text(file)) ?? []
    return product.split('*').reduce((all, factor) => all * Number(factor.replaceAll('_', '')), 1)
  }
  const MB = 1024 * 1024
  assert.equal(limit('src/json-rpc.ts', 'MAX_DEPTH'), 64)
  assert.equal(limit('src/control/rpc.ts', 'MAX_BATCH'), 1000)
  assert.equal(limit('src/control/session.ts', 'MOST_SUBSCRIPTIONS'), 64)
  assert.equal(limit('src/control/sender.ts', 'MOST_UNREAD'), MB)
  assert.equal(limit('src/control/sender.ts', 'MOST_UNREAD_OF_ALL'), 32 * MB)
  assert.equal(limit('src/control/sender.ts', 'LEAST_UNREAD'), MB / 16)
  assert.equal(limit('src/control/sender.ts', 'MOST_OF_A_LIST'), MB / 4)
  assert.equal(limit('src/control/connection.ts', 'MAX_NOTICES'), MB)
  assert.equal(limit('src/control/connection.ts', 'REFUSED_MS'), 1_000)
  assert.equal(limit('src/control/half-read.ts', 'LINE_MS'), 30_000)
  assert.equal(limit('src/control/half-read.ts', 'MOST_LINES'), 16)
  assert.equal(limit('src/control/events.ts', 'KEPT'), 4096)
  assert.equal(limit('src/control/log-follower.ts', 'BEHIND_BYTES'), 4 * MB)
  const page = text(PAGE)
  for (const words of [
    'nests at most 64 deep',
    'at most 1000 calls',
    '64 subscriptions',
    '1 MB of answers',
    'beyond 1 MB',
    '32 MB for all, but 64 KB each',
    'beyond 256 KB',
    'within a second',
    'within 30 s',
    'at most 16 times `max_message`',
  ]) {
    assert.ok(page.includes(words), words)
  }
  assert.ok(page.includes('at least 4096') && page.includes('more than 4 MB behind'))
})

interface Example {
  readonly request: string
  readonly answer: unknown
}

function examples(): Example[] {
  const block = blocks(PAGE, '').find((one) => one.startsWith('→'))
  assert.ok(block)
  const lines = block.trimEnd().split('\n')
  return lines.flatMap((line, at) =>
    line.startsWith('→ ')
      ? [{ request: line.slice(2), answer: JSON.parse((lines[at + 1] ?? '').replace(/^← /, '')) as unknown }]
      : [],
  )
}

test('every method has an example, and every example gets an answer of the shape that is shown', async (t) => {
  const all = examples()
  const used = all.flatMap(({ request }) =>
    [...request.matchAll(/"method":"([\w.]+)"/g)].map((match) => match[1] ?? ''),
  )
  assert.deepEqual([...new Set(used)].toSorted(), methods.toSorted())

  const ini = `${quick}[web]\ncommand = sleep 600\nnumber_workers = 2\n[bad]\ncommand = sh -c "exit 3"\nstart_retries = 0\n[task]\ncommand = true\nautorestart = never\nautostart = false\n`
  const master = await startMaster(t, ini)
  await master.call('wait', { target: 'web', state: 'RUNNING' })
  await master.call('wait', { target: 'bad', state: 'FATAL' })
  let heard = ''
  const connected = (): Socket =>
    createConnection(master.socket)
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        heard += chunk
      })
  let socket = connected()
  for (const { request, answer } of all) {
    heard = ''
    const closed = once(socket, 'close')
    socket.write(`${request}\n`)
    const line = await until(`the answer to ${request}`, () => heard.endsWith('\n') && heard)
    assert.equal(misfit(answer, JSON.parse(line), ''), null, `${request}\n${line}`)
    if (!request.includes('"upgrade"')) continue
    await closed // the new program answers on a new connection
    socket = connected()
  }
  assert.deepEqual(await master.ended, { code: 0, signal: null })
})

/** Where the shown answer and the real one differ in keys or kinds; null = nowhere. Lists are judged by their first entry. */
function misfit(shown: unknown, real: unknown, at: string): string | null {
  if (shown === null || real === null) return null
  if (Array.isArray(shown) && Array.isArray(real)) {
    return shown.length > 0 && real.length > 0 ? misfit(shown[0], real[0], `${at}[0]`) : null
  }
  if (typeof shown !== typeof real || Array.isArray(shown) !== Array.isArray(real)) return `${at}: ${typeof real}`
  if (typeof shown === 'boolean') return shown === real ? null : `${at}: ${real === true}`
  if (typeof shown !== 'object') return null
  const [one, two] = [shown as Record<string, unknown>, real as Record<string, unknown>]
  if (at.endsWith('.environment')) return null // each master's own
  const [keys, others] = [Object.keys(one).toSorted(), Object.keys(two).toSorted()]
  if (keys.join() !== others.join()) return `${at}: ${others.join()}`
  return keys.map((key) => misfit(one[key], two[key], `${at}.${key}`)).find((found) => found !== null) ?? null
}
