// The ways to all masters that are watched: what one says gets its host put before its names, and an order goes to
// those whose processes it names, to each its share.

import type { Happening, Program } from '../../src/api/contract.ts'
import { type Door, linkTo } from './link.ts'
import type { Message, Order } from './model.ts'
import { hostOf, named, ownName } from './names.ts'
import { hostsOf, shareOf } from './orders.ts'

export interface Links {
  /** Follows this log from now on, and no other. */
  watchLog(target: string | null): void
  /** A message says how it ended, when all have answered. */
  order(order: Order): void
  look(host: string | null): void
  close(): void
}

export function linksTo(doors: readonly Door[], say: (message: Message) => void): Links {
  const links = new Map(doors.map((door) => [door.host, linkTo(door, (message) => say(fromHost(door.host, message)))]))
  return {
    watchLog(target) {
      const host = target === null ? null : hostOf(target)
      for (const [one, link] of links) link.watchLog(target !== null && one === host ? ownName(target) : null)
    },
    order(order) {
      const hosts = hostsOf(order)
      const answers = hosts.map(async (host) => {
        const error = (await links.get(host)?.order(shareOf(order, host))) ?? null
        return error !== null && hosts.length > 1 ? `${host}: ${error}` : error
      })
      void Promise.all(answers).then((all) => {
        const errors = all.filter((error) => error !== null)
        say({ kind: 'done', order, error: errors.length === 0 ? null : errors.join('; ') })
      })
    },
    look: (host) => links.get(host)?.look(),
    close() {
      for (const link of links.values()) link.close()
    },
  }
}

/** Everything that the model knows by name has a name of its own. */
export function fromHost(host: string | null, message: Message): Message {
  if (host === null) return message
  switch (message.kind) {
    case 'status':
      return { ...message, programs: message.programs.map((one) => programFrom(host, one)) }
    case 'event':
      return { ...message, event: eventFrom(host, message.event) }
    case 'logOpened':
    case 'log':
    case 'logFailed':
      return { ...message, target: named(host, message.target) }
    default:
      return message
  }
}

const programFrom = (host: string, one: Program): Program => ({
  ...one,
  program: named(host, one.program),
  processes: one.processes.map((process) => ({ ...process, name: named(host, process.name) })),
})

function eventFrom(host: string, event: Happening): Happening {
  const { topic, program, name, process } = event
  const who = name ?? program ?? (topic.startsWith('log.') ? 'log' : 'master')
  return {
    ...event,
    name: named(host, who),
    ...(program === undefined ? {} : { program: named(host, program) }),
    ...(typeof process === 'object' && process !== null ? { process: { ...process, name: named(host, who) } } : {}),
  }
}
