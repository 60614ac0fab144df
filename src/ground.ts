// The ground that phd stands on: Linux with glibc >= 2.34, asked before anything is loaded that needs it and would
// fail with a stack. Imported right behind early.ts; with the entries of the programs the only file that ends a process.

import { readFileSync } from 'node:fs'
import { codes } from './errors.ts'

const trouble = groundFault(process.platform, maps())
if (trouble !== null) {
  process.stderr.write(`phd: ${trouble}\n`)
  process.exit(codes.PH_INTERNAL.exit)
}

/**
 * Why phd cannot run here; null = it can. `mapped` is /proc/self/maps: until 2.33 the C library's file is called by its
 * version, since then libc.so.6 (Node's own report would tell as well, but takes 20 ms).
 */
export function groundFault(platform: string, mapped: string): string | null {
  const wanted = 'wanted Linux with glibc 2.34 or newer'
  if (platform !== 'linux') return `cannot run on ${platform}: ${wanted}`
  if (/\/ld-musl-[^/]*$/m.test(mapped)) return `cannot run with musl, the C library of Alpine: ${wanted}`
  const minor = /\/libc-2\.(\d+)\.so$/m.exec(mapped)?.[1]
  if (minor !== undefined && Number(minor) < 34) return `cannot run with glibc 2.${minor}: ${wanted}`
  return null
}

function maps(): string {
  try {
    return readFileSync('/proc/self/maps', 'utf8')
  } catch {
    return '' // no /proc: what needs it says so better
  }
}
