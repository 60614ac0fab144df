// Which instances of a configuration there are: those whose sockets stand beside its own, and those that have a
// folder in its run_path, living or not.

import { existsSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join, parse } from 'node:path'

export interface Known {
  /** null = the master without a name. */
  readonly instance: string | null
  readonly socket: string
}

/** Somebody who asked for another one waits for the answer. */
const PATIENCE_MS = 300

/** By the name that an instance puts before the last extension of the socket, as phd does. */
export function besideSocket(base: string): readonly Known[] {
  const { dir, name, ext } = parse(base)
  const found: Known[] = existsSync(base) ? [{ instance: null, socket: base }] : []
  for (const file of filesIn(dir)) {
    if (!file.startsWith(`${name}.`) || !file.endsWith(ext) || file.length <= name.length + 1 + ext.length) continue
    const instance = file.slice(name.length + 1, file.length - ext.length)
    if (INSTANCE.test(instance)) found.push({ instance, socket: join(dir, file) })
  }
  return found
}

/** By the folder that each has in the run_path of the master without a name, which comes first. */
export function inRunPath(runPath: string): readonly Known['instance'][] {
  const begun = (folder: string): boolean => existsSync(join(folder, 'state', 'lock'))
  const named = filesIn(runPath).filter((name) => INSTANCE.test(name) && begun(join(runPath, name)))
  return [...(begun(runPath) ? [null] : []), ...named]
}

/** Those that accept connections, for people: by name, or `the one without --instance`. */
export async function livingBeside({ socket, instance }: Known): Promise<readonly string[]> {
  const { dir, name, ext } = parse(socket)
  const plain = instance !== null && name.endsWith(`.${instance}`) ? name.slice(0, -instance.length - 1) : name
  const others = besideSocket(join(dir, `${plain}${ext}`)).filter((one) => one.socket !== socket)
  const living = await Promise.all(others.map(async (one) => ((await accepts(one.socket)) ? [one.instance] : [])))
  return living.flat().map((one) => (one === null ? 'the one without --instance' : `--instance ${one}`))
}

/** As phd takes them. */
const INSTANCE = /^[A-Za-z0-9_.-]+$/

function accepts(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path)
    const timer = setTimeout(() => answer(false), PATIENCE_MS)
    const answer = (lives: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      done(lives)
    }
    socket.on('connect', () => answer(true))
    socket.on('error', () => answer(false))
  })
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return [] // not there, or not for us to list: then there is none that we could speak to
  }
}
