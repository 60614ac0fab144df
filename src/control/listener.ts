// The listening end of the control socket and its file: bound with its mode from birth, made again when somebody
// removes it, and taken away at the end if it is still ours. Who is connected stays connected, whatever becomes
// of the file.

import {
  chmodSync,
  chownSync,
  type FSWatcher,
  lstatSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
  watch,
} from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../core/ports.ts'
import { errno, messageOf, PhError } from '../errors.ts'

export interface ListenOptions {
  readonly path: string
  /** The listening socket of the program that we were before; null = bind a new one. */
  readonly inherited: number | null
  readonly mode: number
  /** Numeric group of the socket's file, or null. */
  readonly gid: number | null
  readonly clock: Clock
  connected(socket: Socket): void
  log(facts: object, text: string): void
}

export interface Listener {
  /** Of the listening socket. */
  readonly fd: number
  /** Nobody else can connect; the file goes if it is still ours. */
  close(): void
}

interface Bound {
  readonly server: Server
  readonly born: Stats | undefined
}

/** A removed file is made again so long after; in a folder that is gone it is tried again. */
const AGAIN_MS = 100
const RETRY_MS = 1_000

/**
 * Binds and listens at once. The caller holds the lock of run_path: a socket that nobody of ours serves is stale
 * and removed; anything else at the path is refused.
 */
export async function listenOnFile(options: ListenOptions): Promise<Listener> {
  const { path, clock, log } = options
  let bound = await bind(options)
  let watcher: FSWatcher | null = null
  let over = false
  let cancel: (() => void) | null = null
  let told = false

  const isOurs = (): boolean => {
    const there = statSync(path, { throwIfNoEntry: false })
    return there !== undefined && there.ino === bound.born?.ino && there.dev === bound.born.dev
  }

  const look = (): void => {
    if (cancel === null && !over && !isOurs()) cancel = clock.alarm(clock.now() + AGAIN_MS, remake)
  }

  const remake = (): void => {
    cancel = null
    if (over || isOurs()) return
    // Whatever stands there by now is somebody else's: another master's, perhaps, to whom the place belongs.
    if (lstatSync(path, { throwIfNoEntry: false })) {
      log({ path }, 'the file of the control socket was replaced by another: left alone')
      return
    }
    bind({ ...options, inherited: null }).then(
      (fresh) => {
        // Not closed: libuv would unlink the path, which is the new one's now. Nobody finds the old one any more.
        bound.server.unref()
        bound = fresh
        told = false
        follow()
        log({ path }, 'the file of the control socket was removed: made again')
      },
      (e: unknown) => {
        if (!told)
          log({ path, err: messageOf(e) }, 'the file of the control socket was removed, and cannot be made again now')
        told = true
        cancel = clock.alarm(clock.now() + RETRY_MS, remake)
      },
    )
  }

  /** Hears of what happens to the file itself: nothing in its folder wakes us. */
  const follow = (): void => {
    watcher?.close()
    try {
      watcher = watch(path, { persistent: false }, look)
      watcher.on('error', look)
    } catch (e) {
      watcher = null
      log(
        { path, err: messageOf(e) },
        'cannot watch the file of the control socket: were it removed, nobody would notice',
      )
    }
  }

  follow()
  look() // it may be gone already
  return {
    get fd() {
      return (bound.server as unknown as { _handle: { fd: number } })._handle.fd
    },
    close() {
      const ours = isOurs()
      over = true
      watcher?.close()
      cancel?.()
      // libuv unlinks what it has bound, even if it is another master's by now; what it was given it leaves there.
      if (ours) {
        bound.server.close()
        rmSync(path, { force: true })
      } else bound.server.unref()
    },
  }
}

function bind({ path, inherited, mode, gid, connected, log }: ListenOptions): Promise<Bound> {
  const server = createServer({ allowHalfOpen: true }, connected)
  return new Promise((resolve, reject) => {
    server.once('error', (e) =>
      reject(new PhError('PH_INTERNAL', `cannot listen on ${path}: ${e.message}`, {}, { cause: e })),
    )
    if (inherited === null) {
      removeStale(path)
      // The mode holds from birth: a listen on a path binds before it returns.
      // Nobody of another group may connect before the group is the wanted one.
      const umask = process.umask(0o177)
      try {
        server.listen({ path, backlog: 511 })
      } finally {
        process.umask(umask)
      }
    } else server.listen({ fd: inherited, backlog: 511 })
    server.once('listening', () => {
      try {
        if (inherited === null && gid !== null) chownSync(path, -1, gid)
        if (inherited === null) chmodSync(path, mode)
      } catch (e) {
        server.close()
        reject(new PhError('PH_INTERNAL', `cannot give ${path} its mode and group: ${messageOf(e)}`, {}, { cause: e }))
        return
      }
      server.on('error', (e) => log({ err: e.message }, 'control socket'))
      resolve({ server, born: statSync(path, { throwIfNoEntry: false }) })
    })
  })
}

function removeStale(path: string): void {
  let there: ReturnType<typeof lstatSync>
  try {
    there = lstatSync(path)
  } catch (e) {
    if (errno(e) === 'ENOENT') return
    throw e
  }
  if (!there.isSocket())
    throw new PhError('PH_INTERNAL', `cannot listen on ${path}: something else than a socket stands there`)
  const uid = process.geteuid?.() ?? 0
  if (there.uid !== uid && uid !== 0) {
    throw new PhError('PH_INTERNAL', `cannot listen on ${path}: the socket there belongs to uid ${there.uid}`)
  }
  unlinkSync(path)
}
