// A small master for the tests of the worker: the real master's end of the channel in a temp dir,
// real processes of boot.js, and waits with a deadline. It must not outlive its test.

import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listenForWorkers, type WorkerChannel } from '../../src/os/workers.ts'
import type { Counters, Welcome } from '../../src/worker/protocol.ts'

const BOOT = fileURLToPath(new URL('../../src/worker/boot.js', import.meta.url))
const DEADLINE_MS = 15_000

export interface Happening {
  readonly type: 'ready' | 'bootFailed' | 'recycle' | 'beat' | 'trouble'
  readonly pid?: number
  readonly message?: string
  readonly requests?: number
  readonly errors?: number
}

export interface LogLine {
  readonly level: number
  readonly time: number
  readonly name: string
  readonly msg: string
  readonly err?: { readonly type: string; readonly message: string; readonly stack: string }
  readonly [fact: string]: unknown
}

export interface Spawned {
  readonly child: ChildProcess
  readonly pid: number
  /** Of stdout, parsed; a line that is no JSON fails the test. */
  logs(): LogLine[]
  stdout(): string
  stderr(): string
  exited(): Promise<{ readonly code: number | null; readonly signal: string | null }>
  happened(type: Happening['type'], which?: (happening: Happening) => boolean): Promise<Happening>
  logged(msg: string, times?: number): Promise<void>
}

export interface Master {
  readonly dir: string
  readonly happenings: Happening[]
  /** All of what beats told. */
  readonly beats: readonly Counters[]
  channel: WorkerChannel
  /** Closes the socket; `listen` opens it again, as a next master would. */
  listen(): void
  expect(token: string, pid: number, welcome: Welcome): void
  welcomeOf(fixture: string, welcome?: Partial<Welcome>): Welcome
  spawn(welcome: Welcome, options?: { readonly token?: string; readonly node?: readonly string[] }): Spawned
  until<T>(what: string, look: () => T | undefined | false): Promise<T>
}

export function masterOf(t: TestContext): Master {
  const dir = mkdtempSync(join(tmpdir(), 'ph-worker-'))
  const path = join(dir, 'w.sock')
  const happenings: Happening[] = []
  const beats: Counters[] = []
  const children: ChildProcess[] = []
  const pids = new Set<number>()
  // The kernel's word is libc.ts's; here the only connections are those of the last process spawned.
  let lastPid = 0
  const open = (): WorkerChannel =>
    listenForWorkers(
      path,
      {
        ready: (pid) => void happenings.push({ type: 'ready', pid }),
        bootFailed: (pid, message) => void happenings.push({ type: 'bootFailed', pid, message }),
        beat(pid, counters) {
          beats.push(counters)
          happenings.push({ type: 'beat', pid, requests: counters.requests, errors: counters.errors })
        },
        recycle: (pid, requests) => void happenings.push({ type: 'recycle', pid, requests }),
        trouble: (message) => void happenings.push({ type: 'trouble', message }),
      },
      () => lastPid,
    )

  const master: Master = {
    dir,
    happenings,
    beats,
    channel: open(),
    listen() {
      master.channel = open()
    },
    expect(token, pid, welcome) {
      master.channel.expect(token, welcome)
      master.channel.bind(token, pid)
    },
    welcomeOf(fixture, welcome = {}) {
      const module = join(dir, basename(fixture))
      copyFileSync(fixturePath(fixture), module)
      return {
        type: 'welcome',
        program: 'jobexecute',
        name: 'jobexecute:0',
        slot: 0,
        procName: 'jobexecute',
        module,
        className: null,
        cfg: {},
        maxRequests: 0,
        beatMs: 0,
        concurrency: 10,
        graceMs: 10_000,
        backlog: 511,
        ownQueues: false,
        endsWithMaster: false,
        ...welcome,
      }
    },
    spawn(welcome, { token = 'secret', node = [process.execPath] } = {}) {
      master.channel.expect(token, welcome)
      const [program = '', ...args] = node
      const child = spawn(program, [...args, BOOT], {
        cwd: dir,
        env: { PATH: process.env.PATH, HOME: dir, PHD_CHANNEL: path, PHD_TOKEN: token },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const pid = child.pid ?? 0
      lastPid = pid
      pids.add(pid)
      children.push(child)
      master.channel.bind(token, pid)
      return watch(master, child, pid)
    },
    async until(what, look) {
      const deadline = performance.now() + DEADLINE_MS
      for (;;) {
        const found = look()
        if (found !== undefined && found !== false) return found
        if (performance.now() > deadline) {
          throw new Error(`waited ${DEADLINE_MS} ms in vain for ${what}; happened: ${JSON.stringify(happenings)}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
  }
  t.after(async () => {
    await Promise.all(children.map(ended))
    master.channel.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return master
}

function watch(master: Master, child: ChildProcess, pid: number): Spawned {
  let stdout = ''
  let stderr = ''
  let exit: { code: number | null; signal: string | null } | undefined
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.on('close', (code, signal) => {
    exit = { code, signal }
  })
  const said = (): string => `\nstdout: ${stdout}\nstderr: ${stderr}`
  const logs = (): LogLine[] =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine)
  return {
    child,
    pid,
    logs,
    stdout: () => stdout,
    stderr: () => stderr,
    exited: () =>
      master.until(`the exit of ${pid}`, () => exit).catch((e: Error) => Promise.reject(new Error(e.message + said()))),
    happened: (type, which = () => true) =>
      master
        .until(type, () => master.happenings.find((one) => one.type === type && one.pid === pid && which(one)))
        .catch((e: Error) => Promise.reject(new Error(e.message + said()))),
    logged: async (msg, times = 1) => {
      await master
        .until(`${times} times the log line "${msg}"`, () => logs().filter((one) => one.msg === msg).length >= times)
        .catch((e: Error) => Promise.reject(new Error(e.message + said())))
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await closed
}

/** The sources' folder: fixtures are no TypeScript, so they are not in the compiled tree. */
export function fixturePath(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  const places = [join(folder, 'test/worker/fixtures', name), join(folder, name)]
  const found = places.find((place) => existsSync(place))
  if (found === undefined) {
    throw new Error(`no fixture ${name} (have: ${readdirSync(join(folder, 'test/worker/fixtures')).join(', ')})`)
  }
  return found
}

/** CPU time of a process so far, in clock ticks (1/100 s). */
export function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}
