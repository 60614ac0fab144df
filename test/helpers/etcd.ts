// A real etcd for a test, on ports of its own; a way to it that can be cut; and what witnesses say who ran under it.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Socket, connect as tcp } from 'node:net'
import type { TestContext } from 'node:test'
import { missing, type Scene, sceneOf, until, within } from './scene.ts'

/** Why a test cannot run here. */
export const needsEtcd: string | false = missing('etcd')

export interface Etcd {
  readonly port: number
  /** SIGKILL. */
  kill(): Promise<void>
  start(): Promise<void>
}

export interface EtcdOptions {
  readonly args?: readonly string[]
  readonly scheme?: 'http' | 'https'
}

export async function startEtcd(t: TestContext, { args = [], scheme = 'http' }: EtcdOptions = {}): Promise<Etcd> {
  const scene = sceneOf(t)
  const [port, peers] = [await freePort(), await freePort()]
  const url = `${scheme}://127.0.0.1:${port}`
  const words = [
    ...['--data-dir', scene.path('etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', url, '--advertise-client-urls', url],
    ...[
      '--listen-peer-urls',
      `http://127.0.0.1:${peers}`,
      '--initial-advertise-peer-urls',
      `http://127.0.0.1:${peers}`,
    ],
    ...['--initial-cluster', `default=http://127.0.0.1:${peers}`],
    // Elections of one member need no second; with them goes the shortest lease that it grants.
    ...['--heartbeat-interval', '20', '--election-timeout', '200'],
    ...args,
  ]
  let child: ChildProcess | null = null
  const etcd: Etcd = {
    port,
    async start() {
      const one = spawn('etcd', words, { stdio: ['ignore', 'pipe', 'pipe'] })
      child = one
      let said = ''
      const serves = new Promise<void>((resolve, reject) => {
        for (const stream of [one.stdout, one.stderr]) {
          stream.setEncoding('utf8').on('data', (text: string) => {
            said += text
            if (/ready to serve client requests/.test(said)) resolve()
          })
        }
        one.on('exit', (code) => reject(new Error(`etcd ended with ${code}: ${said.slice(-2000)}`)))
      })
      await within('a first word of etcd', serves)
    },
    async kill() {
      const one = child
      child = null
      if (!one || one.exitCode !== null) return
      const gone = new Promise((resolve) => one.on('exit', resolve))
      one.removeAllListeners('exit')
      one.on('exit', () => undefined)
      one.kill('SIGKILL')
      await within('the end of etcd', Promise.race([gone, until('its exit', () => one.signalCode !== null)]))
    },
  }
  await etcd.start()
  scene.after(() => etcd.kill())
  return etcd
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

export interface Way {
  readonly port: number
  /** Nothing passes any more, in either direction, and nobody is told. */
  cut(): void
}

/** To that port of this host, through a port of its own. */
export async function wayTo(t: TestContext, port: number): Promise<Way> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = tcp(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk) => isCut || to.write(chunk))
      from.on('error', () => undefined)
      from.on('close', () => isCut || to.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  sceneOf(t).after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cut() {
      isCut = true
    },
  }
}

/** What the fixture fenced.sh has written: one after the other, each with its fence. Fails where two were at once. */
export function witnessed(scene: Scene, file: string): readonly { fence: number; from: number; to: number }[] {
  const runs: { fence: number; pid: string; from: number; to: number }[] = []
  for (const line of scene.lines(file)) {
    const [up = '', fence = '', pid = ''] = line.split(' ')
    const last = runs.at(-1)
    const at = Number(up)
    if (last?.pid === pid) last.to = at
    else {
      const again = runs.some((one) => one.pid === pid)
      assert.ok(!again, `${pid} writes while ${last?.pid} does: ${scene.lines(file).slice(-8).join(', ')}`)
      assert.ok(Number(fence) >= (last?.fence ?? 0), `fence ${fence} after ${last?.fence}`)
      runs.push({ fence: Number(fence), pid, from: at, to: at })
    }
  }
  return runs
}

/** The longest time in which nobody ran it, in ms. */
export const longestGap = (runs: ReturnType<typeof witnessed>): number =>
  Math.max(0, ...runs.slice(1).map(({ from }, at) => (from - (runs[at]?.to ?? 0)) * 1000))
