// A key -> what follows. A panel that is open takes the keys first. Pure.

import { type Action, actionOf } from './keys.ts'
import { logHeight, tableHeight } from './layout.ts'
import { released, scrolled, toggled } from './log.ts'
import { type Effect, type Model, noLog, type Order, type Step, sorts } from './model.ts'
import { hostOf, named } from './names.ts'
import { questionFor, signals, targetOf, wordsOf } from './orders.ts'
import { indexOf, type Row } from './rows.ts'

export function press(model: Model, key: string, rows: readonly Row[]): Step {
  if (key === 'C-c') return { model, effects: [{ kind: 'quit' }] }
  if (key === 'C-z') return { model, effects: [{ kind: 'suspend' }] }
  if (key === 'C-l') return { model, effects: [{ kind: 'redraw' }] }
  if (model.panel !== null) return inPanel(model, key)
  const action = actionOf(key, model.view)
  if (action === null) return only(model)
  return model.view === 'log' ? inLog(model, action) : inTable(model, action, rows)
}

function inTable(model: Model, action: Action, rows: readonly Row[]): Step {
  const at = indexOf(rows, model.selected)
  const row = rows[at]
  const page = Math.max(1, tableHeight(model.size) - 1)
  const select = (to: number): Step =>
    only({ ...model, selected: rows[Math.min(rows.length - 1, Math.max(0, to))]?.name ?? null })
  const operate = (method: 'start' | 'stop' | 'restart' | 'reload'): Step => {
    const target = targetOf(model, rows)
    return target.length === 0 ? only(model) : ordered(model, { method, target })
  }
  switch (action) {
    case 'up':
      return select(at - 1)
    case 'down':
      return select(at + 1)
    case 'pageUp':
      return select(at - page)
    case 'pageDown':
      return select(at + page)
    case 'first':
      return select(0)
    case 'last':
      return select(rows.length - 1)
    case 'help':
      return only({ ...model, panel: { kind: 'help', top: 0 } })
    case 'quit':
      return { model, effects: [{ kind: 'quit' }] }
    case 'openLog':
      return only(row === undefined ? model : { ...model, view: 'log' })
    case 'masterLog': {
      const target = named(row === undefined ? (model.masters[0]?.host ?? null) : hostOf(row.name), 'master')
      return {
        model: { ...model, view: 'log', log: { ...noLog, target } },
        effects: [{ kind: 'watchLog', target }],
      }
    }
    case 'filter':
      return only({ ...model, panel: { kind: 'filter', view: 'main', text: model.filter } })
    case 'sort':
      return only({ ...model, sort: sorts[(sorts.indexOf(model.sort) + 1) % sorts.length] ?? 'file' })
    case 'fold':
    case 'unfold': {
      if (row === undefined || row.kind === 'host') return only(model)
      const folded = new Set(model.folded)
      if (action === 'fold') folded.add(row.program.program)
      else folded.delete(row.program.program)
      return only({ ...model, folded })
    }
    case 'follow':
      return only({ ...model, log: toggled(model.log) })
    case 'mark': {
      if (row === undefined || row.kind === 'host') return only(model)
      const marked = new Set(model.marked)
      if (!marked.delete(row.name)) marked.add(row.name)
      return only({ ...model, marked, selected: rows[Math.min(rows.length - 1, at + 1)]?.name ?? null })
    }
    case 'start':
    case 'stop':
    case 'restart':
    case 'reload':
      return operate(action)
    case 'more':
    case 'fewer':
      if (row === undefined || row.kind === 'host') return only(model)
      return ordered(model, { method: 'scale', program: row.program.program, delta: action === 'more' ? 1 : -1 })
    case 'signal': {
      const target = targetOf(model, rows)
      return only(target.length === 0 ? model : { ...model, panel: { kind: 'signals', target, at: 0 } })
    }
    case 'leave':
      return only(model.filter !== '' ? { ...model, filter: '' } : { ...model, marked: new Set(), remark: null })
    case 'redraw':
    case 'suspend':
    case 'interrupt':
      return only(model)
    default:
      return action satisfies never
  }
}

