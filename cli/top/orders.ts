// What can be done to what is selected or marked, in words, and what has to be asked before. Pure.

import { clean, count } from '../format.ts'
import { programsOf } from './masters.ts'
import type { Model, Order, Panel } from './model.ts'
import { hostOf, isProcess, ownName, programOf } from './names.ts'
import { indexOf, type Row } from './rows.ts'

/** A list to choose from; the first are those that tell a program something, the last those that end it. */
export const signals = [
  { name: 'HUP', meaning: 'mostly: read your configuration again', asks: false },
  { name: 'USR1', meaning: "the program's own meaning", asks: true },
  { name: 'USR2', meaning: "the program's own meaning", asks: true },
  { name: 'WINCH', meaning: 'mostly ignored', asks: false },
  { name: 'CONT', meaning: 'go on after STOP', asks: false },
  { name: 'STOP', meaning: 'freeze it', asks: true },
  { name: 'TERM', meaning: 'end it; what becomes of it then, autorestart says', asks: true },
  { name: 'INT', meaning: 'end it, as Ctrl-C does', asks: true },
  { name: 'QUIT', meaning: 'end it, often with a core dump', asks: true },
  { name: 'KILL', meaning: 'end it now, it cannot tidy up', asks: true },
] as const

/** The marked ones, or else the selected row; a mark on a program covers its processes. */
export function targetOf(model: Model, rows: readonly Row[]): readonly string[] {
  if (model.marked.size > 0) {
    return [...model.marked].filter((name) => !isProcess(name) || !model.marked.has(programOf(name)))
  }
  const row = rows[indexOf(rows, model.selected)]
  return row === undefined || row.kind === 'host' ? [] : [row.name]
}

/** Each host that it goes to, once. */
export function hostsOf(order: Order): readonly (string | null)[] {
  return [...new Set(order.method === 'scale' ? [hostOf(order.program)] : order.target.map(hostOf))]
}

/** What of it a host has to do, in its own names. */
export function shareOf(order: Order, host: string | null): Order {
  if (order.method === 'scale') return { ...order, program: ownName(order.program) }
  return { ...order, target: order.target.filter((name) => hostOf(name) === host).map(ownName) }
}

/** `web:0, web:1`; of many only how many, and where. */
export function namesOf(target: readonly string[]): string {
  if (target.length <= 4) return target.map(clean).join(', ')
  const hosts = [...new Set(target.map(hostOf))].filter((host) => host !== null)
  return `${target.length} targets${hosts.length === 0 ? '' : ` on ${hosts.map(clean).join(', ')}`}`
}

/** `stop web:0`, as one would type it. */
export function wordsOf(order: Order): string {
  switch (order.method) {
    case 'scale':
      return `scale ${clean(order.program)} ${order.delta > 0 ? '+1' : '-1'}`
    case 'signal':
      return `signal ${order.signal} ${namesOf(order.target)}`
    default:
      return `${order.method} ${namesOf(order.target)}`
  }
}

/** What to ask before an order that ends something; null: nothing. */
export function questionFor(order: Order, model: Model): Panel | null {
  const question = asking(order, model)
  return question === null ? null : { kind: 'confirm', question, order }
}

function asking(order: Order, model: Model): string | null {
  switch (order.method) {
    case 'start':
    case 'reload':
      return null
    case 'stop':
    case 'restart':
      return `${order.method} ${namesOf(order.target)}${howMany(order.target, model)}?`
    case 'signal':
      return signals.find(({ name }) => name === order.signal)?.asks === false
        ? null
        : `send SIG${order.signal} to ${namesOf(order.target)}${howMany(order.target, model)}?`
    case 'scale': {
      const program = programsOf(model).find((one) => one.program === order.program)
      if (order.delta > 0 || program === undefined) return null
      return `scale ${clean(order.program)} from ${program.desired} to ${Math.max(0, program.desired - 1)}? The last process ends.`
    }
    default:
      return order satisfies never
  }
}

/** ` (4 processes)`, where the names do not show it. */
function howMany(target: readonly string[], model: Model): string {
  const processes = programsOf(model).flatMap((one) =>
    target.includes(one.program) ? one.processes : one.processes.filter(({ name }) => target.includes(name)),
  )
  return target.length === 1 && isProcess(target[0] ?? '')
    ? ''
    : ` (${count(processes.length, 'process', 'processes')})`
}
