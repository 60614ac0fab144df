// PM2: an ecosystem file with one application in fork mode; a daemon of its own, in a home of its own.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs, type Peer, ran } from './peer.ts'

export const pm2Env = (folder: string): Record<string, string> => ({ PM2_HOME: join(folder, 'home') })

export const pm2: Peer = {
  name: 'PM2',
  missing: () => needs('pm2'),
  async start(folder, count, { program, fifo }) {
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'ecosystem.config.cjs')
    const app = {
      name: 'idle',
      script: program,
      args: fifo,
      interpreter: 'none',
      exec_mode: 'fork',
      instances: count,
      out_file: '/dev/null',
      error_file: '/dev/null',
      min_uptime: 0,
      max_restarts: 1_000_000,
    }
    writeFileSync(file, `module.exports = { apps: [${JSON.stringify(app)}] }\n`)
    const env = pm2Env(folder)
    // Not waited for: births are what counts.
    const begun = ran(['pm2', 'start', file], env)
    begun.catch(() => undefined)
    return {
      own: () => [Number(readFileSync(join(folder, 'home/pm2.pid'), 'utf8'))],
      stopAll: () => ran(['pm2', 'stop', 'all'], env),
      // No scale: of `pm2 scale idle 100` with a program that is no script, PM2 7.0 made hundreds, and never answered.
      async end() {
        await begun
        await ran(['pm2', 'kill'], env)
      },
    }
  },
}
