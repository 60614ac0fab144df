// One JSON text a line: the framing of the worker channel, the same at both of its ends. It never
// holds more than `limit` bytes of a line, and decodes only whole lines. It must not know what a
// message means: protocol.ts does.

const LF = 0x0a

/**
 * Cuts a byte stream into lines.
 * @param limit bytes of the longest line taken; a longer one calls `tooLong` once, and nothing after it is read.
 * @returns feed it with the bytes as they come.
 */
export function lineSplitter(
  limit: number,
  line: (text: string) => void,
  tooLong: () => void,
): (bytes: Buffer) => void {
  return byteLines(limit, (bytes) => line(bytes.toString('utf8')), tooLong)
}

/** The same, for whoever wants to see the bytes before they are text. */
export function byteLines(limit: number, line: (bytes: Buffer) => void, tooLong: () => void): (bytes: Buffer) => void {
  let parts: Buffer[] = []
  let size = 0
  let broken = false
  return (bytes) => {
    let from = 0
    while (!broken) {
      const at = bytes.indexOf(LF, from)
      const piece = bytes.subarray(from, at < 0 ? bytes.length : at)
      size += piece.length
      if (size > limit) {
        broken = true
        parts = []
        tooLong()
        return
      }
      if (piece.length > 0) parts.push(piece)
      if (at < 0) return
      const whole = Buffer.concat(parts, size)
      parts = []
      size = 0
      from = at + 1
      line(whole)
    }
  }
}

/** A message as its line. JSON escapes newlines, so one message is one line. */
export const lineOf = (message: unknown): string => `${JSON.stringify(message)}\n`
