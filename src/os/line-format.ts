// Lines as log_format wants them. Pure: bytes in, bytes out. This runs for every line that a program
// prints, so it copies bytes and makes no string where none is needed.

export interface LineFacts {
  readonly format: 'prefix' | 'json'
  /** `web:0` */
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  /** Wall clock, Unix ms, of the moment at which they were read. */
  readonly time: number
}

const LF = 0x0a

/**
 * prefix: `2026-11-24T11:40:00.123Z web:0 stdout text`; a part of a line that goes on in the next one has
 * `stdout+`. Bytes are kept as they are.
 * json: `{"time","name","stream","text"}`, such a part with `"more": true`; text is UTF-8, and what is
 * not becomes U+FFFD.
 * @returns bytes that are good until the next call
 */
export function formatLines(bytes: Buffer, facts: LineFacts): Buffer {
  return facts.format === 'prefix' ? prefixed(bytes, facts) : asJson(bytes, facts)
}

let room = Buffer.allocUnsafe(0)

function roomFor(size: number): Buffer {
  if (room.length < size) room = Buffer.allocUnsafe(size)
  return room
}

function countLines(bytes: Buffer): number {
  let count = 1
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++
  return count
}

function prefixed(bytes: Buffer, { name, label, time }: LineFacts): Buffer {
  const stamp = new Date(time).toISOString()
  const head = Buffer.from(`${stamp} ${name} ${label} `)
  const out = roomFor(bytes.length + countLines(bytes) * (head.length + 2))
  let to = 0
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(LF, from)
    if (at < 0) {
      to += out.write(`${stamp} ${name} ${label}+ `, to)
      to += bytes.copy(out, to, from)
      out[to++] = LF
      break
    }
    to += head.copy(out, to)
    to += bytes.copy(out, to, from, at + 1)
    from = at + 1
  }
  return out.subarray(0, to)
}

/** A byte that JSON would write otherwise, or that is no ASCII. */
const SPECIAL = /[^\n\x20\x21\x23-\x5b\x5d-\x7e]/g

function asJson(bytes: Buffer, { name, label, time }: LineFacts): Buffer {
  const head = Buffer.from(
    `{"time":"${new Date(time).toISOString()}","name":${JSON.stringify(name)},"stream":"${label}","text":`,
  )
  // An escape takes at most six bytes for one.
  const out = roomFor(bytes.length * 6 + countLines(bytes) * (head.length + 20))
  const latin1 = bytes.toString('latin1')
  let special = nextSpecial(latin1, 0)
  let to = 0
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LF, from)
    const end = found < 0 ? bytes.length : found
    if (special < from) special = nextSpecial(latin1, from)
    to += head.copy(out, to)
    if (special >= end) {
      out[to++] = 0x22
      to += bytes.copy(out, to, from, end)
      out[to++] = 0x22
    } else to += out.write(JSON.stringify(bytes.toString('utf8', from, end)), to)
    to += out.write(found < 0 ? ',"more":true}\n' : '}\n', to, 'latin1')
    from = end + 1
  }
  return out.subarray(0, to)
}

function nextSpecial(text: string, from: number): number {
  SPECIAL.lastIndex = from
  return SPECIAL.exec(text)?.index ?? text.length
}
