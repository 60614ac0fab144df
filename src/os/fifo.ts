// The FIFOs of captured output as files: made, and opened only if they are what they should be.

import { closeSync, constants, fstatSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { errno } from '../errors.ts'
import { mkfifo } from './libc-io.ts'

/** The folder is remade where somebody has cleared run_path under us. */
export function makeFifo(path: string): void {
  try {
    mkfifo(path, 0o600)
  } catch (e) {
    if (errno(e) !== 'ENOENT') throw e
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
    mkfifo(path, 0o600)
  }
}

/** Only a FIFO, never through a link. */
export function openFifo(path: string, flags: number): number {
  const fd = openSync(path, flags | constants.O_NOFOLLOW)
  if (fstatSync(fd).isFIFO()) return fd
  closeSync(fd)
  throw new Error(`cannot capture output: ${path} is no FIFO any more`)
}
