// The master's own stdout as a log (`inherit`): no offset, no rotation, no end to go back to. What does not fit now is
// kept and goes first next time; where the terminal or the pipe behind it is gone for good, nobody waits for the lines.

import { writeSync } from 'node:fs'
import type { Clock } from '../core/ports.ts'
import { errno, messageOf } from '../errors.ts'
import { BegunLine } from './begun-line.ts'
import type { LogFile, LogTarget } from './log-file.ts'
import { LogTrouble, type Trouble } from './log-trouble.ts'

/** A full pipe behind our own stdout is usually read soon. */
const RETRY_MS = 20

export class OpenStdout implements LogFile {
  readonly path: string
  readonly splices = false
  readonly trouble: LogTrouble
  readonly begun: BegunLine
  users = 1
  target: LogTarget
  #unfinished: Buffer | null = null
  #lost = false

  constructor(target: LogTarget, clock: Clock, tell: Trouble) {
    this.target = target
    this.path = target.path
    this.trouble = new LogTrouble('stdout', clock, tell)
    this.begun = new BegunLine(clock, this)
  }

  get stuck(): boolean {
    return this.trouble.stuck
  }

  room(): number {
    return Number.POSITIVE_INFINITY
  }

  rotate(): boolean {
    return false
  }

  splice(): null {
    throw new Error('cannot splice to stdout: it may be a terminal')
  }

  write(bytes: Buffer): boolean {
    let at = 0
    try {
      while (at < bytes.length) at += writeSync(1, bytes, at)
      return true
    } catch (e) {
      if (errno(e) === 'EAGAIN') {
        this.trouble.wait(RETRY_MS, () => this.#goOn())
        if (at === 0) return false
        this.#unfinished = Buffer.from(bytes.subarray(at))
        return true
      }
      if (!this.#lost) this.trouble.tell(messageOf(e))
      this.#lost = true
      return true
    }
  }

  #goOn(): void {
    const rest = this.#unfinished
    this.#unfinished = null
    if (rest && !this.write(rest)) this.#unfinished = rest
  }

  endsWhole(): boolean {
    return true
  }

  /** It has no name at which another could stand. */
  reopen(): void {}

  clear(): void {}

  close(): void {
    this.begun.close()
  }
}
