// What happens -> what `top` knows then, and what is to be done. Pure: the clock comes with the messages, all I/O is
// an effect.

import type { Happening, Info, Program } from '../../src/api/contract.ts'
import { tableHeight } from './layout.ts'
import { openedLog, withBatch } from './log.ts'
import { withMaster } from './masters.ts'
import { type Effect, type Message, type Model, noLog, type Step } from './model.ts'
import { hostOf } from './names.ts'
import { hostsOf, wordsOf } from './orders.ts'
import { press } from './press.ts'
import { withEvent, withLook } from './programs.ts'
import { indexOf, keptSelection, type Row, rowsOf, topFor } from './rows.ts'

/** Events kept for the strip. */
const EVENTS = 50
/** Curves and rates are made of looks at least so far apart. */
const LOOK_MS = 900
/** How long an answer stands on the last line. */
const REMARK_MS = 8_000

export function update(model: Model, message: Message): Step {
  // A log may be written very fast, and changes no row.
  if (message.kind === 'log') return only(withBatch(model, message.target, message.batch))
  const before = rowsOf(model)
  const { model: next, effects } = taken(model, message, before)
  return settled(next, before, effects)
}

function taken(model: Model, message: Exclude<Message, { kind: 'log' }>, rows: readonly Row[]): Step {
  switch (message.kind) {
    case 'key':
      return press(model, message.key, rows)
    case 'resize':
      return { model: { ...model, size: message.size }, effects: [{ kind: 'redraw' }] }
    case 'tick':
      return only(ticked({ ...model, now: message.now }))
    case 'connected':
      // What a former master said is no longer true; its figures stand until the new one's come.
      return connected(model, message.host, message.info)
    case 'gone':
      return only(
        withMaster(model, message.host, (last) => {
          const since = last.link.at === 'gone' ? last.link.since : model.now
          return { ...last, link: { at: 'gone', why: message.why, since } }
        }),
      )
    case 'status':
      return only(withStatus(ticked({ ...model, now: message.now }), message.host, message.programs))
    case 'event':
      return happened(model, message.host, message.event)
    case 'logOpened':
      return only(openedLog(model, message.target, message.files))
    case 'logFailed':
      if (model.log.target !== message.target) return only(model)
      return only({ ...model, log: { ...model.log, state: { at: 'failed', why: message.why } } })
    case 'done': {
      const { order, error } = message
      const text = error === null ? `${wordsOf(order)}: done` : `${wordsOf(order)}: ${error}`
      const remark = { text, bad: error !== null, until: model.now + REMARK_MS }
      return { model: { ...model, remark }, effects: hostsOf(order).map((host) => ({ kind: 'look', host })) }
    }
    default:
      return message satisfies never
  }
}

function connected(model: Model, host: string | null, info: Info): Step {
  const { target } = model.log
  return {
    model: withMaster(model, host, (last) => ({ ...last, info, link: { at: 'up' } })),
    effects: [
      { kind: 'look', host },
      ...(target !== null && hostOf(target) === host ? [{ kind: 'watchLog', target } as const] : []),
    ],
  }
}

function withStatus(model: Model, host: string | null, programs: readonly Program[]): Model {
  const names = new Set(programs.flatMap((one) => [one.program, ...one.processes.map(({ name }) => name)]))
  const marked = new Set([...model.marked].filter((name) => hostOf(name) !== host || names.has(name)))
  // An order asks for status between two looks: the figures are then those of the last one.
  const looks = model.masters.some((one) => one.host === host && model.now - one.lookedAt >= LOOK_MS)
  const next = withMaster({ ...model, marked }, host, (last) => ({
    ...last,
    programs,
    lookedAt: looks ? model.now : last.lookedAt,
    // One that refused, and was taken for gone, is there.
    link: last.link.at === 'gone' ? { at: 'up' } : last.link,
  }))
  if (!looks) return next
  const others = [...model.trails].filter(([name]) => hostOf(name) !== host)
  return { ...next, trails: new Map([...others, ...withLook(model.trails, programs, model.now)]) }
}

function happened(model: Model, host: string | null, event: Happening): Step {
  const { topic } = event
  const next = withMaster({ ...model, events: [...model.events.slice(-EVENTS + 1), event] }, host, (last) => ({
    ...last,
    programs: withEvent(last.programs, event),
    link: topic === 'master.stopping' ? { at: 'stopping' } : last.link,
  }))
  // By it programs come and go, of which only the master knows all.
  return { model: next, effects: topic === 'config.updated' ? [{ kind: 'look', host }] : [] }
}

function ticked(model: Model): Model {
  const { remark, now } = model
  return remark !== null && remark.until !== null && remark.until <= now ? { ...model, remark: null } : model
}

/** What must hold after whatever happened: something is selected, it is seen, and its log is the one that is read. */
function settled(model: Model, before: readonly Row[], effects: readonly Effect[]): Step {
  const rows = rowsOf(model)
  const selected = keptSelection(before, rows, model.selected)
  const top = topFor(model.top, indexOf(rows, selected), tableHeight(model.size), rows.length)
  const next = { ...model, selected, top }
  const wanted = model.view === 'log' ? model.log.target : selected
  if (wanted === model.log.target) return { model: next, effects }
  return {
    model: { ...next, log: { ...noLog, target: wanted } },
    effects: [...effects, { kind: 'watchLog', target: wanted }],
  }
}

const only = (model: Model): Step => ({ model, effects: [] })
