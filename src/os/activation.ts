// Sockets that systemd has opened for phd itself (socket activation, sd_listen_fds(3)): from descriptor 3 on, when
// LISTEN_PID is us. Programs find them by what they listen on; a configuration names the same addresses.

import { keepOnExec } from './libc-io.ts'
import { addressOfSocket } from './libc-socket.ts'

const FIRST_FD = 3

/** By the key of their address (core/listening.ts). What is no listening socket is left alone. */
export function receiveSockets(): Readonly<Record<string, number>> {
  const { LISTEN_PID, LISTEN_FDS } = process.env
  // For this process alone: the next ones get their own.
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name]
  if (LISTEN_PID !== String(process.pid) || !/^\d{1,4}$/.test(LISTEN_FDS ?? '')) return {}
  const sockets: Record<string, number> = {}
  for (let fd = FIRST_FD; fd < FIRST_FD + Number(LISTEN_FDS); fd++) {
    const key = addressOfSocket(fd)
    if (key === null) continue
    keepOnExec(fd, false)
    sockets[key] = fd
  }
  return sockets
}
