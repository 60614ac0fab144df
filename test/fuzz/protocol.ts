// The socket of a real phd, spoken to by somebody who does not care: nearly right calls, junk, halves, sudden
// ends. Every call with an id gets one answer with that id; junk is answered and the connection stays; nobody
// else waits; nothing fails inside; what was wanted of the programs is still there.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Client, connect } from '../../src/api/client.ts'
import { type Dice, dice } from '../helpers/dice.ts'
import { lives, residentBytes } from '../helpers/proc.ts'
import { PHD, spawnProgram } from '../helpers/programs.ts'
import { until } from '../helpers/scene.ts'
import { mutated, someCall, someJunk } from './calls.ts'
import type { Fuzzing } from './main.ts'

const INI =
  '[web]\ncommand = sleep 600\nnumber_workers = 2\nstart_seconds = 0\ngraceful_timeout = 1s\nbackoff_max = 200ms\nstart_retries = -1\n'
const MB = 1024 * 1024
const MOST_GROWTH = 96 * MB
const MOST_WAIT_MS = 5_000

interface Tally {
  calls: number
  junk: number
  connections: number
  slowestMs: number
}

export async function fuzzProtocol({ seed, until: end }: Fuzzing): Promise<string> {
  const base = mkdtempSync(path.join(tmpdir(), 'phd-fuzz-'))
  writeFileSync(path.join(base, 'config.ini'), INI)
  const phd = spawnProgram(PHD, ['-n', '-c', path.join(base, 'config.ini')], {})
  phd.stdout?.resume()
  phd.stderr?.resume()
  const socket = path.join(base, 'phd.sock')
  const over = new Promise<number | string | null>((resolve) =>
    phd.on('exit', (code, signal) => resolve(code ?? signal)),
  )
  const hasEnded = (): boolean => phd.exitCode !== null || phd.signalCode !== null
  const tally: Tally = { calls: 0, junk: 0, connections: 0, slowestMs: 0 }
  try {
    const bystander = await until('phd', () => connect(socket).catch(() => false as const))
    const before = residentBytes(phd.pid ?? 0)
    const d = dice(seed)
    while (Date.now() < end) {
      await attack(d, socket, tally).catch(async (e: unknown) => {
        // Where it is gone, that is what happened.
        await new Promise((next) => setTimeout(next, 200))
        throw hasEnded() ? new Error(`phd has ended with ${await over}`) : e
      })
      const begun = performance.now()
      await bystander.call('ping', {})
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - begun)
      if (tally.slowestMs > MOST_WAIT_MS) throw new Error(`a bystander waited ${tally.slowestMs.toFixed()} ms`)
      if (!lives(phd.pid ?? 0)) throw new Error(`phd has ended with ${await over}`)
      const growth = residentBytes(phd.pid ?? 0) - before
      if (growth > MOST_GROWTH) throw new Error(`phd has grown by ${(growth / MB).toFixed()} MB`)
    }
    await aftermath(bystander)
    const failures = readFileSync(path.join(base, 'phd.log'), 'utf8')
      .split('\n')
      .filter((line) => /a method failed|internal error|could not be answered/.test(line))
    if (failures.length > 0) throw new Error(`something failed inside: ${failures[0]}`)
    await bystander.call('shutdown', {})
    if ((await over) !== 0) throw new Error(`phd ended with ${await over}`)
    const { calls, junk, connections, slowestMs } = tally
    return `${calls} calls, ${junk} pieces of junk on ${connections} connections; a bystander waited ${slowestMs.toFixed(1)} ms at most`
  } catch (e) {
    // Its last words say why.
    const log = readFileSync(path.join(base, 'phd.log'), 'utf8').split('\n').slice(-12)
    throw new Error(`${e instanceof Error ? e.message : String(e)}\nlast in phd.log:\n${log.join('\n')}`, { cause: e })
  } finally {
    phd.kill('SIGKILL')
    rmSync(base, { recursive: true, force: true })
  }
}

/** The programs can be had as they were, whatever was asked meanwhile. */
async function aftermath(client: Client): Promise<void> {
  await client.call('scale', { program: 'web', workers: 2 })
  await client.call('start', { target: 'web' })
  const [web] = await client.call('status', {})
  if (web?.state !== 'RUNNING' || web.processes.length !== 2) throw new Error(`web is ${web?.state} afterwards`)
}

/** One connection and what it says. */
async function attack(d: Dice, path: string, tally: Tally): Promise<void> {
  const line = await lineTo(path)
  tally.connections++
  const owed = new Map<number, string>()
  for (let n = 1 + d.below(12); n > 0; n--) {
    if (d.chance(50)) {
      const id = ++tally.calls
      const call = someCall(d, id)
      owed.set(id, call)
      line.send(Buffer.from(`${call}\n`))
    } else {
      tally.junk++
      line.send(someJunk(d))
    }
  }
  if (d.chance(20)) {
    // In the middle of a word, and gone.
    line.send(mutated(d, Buffer.from(someCall(d, 1))).subarray(0, d.below(40)))
    line.socket.destroy()
    return
  }
  const id = ++tally.calls
  owed.set(id, 'the last ping')
  line.send(Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`))
  if (d.chance(20)) line.socket.end()
  await until('the answers', () => {
    for (const answer of line.answers.splice(0)) take(answer, owed)
    return owed.size === 0 || line.closed()
  }).catch(() => {
    throw new Error(`not answered: ${[...owed.values()][0]}`)
  })
  for (const answer of line.answers.splice(0)) take(answer, owed)
  if (owed.size > 0) {
    throw new Error(`the connection was closed (${line.said()}), and not answered: ${[...owed.values()][0]}`)
  }
  line.socket.destroy()
}

/** Every answer is a whole one; each id is answered once. */
function take(text: string, owed: Map<number, string>): void {
  const answers = [JSON.parse(text) as unknown].flat() as Record<string, unknown>[]
  for (const answer of answers) {
    if ('method' in answer) continue // a notification
    const error = answer.error as { code: unknown; message: unknown; data?: { code?: unknown } } | undefined
    const isWhole = answer.jsonrpc === '2.0' && 'id' in answer && 'result' in answer !== 'error' in answer
    if (!isWhole || (error && (!Number.isInteger(error.code) || typeof error.data?.code !== 'string'))) {
      throw new Error(`no whole answer: ${text.slice(0, 300)}`)
    }
    if (error?.code === -32603) throw new Error(`an internal error was answered: ${text.slice(0, 300)}`)
    if (typeof answer.id === 'number') owed.delete(answer.id)
  }
}

interface Line {
  readonly socket: Socket
  readonly answers: string[]
  send(bytes: Buffer): void
  closed(): boolean
  /** The last that was heard. */
  said(): string
}

async function lineTo(path: string): Promise<Line> {
  const socket = createConnection({ path, allowHalfOpen: true })
  const answers: string[] = []
  let rest = ''
  let over = false
  let last = 'nothing was said'
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    answers.push(...lines)
    last = lines.at(-1)?.slice(0, 200) ?? last
  })
  socket.on('error', (e) => {
    last = `${last}; ${e.message}`
  }) // closed while we wrote: what it means is said by what was answered
  for (const event of ['end', 'close']) socket.on(event, () => (over = true))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return {
    socket,
    answers,
    closed: () => over,
    said: () => last,
    send: (bytes) => void (socket.writable && socket.write(bytes)),
  }
}
