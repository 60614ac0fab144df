// A private sshd on loopback for a test, with keys of its own, and the ssh that knows it: nothing of the user's is
// read or changed.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import type { TestContext } from 'node:test'
import { freePort } from './etcd.ts'
import { commandOf, mentioning } from './proc.ts'
import { missing, sceneOf, until } from './scene.ts'

const SSHD = '/usr/sbin/sshd'

/** Why a test cannot run here. */
export const needsSshd: string | false = missing('ssh') || (existsSync(SSHD) ? false : `needs ${SSHD}`)

export interface Sshd {
  readonly port: number
  /** For phctl: which ssh, and where its connections are. */
  readonly env: Readonly<Record<string, string>>
  /** Connections that ssh keeps now. */
  connections(): readonly number[]
}

export async function startSshd(t: TestContext): Promise<Sshd> {
  const scene = sceneOf(t)
  for (const name of ['host', 'id', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', scene.path(name)])
  }
  const port = await freePort()
  const keyOf = (name: string): string => scene.read(`${name}.pub`)
  scene.write('authorized', keyOf('id'))
  scene.write('known', `[127.0.0.1]:${port} ${keyOf('host')}`)
  const server = scene.write(
    'sshd_config',
    `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${scene.path('host')}\nAuthorizedKeysFile ${scene.path('authorized')}\n` +
      'PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nForceCommand /bin/false\n',
  )
  const client = scene.write(
    'ssh_config',
    `Port ${port}\nUser ${userInfo().username}\nIdentityFile ${scene.path('id')}\nIdentitiesOnly yes\n` +
      `UserKnownHostsFile ${scene.path('known')}\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n`,
  )
  // Where it separates privileges; the package makes it when its service starts.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const child = spawn(SSHD, ['-D', '-f', server], { stdio: 'ignore' })
  await until('sshd', () => answers(port))
  const run = scene.path('run')
  mkdirSync(run)
  const connections = (): readonly number[] => mentioning(run).filter((pid) => commandOf(pid).startsWith('ssh '))
  scene.after(async () => {
    for (const pid of connections()) process.kill(pid)
    await until('the end of its connections', () => connections().length === 0)
    child.kill()
    await until('the end of sshd', () => child.exitCode !== null || child.signalCode !== null)
  })
  return { port, env: { PHCTL_SSH: `ssh -F ${client}`, XDG_RUNTIME_DIR: run }, connections }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1')
    probe.on('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
}
