// Makes V8's code of both bundles (run-bundle.ts), as the last step of a build: of the functions that a master needs to
// start, answer `phctl status` and end, and of those that this command needs. They are found by doing it.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageFile } from '../src/package.ts'

const CONFIG = `[DEFAULT]
start_seconds = 0

[raw]
command = sleep 60
number_workers = 3

[prefix]
command = sleep 60
log_format = prefix
`
/** A build must not hang where phd cannot run. */
const WITHIN_MS = 20_000

const folder = mkdtempSync(join(tmpdir(), 'phd-code-'))
try {
  await make()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function make(): Promise<void> {
  const config = join(folder, 'config.ini')
  writeFileSync(config, CONFIG)
  const phd = spawn(process.execPath, [packageFile('dist/bin/phd.cjs'), '--make-code', '-n', '-c', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: WITHIN_MS,
  })
  const ended = new Promise<number | null>((resolve) => phd.on('exit', resolve))
  const ready = new Promise<void>((resolve) => {
    phd.stdout.on('data', (chunk: Buffer) => chunk.includes('"ready"') && resolve())
  })
  await Promise.race([ready, ended])
  const status = [packageFile('dist/bin/phctl.cjs'), '--make-code', '-c', config, 'status']
  const phctl = spawnSync(process.execPath, status, { stdio: ['ignore', 'ignore', 'inherit'], timeout: WITHIN_MS })
  phd.kill('SIGTERM')
  const exit = await ended
  if (exit !== 0 || phctl.status !== 0) throw new Error(`phd ended with ${exit}, phctl status with ${phctl.status}`)
}
