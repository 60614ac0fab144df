// Debian's supervisor: one section with numprocs, spoken to by supervisorctl.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { daemon, gone, needs, type Peer, ran } from './peer.ts'

export const supervisordConfig = (folder: string, section: string): string => `[supervisord]
nodaemon = true
logfile = ${folder}/supervisord.log
pidfile = ${folder}/supervisord.pid
minfds = 8192
[unix_http_server]
file = ${folder}/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://${folder}/s.sock
${section}`

export const supervisord: Peer = {
  name: 'supervisord',
  missing: () => needs('supervisord', 'supervisorctl'),
  async start(folder, count, { program, fifo }) {
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'supervisord.conf')
    const section = `[program:idle]
command = ${program} ${fifo}
numprocs = ${count}
process_name = %(program_name)s_%(process_num)d
startsecs = 0
autorestart = true
stdout_logfile = NONE
stderr_logfile = NONE
`
    writeFileSync(file, supervisordConfig(folder, section))
    const child = daemon(['supervisord', '-c', file])
    return {
      own: () => [child.pid ?? 0],
      stopAll: () => ran(['supervisorctl', '-c', file, 'stop', 'all']),
      async end() {
        child.kill('SIGTERM')
        await gone(child)
      },
    }
  },
}
