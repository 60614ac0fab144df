// One JSON text a line, both ways (NDJSON). Splits a byte stream into lines without ever holding
// more than `limit` bytes of one, and never decodes bytes that are not whole lines: a character of
// UTF-8 that was cut between two chunks is whole again when `line` gets it.

const LF = 0x0a
const NONE = Buffer.alloc(0)

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
  /** The beginning of a line, in one piece: a client that sends it byte by byte costs no more than one that does not. */
  let held = NONE
  let size = 0
  let broken = false
  const hold = (piece: Buffer): void => {
    const needed = size + piece.length
    if (needed > held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * needed, limit)))
      held.copy(larger, 0, 0, size)
      held = larger
    }
    piece.copy(held, size)
    size = needed
  }
  const letGo = (): void => {
    held = NONE
    size = 0
  }
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
          letGo()
          tooLong()
          return
        }
        const piece = chunk.subarray(from, end)
        if (at < 0) {
          hold(piece)
          return
        }
        let whole = piece
        if (size > 0) {
          hold(piece)
          whole = held.subarray(0, size)
          letGo()
        }
        from = at + 1
        line(whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole)
      }
    },
  }
}