function inLog(model: Model, action: Action): Step {
  const { log } = model
  const page = Math.max(1, logHeight(model) - 1)
  const scroll = (by: number): Step => only({ ...model, log: scrolled(log, by) })
  switch (action) {
    case 'up':
      return scroll(-1)
    case 'down':
      return scroll(1)
    case 'pageUp':
      return scroll(-page)
    case 'pageDown':
      return scroll(page)
    case 'first':
      return scroll(-log.lines.length)
    case 'last':
      return only({ ...model, log: released(log) })
    case 'follow':
      return only({ ...model, log: toggled(log) })
    case 'filter':
      return only({ ...model, panel: { kind: 'filter', view: 'log', text: log.filter } })
    case 'help':
      return only({ ...model, panel: { kind: 'help', top: 0 } })
    case 'leave':
      if (log.filter !== '') return only({ ...model, log: { ...log, filter: '' } })
      return only({ ...model, view: 'main', log: released(log) })
    case 'quit':
      return only({ ...model, view: 'main', log: { ...released(log), filter: '' } })
    default:
      return only(model)
  }
}

/** Done at once, or after a yes. */
function ordered(model: Model, order: Order): Step {
  const panel = questionFor(order, model)
  return panel === null ? sent(model, order) : only({ ...model, panel })
}

function sent(model: Model, order: Order): Step {
  const effects: readonly Effect[] = [{ kind: 'call', order }]
  return { model: { ...model, panel: null, remark: { text: `${wordsOf(order)} …`, bad: false, until: null } }, effects }
}

function inPanel(model: Model, key: string): Step {
  const { panel } = model
  if (panel === null) return only(model)
  const shut: Model = { ...model, panel: null }
  switch (panel.kind) {
    case 'help': {
      const by = { up: -1, k: -1, down: 1, j: 1, pageup: -10, pagedown: 10 }[key]
      return only(by === undefined ? shut : { ...model, panel: { ...panel, top: Math.max(0, panel.top + by) } })
    }
    case 'confirm':
      if (key === 'y' || key === 'Y') return sent(model, panel.order)
      // Whatever else was typed was not meant for this question.
      return ['n', 'N', 'escape', 'q'].includes(key)
        ? only({ ...shut, remark: { text: `not done: ${wordsOf(panel.order)}`, bad: false, until: model.now + 4000 } })
        : only(model)
    case 'signals': {
      if (key === 'escape' || key === 'q') return only(shut)
      const chosen = signals[panel.at]
      if (key === 'enter' && chosen)
        return ordered(shut, { method: 'signal', target: panel.target, signal: chosen.name })
      const by = { up: -1, k: -1, down: 1, j: 1 }[key] ?? 0
      const at = Math.min(signals.length - 1, Math.max(0, panel.at + by))
      return only({ ...model, panel: { ...panel, at } })
    }
    case 'filter':
      return typed(model, panel.view, panel.text, key)
    default:
      return panel satisfies never
  }
}

/** The filter is in force while it is being typed. */
function typed(model: Model, view: 'main' | 'log', text: string, key: string): Step {
  const put = (next: string, open: boolean): Step => {
    const panel = open ? ({ kind: 'filter', view, text: next } as const) : null
    return only(
      view === 'main'
        ? { ...model, panel, filter: next }
        : { ...model, panel, log: { ...released(model.log), filter: next } },
    )
  }
  if (key === 'enter') return put(text, false)
  if (key === 'escape') return put('', false)
  if (key === 'backspace') return put(Array.from(text).slice(0, -1).join(''), true)
  if (key === 'C-u') return put('', true)
  const character = key === 'space' ? ' ' : key
  return Array.from(character).length === 1 ? put(text + character, true) : only(model)
}

const only = (model: Model): Step => ({ model, effects: [] })
