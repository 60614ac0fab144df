// The words of sd_notify(3): a datagram of NAME=value lines as events of the core. Pure. What is not named
// here is ignored, as the protocol wants it: FDSTORE, BUSERROR, WATCHDOG_USEC and whatever comes later; BARRIER=1
// has been answered by the closing of its descriptor.

import { constants } from 'node:os'
import type { Event } from '../core/state.ts'

export interface Words {
  readonly events: readonly Event[]
  /** MAINPID */
  readonly mainPid: number | null
}

/** In the order of their lines; of several STATUS the last. */
export function wordsOf(text: string): Words {
  const events: Event[] = []
  let status: string | null = null
  let mainPid: number | null = null
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    const value = line.slice(at + 1)
    switch (line.slice(0, Math.max(0, at))) {
      case 'READY':
        if (value === '1') events.push({ type: 'ready' })
        break
      case 'RELOADING':
        if (value === '1') events.push({ type: 'withdrew', why: 'reloading' })
        break
      case 'STOPPING':
        if (value === '1') events.push({ type: 'withdrew', why: 'stopping' })
        break
      case 'WATCHDOG':
        if (value === '1') events.push({ type: 'beat' })
        if (value === 'trigger') events.push({ type: 'hangs', text: 'it said WATCHDOG=trigger' })
        break
      case 'EXTEND_TIMEOUT_USEC':
        if (/^\d{1,15}$/.test(value)) events.push({ type: 'extend', ms: Number(value) / 1000 })
        break
      case 'ERRNO':
        if (/^\d{1,5}$/.test(value)) events.push({ type: 'said', text: errorName(Number(value)) })
        break
      case 'STATUS':
        status = plain(value)
        break
      case 'MAINPID':
        if (/^\d{1,10}$/.test(value)) mainPid = Number(value)
        break
      default:
    }
  }
  if (status !== null) events.unshift({ type: 'status', text: status })
  return { events, mainPid }
}

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

const errorName = (number: number): string =>
  `it said ERRNO=${number}${names.has(number) ? ` (${names.get(number)})` : ''}`

/** It is shown on terminals. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, ' ').trim()
