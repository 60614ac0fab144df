// One JSON text a line, both ways (NDJSON). Splits a byte stream into lines without ever holding
// more than `limit` bytes of one, and never decodes bytes that are not whole lines: a character of
// UTF-8 that was cut between two chunks is whole again when `line` gets it.

const LF = 0x0a

export interface Lines {
  /** Feeds bytes; calls `line` for each whole line, without its newline (a CR before it is cut). */
  push(chunk: Buffer): void
  /** Bytes waiting for their newline. */
  readonly pending: number
}

/**
 * @param limit bytes of the longest line taken; a longer one calls `tooLong` once, and nothing after it is read.
 * @param line gets bytes that may share memory with the chunk; it must not throw (the rest of the chunk would be lost).
 */
export function lineSplitter(limit: number, line: (bytes: Buffer) => void, tooLong: () => void): Lines {
  let parts: Buffer[] = []
  let size = 0
  let broken = false
  return {
    get pending() {
      return size
    },
    push(chunk) {
      let from = 0
      while (!broken) {
        const at = chunk.indexOf(LF, from)
        const end = at < 0 ? chunk.length : at
        if (size + end - from > limit) {
          broken = true
          parts = []
          size = 0
          tooLong()
          return
        }
        const piece = chunk.subarray(from, end)
        if (at < 0) {
          if (piece.length > 0) {
            parts.push(piece)
            size += piece.length
          }
          return
        }
        const whole = parts.length === 0 ? piece : Buffer.concat([...parts, piece])
        parts = []
        size = 0
        from = at + 1
        line(whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole)
      }
    },
  }
}
