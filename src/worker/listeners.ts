// What the worker listens on: sockets that the master bound and keeps, as descriptors from 3 on
// (systemd's protocol). Pure: it reads an environment and opens nothing.

export interface Listener {
  /** For `listen({ fd })` of a server of your own. */
  readonly fd: number
  /** `tcp-8000`, `unix-/run/web.sock` */
  readonly name: string
}

const FIRST_FD = 3

/** None when the variables are meant for another process. */
export function listenersFrom(env: Readonly<Record<string, string | undefined>>, pid: number): readonly Listener[] {
  if (Number(env.LISTEN_PID) !== pid) return []
  const names = (env.LISTEN_FDNAMES ?? '').split(':')
  return Array.from({ length: Number(env.LISTEN_FDS) || 0 }, (_, at) => ({
    fd: FIRST_FD + at,
    name: names[at] || 'unknown',
  }))
}
