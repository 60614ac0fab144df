// The masters of a chaos run, one after the other on the same configuration: started, killed, asked. Every
// wait has a deadline; a master that ends without being asked to, or logs an error, is a violation.

import type { ChildProcess } from 'node:child_process'
import { type Client, connect } from '../../src/api/client.ts'
import type { Method, Params, Result } from '../../src/api/contract.ts'
import { PHD, spawnProgram } from '../helpers/programs.ts'
import { until, within } from '../helpers/scene.ts'
import { Violation } from './violation.ts'

/** Long: the machine may have much else to do. What takes longer hangs. */
export const DEADLINE_MS = 40_000

interface Living {
  readonly child: ChildProcess
  readonly pid: number
  client: Client | null
  readonly ended: Promise<void>
  /** Its end is wanted, or another program takes its place: what was asked of it may stay without an answer. */
  leaving: boolean
}

export interface PhdOptions {
  readonly config: string
  readonly socket: string
  /** A violation that nobody waits for. */
  readonly failed: (violation: Violation) => void
}

export class Phd {
  readonly #options: PhdOptions
  #now: Living | null = null
  /** The last lines of its log. */
  readonly #tail: string[] = []
  kills = 0
  upgrades = 0
  /** Counts the programs that were a master, one after the other. */
  generation = 0

  constructor(options: PhdOptions) {
    this.#options = options
  }

  get pid(): number {
    return this.#living.pid
  }

  /** null = there is none now. */
  get livingPid(): number | null {
    return this.#now?.pid ?? null
  }

  get tail(): readonly string[] {
    return this.#tail
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const { living, ready } = this.#spawn()
    await within('a master that is ready', Promise.race([ready, living.ended]), DEADLINE_MS)
    living.client = await within('a connection', connect(this.#options.socket), DEADLINE_MS)
  }

  /** Starts one, and kills it wherever it is so long after. */
  async startAndKill(ms: number): Promise<{ readonly killed: number; readonly gone: number }> {
    this.#spawn()
    await new Promise((resolve) => setTimeout(resolve, ms))
    return this.kill()
  }

  #spawn(): { readonly living: Living; readonly ready: Promise<void> } {
    const child = spawnProgram(PHD, ['-n', '-c', this.#options.config], {})
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(-4_000)
    })
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
    const living: Living = { child, pid: child.pid ?? 0, client: null, ended, leaving: false }
    this.#now = living
    this.generation++
    child.on('exit', (code, signal) => {
      this.#now = null
      if (living.leaving) return
      this.#options.failed(new Violation(`the master ended by itself, with ${code ?? signal}: ${stderr}`))
    })
    return { living, ready: new Promise((resolve) => this.#listen(child, resolve)) }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<{ readonly killed: number; readonly gone: number }> {
    const living = this.#living
    living.leaving = true
    const killed = Date.now()
    living.child.kill('SIGKILL')
    await within('the end of a killed master', living.ended, DEADLINE_MS)
    this.kills++
    living.client?.close()
    return { killed, gone: Date.now() }
  }

  /** In place; resolves when the new program answers. */
  async upgrade(): Promise<void> {
    const living = this.#living
    const before = await this.call('info', {})
    living.leaving = true
    await this.call('upgrade', {})
    living.client = await until('the upgraded master', () => this.#successor(before?.upgrades ?? 0), DEADLINE_MS)
    living.leaving = false
    this.upgrades++
    this.generation++
  }

  /** A connection to the program that came after so many upgrades; null = it is not there yet. */
  async #successor(upgrades: number): Promise<Client | null> {
    const client = await within('a connection', connect(this.#options.socket), DEADLINE_MS)
    const info = await client.call('info', {}).catch(goneAway)
    if (info !== null && info.upgrades > upgrades) return client
    client.close()
    return null
  }

  signal(signal: NodeJS.Signals): void {
    this.#living.child.kill(signal)
  }

  /** An answer, or null: the master was killed before it came. The master's own refusals are thrown. */
  async call<M extends Method>(method: M, params: Params<M>): Promise<Result<M> | null> {
    const living = this.#living
    if (!living.client) throw new Error(`cannot call ${method}: the master is not ready`)
    try {
      return await within(`the answer to ${method}`, living.client.call(method, params), DEADLINE_MS)
    } catch (e) {
      if (living.leaving) return goneAway(e)
      throw e
    }
  }

  /** The orderly end. */
  async shutdown(): Promise<void> {
    const living = this.#living
    living.leaving = true
    const code = new Promise<number | null>((resolve) => living.child.on('exit', resolve))
    await this.call('shutdown', { wait: true })
    await within('the end of the master', living.ended, DEADLINE_MS)
    const exit = await code
    if (exit !== 0) throw new Violation(`an orderly end, and the master exits with ${exit}`)
  }

  /** Whatever it does. */
  async end(): Promise<void> {
    if (this.#now) await this.kill()
  }

  get #living(): Living {
    if (!this.#now) throw new Error('cannot ask: there is no master')
    return this.#now
  }

  #listen(child: ChildProcess, ready: () => void): void {
    let rest = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#heard(line, ready)
    })
  }

  #heard(line: string, ready: () => void): void {
    this.#tail.push(line)
    if (this.#tail.length > 400) this.#tail.shift()
    if (line.includes('"msg":"ready"')) ready()
    if (/"level":"(error|fatal)"/.test(line)) this.#options.failed(new Violation(`the master logs an error: ${line}`))
  }
}

function goneAway(e: unknown): null {
  if ((e as { code?: string }).code === 'PH_NO_MASTER') return null
  throw e
}
