// `top` while it runs: messages in, the model forward, effects out, the screen drawn. Keys are drawn at once, what
// comes from the master a few times a second at most.

import { painter } from '../format.ts'
import type { Abilities } from './glyphs.ts'
import type { Door } from './link.ts'
import { linksTo } from './links.ts'
import { type Effect, firstModel, type Message, type Watched } from './model.ts'
import { pictureOf } from './picture.ts'
import { openTerminal } from './terminal.ts'
import { update } from './update.ts'

/** Between two pictures that nobody asked for by a key. */
const DRAW_MS = 250
const TICK_MS = 1_000

/** Resolves when somebody has had enough; rejects when we cannot go on. The terminal is as it was by then. */
export async function runTop(able: Abilities, doors: readonly Door[], masters: readonly Watched[]): Promise<void> {
  let end = (): void => {}
  let fail = (_e: unknown): void => {}
  const ended = new Promise<void>((done, failed) => {
    end = done
    fail = failed
  })
  const brush = { paint: painter(true), colour: able.colour }
  const terminal = openTerminal(able, {
    key: (key) => hear({ kind: 'key', key }, true),
    resized: () => hear({ kind: 'resize', size: terminal.size() }, true),
  })
  let model = firstModel(terminal.size(), masters, Date.now())
  let drawing: NodeJS.Timeout | null = null

  const draw = (): void => {
    if (drawing !== null) clearTimeout(drawing)
    drawing = null
    terminal.draw(pictureOf(model, brush))
  }
  /** What fails here fails in nobody's promise: it ends `top`, which puts the terminal right before anything is said. */
  const guarded = (what: () => void): void => {
    try {
      what()
    } catch (e) {
      fail(e)
    }
  }
  const hear = (message: Message, now = false): void =>
    guarded(() => {
      const step = update(model, message)
      model = step.model
      for (const effect of step.effects) perform(effect)
      if (now) draw()
      else drawing ??= setTimeout(() => guarded(draw), DRAW_MS)
    })
  const links = linksTo(doors, hear)
  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case 'watchLog':
        links.watchLog(effect.target)
        break
      case 'call':
        links.order(effect.order)
        break
      case 'look':
        links.look(effect.host)
        break
      case 'redraw':
        terminal.forget()
        break
      case 'suspend':
        terminal.suspend(() => guarded(draw))
        break
      case 'quit':
        end()
        break
      default:
        effect satisfies never
    }
  }
  const ticking = setInterval(() => hear({ kind: 'tick', now: Date.now() }), TICK_MS)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
  for (const signal of signals) process.on(signal, end)
  // Whoever stopped us from outside has drawn over the screen since.
  const again = (): void =>
    guarded(() => {
      terminal.forget()
      draw()
    })
  process.on('SIGCONT', again)
  try {
    guarded(draw)
    await ended
  } finally {
    clearInterval(ticking)
    if (drawing !== null) clearTimeout(drawing)
    for (const signal of signals) process.off(signal, end)
    process.off('SIGCONT', again)
    links.close()
    terminal.close()
  }
}
