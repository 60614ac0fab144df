// curl on a Unix socket, as people use it.

import { execFile } from 'node:child_process'
import { missing } from './scene.ts'

export const needsCurl = missing('curl')

export interface Fetched {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** @param wrap words before `curl` */
export function curl(socket: string, args: readonly string[], wrap: readonly string[] = []): Promise<Fetched> {
  const [word = '', ...words] = [...wrap, 'curl', '-sS', '--max-time', '30', '--unix-socket', socket, '-i', ...args]
  return new Promise((resolve, reject) => {
    execFile(word, words, { maxBuffer: 64 * 1024 * 1024 }, (e, stdout, stderr) => {
      if (e) reject(new Error(`curl: ${stderr || e.message}`, { cause: e }))
      else resolve(fetched(stdout))
    })
  })
}

function fetched(text: string): Fetched {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = Number(first.split(' ')[1])
  if (status === 100) return fetched(text.slice(end + 4))
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status, headers, body: text.slice(end + 4) }
}
