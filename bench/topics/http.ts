// A Node service with two processes: kept by phd on a socket that it inherits, beside node:cluster, under wrk. The
// same handler in both. Interleaved; a connection for all requests, and one for each.

import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { allRun, folder, freePort, type Master, print, startMaster, until } from '../tools.ts'

const ROUNDS = 5
const SECONDS = 4
const CONNECTIONS = 100
const HANDLER = `import http from 'node:http'
const server = http.createServer((_request, response) => response.end(String(process.pid)))
`

export async function http(): Promise<void> {
  if (spawnSync('wrk', ['-v']).error) {
    process.stdout.write('http: skipped, it needs wrk\n')
    return
  }
  const [ours, shared, theirs] = [await freePort(), await freePort(), await freePort()]
  const inherited = join(folder, 'inherited.mjs')
  writeFileSync(inherited, `${HANDLER}server.listen({ fd: 3 })\n`)
  const clustered = join(folder, 'clustered.mjs')
  writeFileSync(
    clustered,
    `import cluster from 'node:cluster'\n${HANDLER}if (cluster.isPrimary) for (let n = 0; n < 2; n++) cluster.fork()\nelse server.listen(${theirs}, '127.0.0.1')\n`,
  )
  const section = (name: string, port: number, balance: string): string =>
    `[${name}]\ncommand = ${process.execPath} ${inherited}\nnumber_workers = 2\nbind = 127.0.0.1:${port}\nbalance = ${balance}\n`
  const master = await startMaster(section('shared', ours, 'shared') + section('reuseport', shared, 'reuseport'))
  const peer = spawn(process.execPath, [clustered], { stdio: 'ignore' })
  try {
    const ports = { 'phd, shared': ours, 'phd, reuseport': shared, 'node:cluster': theirs }
    await measure(master, peer, ports)
    for (const [name, port] of Object.entries(ports)) await balance(name, port)
  } finally {
    peer.kill('SIGKILL')
    await master.end()
  }
}

async function measure(master: Master, peer: ChildProcess, ports: Readonly<Record<string, number>>): Promise<void> {
  await allRun(master.client)
  for (const port of Object.values(ports)) await until(() => answers(port))
  if (peer.exitCode !== null) throw new Error('the peer has ended')
  for (const [kind, more] of [
    ['keep-alive', []],
    ['a connection each', ['-H', 'Connection: close']],
  ] as const) {
    const rates = new Map<string, number[]>()
    const tails = new Map<string, number[]>()
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, port] of Object.entries(ports)) {
        const { perSecond, p99 } = await wrk(port, more)
        rates.set(name, [...(rates.get(name) ?? []), perSecond])
        tails.set(name, [...(tails.get(name) ?? []), p99])
      }
    }
    for (const name of Object.keys(ports)) {
      print(`http: ${kind}, ${name}`, 'requests/s', rates.get(name) ?? [])
      print(`http: ${kind}, ${name}, p99`, 'ms', tails.get(name) ?? [])
    }
  }
}

/** How many of the connections that are open at once the busier of both processes has: half of them would be fair. */
async function balance(name: string, port: number): Promise<void> {
  const shares: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    const by = new Map<string, number>()
    const one = async (): Promise<void> => {
      const pid = await askedOf(port, agent)
      by.set(pid, (by.get(pid) ?? 0) + 1)
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, one))
    agent.destroy()
    shares.push((Math.max(...by.values()) / CONNECTIONS) * 100)
  }
  print(`http: ${CONNECTIONS} connections at once, ${name}, at the busier process`, '%', shares)
}

function askedOf(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, agent }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
    })
    asked.on('error', reject)
  })
}

async function wrk(port: number, more: readonly string[]): Promise<{ perSecond: number; p99: number }> {
  const words = ['-t1', '-c32', `-d${SECONDS}s`, '--latency', ...more, `http://127.0.0.1:${port}/`]
  const { stdout } = await promisify(execFile)('wrk', words)
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
  const [, tail = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  return { perSecond, p99: Number(tail) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN) }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
