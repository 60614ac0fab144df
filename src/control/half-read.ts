// Lines, and requests of HTTP, that clients have begun and not ended. Each costs memory and a descriptor for as long as it stands, so
// there is an end to both: a line has so long to come to its end, and all together hold so many bytes. A client
// that has begun none may say nothing for as long as it likes.

import type { Clock } from '../core/ports.ts'
import { PhError } from '../errors.ts'

/** From its first byte: a line that is not whole by then is refused. */
export const LINE_MS = 30_000
/** All of them together, in lines of the greatest length. */
const MOST_LINES = 16

export interface Reader {
  /** What it has begun. */
  readonly word: 'line' | 'request'
  /** Do we read what it sends? While we do not, it is not its fault that the line has no end. */
  isHeard(): boolean
  /** It is told why, and let go. */
  refuse(refusal: PhError): void
}

export interface HalfRead {
  /** So many bytes of a line wait for their end; `fresh`: the line began just now. */
  holds(reader: Reader, bytes: number, fresh: boolean): void
  /** No line of it is begun, or it is gone. */
  forget(reader: Reader): void
}

interface Half {
  by: number
  bytes: number
}

export function halfReadOf(clock: Clock, maxMessage: number, lineMs = LINE_MS): HalfRead {
  /** In the order of their deadlines. */
  const halves = new Map<Reader, Half>()
  let total = 0
  let armed = false

  const forget = (reader: Reader): void => {
    total -= halves.get(reader)?.bytes ?? 0
    halves.delete(reader)
  }

  const begin = (reader: Reader, bytes: number): void => {
    halves.set(reader, { by: clock.now() + lineMs, bytes })
    total += bytes
    arm()
  }

  const refuse = (reader: Reader, why: string): void => {
    forget(reader)
    reader.refuse(new PhError('PH_LIMIT', why))
  }

  const arm = (): void => {
    const [first] = halves.values()
    if (armed || !first) return
    armed = true
    // Once around the loop first: if we were stopped meanwhile, its end may be there, unread.
    clock.alarm(first.by, () => clock.soon(look))
  }

  const look = (): void => {
    armed = false
    const now = clock.now()
    for (const [reader, { by, bytes }] of [...halves]) {
      if (by > now) break
      if (reader.isHeard())
        refuse(reader, `cannot wait longer: a ${reader.word} was begun ${lineMs / 1000} s ago and has no end`)
      else {
        forget(reader)
        begin(reader, bytes)
      }
    }
    arm()
  }

  /** The greatest goes: whoever sends what others send is not it. */
  const makeRoom = (): void => {
    const [greatest] = [...halves].sort(([, a], [, b]) => b.bytes - a.bytes)
    if (!greatest) return
    const most = `${MOST_LINES} times max_message`
    refuse(
      greatest[0],
      `cannot hold more of this ${greatest[0].word}: what all clients have begun is more than ${most}`,
    )
  }

  return {
    holds(reader, bytes, fresh) {
      const half = halves.get(reader)
      if (half && !fresh) {
        total += bytes - half.bytes
        half.bytes = bytes
      } else {
        forget(reader)
        begin(reader, bytes)
      }
      if (total > MOST_LINES * maxMessage) makeRoom()
    },
    forget,
  }
}
