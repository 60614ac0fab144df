// phd itself, asked over its socket.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../src/api/client.ts'
import { root } from '../tools.ts'
import { daemon, gone, type Peer } from './peer.ts'

export const phd: Peer = {
  name: 'phd',
  missing: () => null,
  async start(folder, count, { program, fifo }) {
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'config.ini')
    const section = `[idle]\ncommand = ${program} ${fifo}\nnumber_workers = ${count}\nlog_file = none\n`
    writeFileSync(file, `${section}start_seconds = 0\nbackoff_reset = 0\n`)
    const child = daemon([process.execPath, join(root, 'dist/bin/phd.cjs'), '-n', '-c', file])
    const call = async (method: 'stop' | 'scale', workers = 0): Promise<void> => {
      const client = await connect(join(folder, 'phd.sock'))
      if (method === 'stop') await client.call('stop', { target: 'all' })
      else await client.call('scale', { program: 'idle', workers })
      client.close()
    }
    return {
      own: () => [child.pid ?? 0],
      stopAll: () => call('stop'),
      scale: (workers) => call('scale', workers),
      async end() {
        child.kill('SIGTERM')
        await gone(child)
      },
    }
  },
}
