// Lines as log_format wants them. Pure: bytes in, bytes out.

export interface LineFacts {
  readonly format: 'prefix' | 'json'
  /** `web:0` */
  readonly name: string
  readonly label: 'stdout' | 'stderr'
  /** Wall clock, Unix ms, of the moment at which they were read. */
  readonly time: number
}

/**
 * prefix: `2026-11-24T11:40:00.123Z web:0 stdout text`. A line that is passed on in parts has `stdout+`
 * on each part but its last. json: `{"time","name","stream","text"}`, with `"more": true` on such parts.
 * Bytes of prefix lines are kept as they are; json text is UTF-8, and what is not becomes U+FFFD.
 */
export function formatLines(bytes: Buffer, facts: LineFacts): Buffer {
  return facts.format === 'prefix' ? prefixed(bytes, facts) : asJson(bytes, facts)
}

function prefixed(bytes: Buffer, { name, label, time }: LineFacts): Buffer {
  const head = `${new Date(time).toISOString()} ${name} ${label} `
  const whole = bytes.at(-1) === 0x0a
  // latin1 maps each byte to one character and back, so nothing is lost whatever the bytes mean.
  const text = bytes.toString('latin1', 0, whole ? bytes.length - 1 : bytes.length)
  const utf8Head = Buffer.from(head).toString('latin1')
  const lines = text.replaceAll('\n', `\n${utf8Head}`)
  if (whole) return Buffer.from(`${utf8Head}${lines}\n`, 'latin1')
  const cut = lines.lastIndexOf('\n') + 1
  const partHead = utf8Head.replace(/ $/, '+ ')
  const last =
    cut === 0 ? `${partHead}${lines}` : `${lines.slice(0, cut)}${partHead}${lines.slice(cut + utf8Head.length)}`
  return Buffer.from(cut === 0 ? `${last}\n` : `${utf8Head}${last}\n`, 'latin1')
}

function asJson(bytes: Buffer, { name, label, time }: LineFacts): Buffer {
  const whole = bytes.at(-1) === 0x0a
  const texts = bytes.toString('utf8', 0, whole ? bytes.length - 1 : bytes.length).split('\n')
  const head = `{"time":"${new Date(time).toISOString()}","name":${JSON.stringify(name)},"stream":"${label}","text":`
  const lines = texts.map((text) => `${head}${JSON.stringify(text)}}\n`)
  if (!whole) lines[lines.length - 1] = `${head}${JSON.stringify(texts.at(-1))},"more":true}\n`
  return Buffer.from(lines.join(''))
}
