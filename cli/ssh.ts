// The way to a master on another machine: the user's own ssh, asked to forward a socket of ours to the one over there.
// Nothing but sshd is wanted on the far side. One connection serves all commands to a host: it stays for a minute after
// the last one, and who comes meanwhile finds the socket and starts no ssh at all.
// Keys, agents, ports, jump hosts and known hosts are what ssh makes of them; it never asks a question (BatchMode).

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Host } from '../src/config/hosts.ts'
import { errno, messageOf, PhError } from '../src/errors.ts'

const STAYS_S = 60
const CONNECT_S = 10
const TRIES = 3
/** Between two looks whether the socket is there. */
const LOOK_MS = 20
/** A socket's path has 107 bytes, of which ssh takes 17 for a while when it makes one. */
const LONGEST_FOLDER = 60

/** Ways to one machine are made one after the other: so they share its connection. */
const underWay = new Map<string, Promise<unknown>>()

/** The path of a socket of this machine that leads there. Throws PH_NO_MASTER with ssh's own words. */
export function wayTo(host: Host, timeoutMs: number | null): Promise<string> {
  const { destination, socket } = host
  // `ssh -p 2222`, `ssh -F file`: as with git and rsync. No shell reads it.
  const [ssh = 'ssh', ...given] = (process.env.PHCTL_SSH || 'ssh').split(/\s+/).filter((word) => word !== '')
  const folder = ownFolder()
  const connection = join(folder, nameOf(ssh, ...given, destination))
  const near = join(folder, nameOf(ssh, ...given, destination, socket))
  const options = ['BatchMode=yes', `ControlPath=${connection}`, 'StreamLocalBindUnlink=yes']
  const way: Way = {
    host,
    ssh,
    connection,
    near,
    shared: [...given, ...options.flatMap((option) => ['-o', option])],
    forward: ['-L', `${near}:${socket}`, destination],
    until: timeoutMs === null ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs,
  }
  const before = underWay.get(connection) ?? Promise.resolve()
  const made = before.then(() => lay(way))
  underWay.set(
    connection,
    made.catch(() => undefined),
  )
  return made
}

interface Way {
  readonly host: Host
  readonly ssh: string
  /** ssh's own socket. */
  readonly connection: string
  /** Where we connect to. */
  readonly near: string
  readonly shared: readonly string[]
  readonly forward: readonly string[]
  readonly until: number
}

async function lay(way: Way): Promise<string> {
  const { ssh, connection, near, shared, forward } = way
  if (await answers(near)) return near
  const free = await turn(way)
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      if (await answers(near)) return near // who had the turn before us has made it
      if (existsSync(connection)) {
        // The connection is there, the way to this socket is not; or it has ended, and left its socket.
        for (const command of ['cancel', 'forward']) {
          await ended(spawn(ssh, [...shared, '-O', command, ...forward], { stdio: 'ignore' }))
        }
        if (await answers(near)) return near
      }
      await connects(way)
    }
    throw unreachable(way.host, 'it has connected, and forwards no socket')
  } finally {
    free()
  }
}

/** Two of us that connect at the same time would make two connections, of which only one is shared. */
async function turn(way: Way): Promise<() => void> {
  const lock = `${way.connection}.lock`
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx', mode: 0o600 })
      return () => rmSync(lock, { force: true })
    } catch (e) {
      if (errno(e) !== 'EEXIST') throw e
    }
    if (!isHeld(lock)) rmSync(lock, { force: true })
    if (performance.now() > way.until) throw late(way)
    await pause()
  }
}

/** Who was killed over it holds nothing; who has not written its pid yet, does. */
function isHeld(lock: string): boolean {
  try {
    const pid = readFileSync(lock, 'latin1')
    return pid === '' || existsSync(`/proc/${pid}`)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e // given back in this moment
    return true
  }
}

const late = ({ host: { name } }: Way): PhError =>
  new PhError('PH_TIMEOUT', `cannot wait longer for ${name}: ssh has not connected yet`, { host: name })

/** A new connection, with the way. Throws PH_NO_MASTER, and PH_TIMEOUT. */
async function connects(way: Way): Promise<void> {
  const { host, ssh, near, shared, forward } = way
  const options = ['ControlMaster=auto', `ControlPersist=${STAYS_S}`, 'ExitOnForwardFailure=yes']
  const limits = [`ConnectTimeout=${CONNECT_S}`, 'ServerAliveInterval=5']
  const words = [...shared, ...[...options, ...limits].flatMap((option) => ['-o', option]), '-N', ...forward]
  // In a session of its own: Ctrl-C is meant for us, and who comes next shall find it.
  const child = spawn(ssh, words, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const gone = ended(child)
  while (performance.now() < way.until) {
    const end = await Promise.race([gone, pause()])
    // 0: a connection was there already, and has been asked for the way.
    if (end && end.code !== 0)
      throw unreachable(host, end.fault ?? lastLine(said.join('')) ?? `${ssh} ended with ${end.code}`)
    if (end || (await answers(near))) return
  }
  child.kill()
  throw late(way)
}

function unreachable({ name, destination }: Host, why: string): PhError {
  return new PhError(
    'PH_NO_MASTER',
    `cannot reach ${name} by ssh: ${why.replace(/^ssh: /, '')}\n  try: ssh ${destination}`,
    { host: name },
  )
}

/** Where nobody else can put a socket for us to use. */
function ownFolder(): string {
  const self = process.getuid?.() ?? 0
  const runtime = process.env.XDG_RUNTIME_DIR
  const folder = runtime && runtime.length < LONGEST_FOLDER ? join(runtime, 'phctl') : `/tmp/phctl-${self}`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const there = lstatSync(folder)
  if (there.isDirectory() && there.uid === self && (there.mode & 0o077) === 0) return folder
  throw new PhError(
    'PH_DENIED',
    `cannot use ${folder} for connections: it must be a folder of ours that nobody else may enter`,
  )
}

const nameOf = (...words: readonly string[]): string =>
  createHash('sha256').update(words.join('\0')).digest('hex').slice(0, 20)

/** Somebody listens there: ssh, on behalf of the far side. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false)) // not yet, or not any more
  })
}

interface End {
  readonly code: number | null
  /** It could not be started. */
  readonly fault: string | null
}

function ended(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, fault: null }))
    child.on('error', (e) => resolve({ code: null, fault: messageOf(e) }))
  })
}

const pause = (): Promise<null> => new Promise((resolve) => setTimeout(() => resolve(null), LOOK_MS))

const lastLine = (text: string): string | null => {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '').at(-1) ?? null
}
