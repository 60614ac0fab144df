// What of readiness is the same for all who look and listen: the form as it is in a slot, and in words. Pure.

import { forSlot, type Ready } from './spec.ts'

/** What the master itself must ask again and again. */
export type Asked = Extract<Ready, { kind: 'tcp' | 'http' | 'exec' }>

/** The same in a slot. */
export function readyIn(ready: Ready, slot: number): Ready {
  switch (ready.kind) {
    case 'tcp':
      return { ...ready, address: forSlot(ready.address, slot) }
    case 'http':
      return { ...ready, url: forSlot(ready.url, slot) }
    case 'exec':
      return { ...ready, argv: ready.argv.map((word) => forSlot(word, slot)) }
    case 'log':
      return { ...ready, pattern: forSlot(ready.pattern, slot) }
    default:
      return ready
  }
}

/** What a start waits for, in words; null where it is nothing that could fail to come, or goes without saying. */
export function awaited(ready: Ready, slot: number): string | null {
  const one = readyIn(ready, slot)
  switch (one.kind) {
    case 'time':
    case 'worker':
      return null
    case 'notify':
      return 'READY=1 on NOTIFY_SOCKET'
    case 'fd':
      return `a newline on descriptor ${one.fd}`
    case 'tcp':
      return `a connection to ${one.address}`
    case 'http':
      return `a 2xx answer from ${one.url}`
    case 'exec':
      return `exit 0 of ${one.argv.join(' ')}`
    case 'log':
      return `a line that matches /${one.pattern}/ in its log`
    default:
      return one satisfies never
  }
}

/** Would an answer be no proof yet? */
export const provesLittle = (ready: Ready): boolean => (ready.kind === 'tcp' || ready.kind === 'http') && ready.own
