// The terminal: blessed opened, its known faults worked round, keys by one name each, and everything as it was
// however we leave it. The only user of blessed. It is loaded here and not before: no other command needs it.

import { createRequire } from 'node:module'
import type { Widgets } from 'blessed'
import { width } from '../format.ts'
import { curvesOn } from './curves.ts'
import { type Abilities, drawable } from './glyphs.ts'
import type { Size } from './model.ts'
import type { Picture } from './picture.ts'

export interface Terminal {
  size(): Size
  draw(picture: Picture): void
  /** The next picture is drawn as if nothing stood there. */
  forget(): void
  /** Back to the shell until it says `fg`; `again` is called then. */
  suspend(again: () => void): void
  close(): void
}

export interface Hearer {
  key(name: string): void
  resized(): void
}

/** As it is; its types leave these out. */
interface Screen extends Widgets.Screen {
  enter(): void
  leave(): void
}

/** What is sent to every terminal: how xterm is driven, as blessed has it itself; newer system files it cannot read. */
const TERMINFO = 'blessed/usr/xterm-256color'

/** Both packages are of the older kind of modules, and stay outside of the bundle. */
const require = createRequire(import.meta.url)

/** How long a stop may take to arrive; where nobody can stop us we go on. */
const STOPPED_MS = 300

export function openTerminal(able: Abilities, hearer: Hearer): Terminal {
  const blessed = require('blessed') as typeof import('blessed')
  const screen = blessed.screen({
    terminal: require.resolve(TERMINFO),
    forceUnicode: able.utf8,
    fullUnicode: able.utf8,
    autoPadding: false,
    warnings: false,
    resizeTimeout: 50,
  } as Widgets.IScreenOptions) as Screen
  // Lines as characters: the older way, a second character set, is not known to every terminal that knows UTF-8.
  Object.assign(screen.tput, { brokenACS: true })
  const ground = blessed.box({ parent: screen, top: 0, left: 0, width: '100%', height: '100%', wrap: false })
  const over = blessed.box({ parent: screen, hidden: true, wrap: false })
  const curves = curvesOn(screen, able)

  screen.on('keypress', (ch: string | undefined, key: Widgets.Events.IKeyEventArg) => {
    for (const name of namesOf(ch, key)) hearer.key(name)
  })
  const resized = (): void => hearer.resized()
  screen.on('resize', resized)

  let away = false
  const draw = (picture: Picture): void => {
    if (away) return
    ground.setContent(picture.lines.map((line) => drawable(line, able)).join('\n'))
    curves.show(picture.curves)
    over.hide()
    if (picture.box !== null) {
      const { top, left, lines } = picture.box
      over.top = top
      over.left = left
      over.width = Math.max(...lines.map(width))
      over.height = lines.length
      over.setContent(lines.map((line) => drawable(line, able)).join('\n'))
      over.show()
      over.setFront()
    }
    screen.render()
  }
  return {
    size: () => ({ columns: Number(screen.width), rows: Number(screen.height), braille: able.utf8 }),
    draw,
    forget: () => screen.realloc(),
    suspend(again) {
      // Not `program.pause`: what it writes to restore the screen it throws away itself.
      const { stdin } = process
      away = true
      screen.leave()
      stdin.setRawMode(false)
      stdin.pause()
      const back = (): void => {
        process.off('SIGCONT', back)
        clearTimeout(timer)
        stdin.setRawMode(true)
        stdin.resume()
        screen.enter()
        screen.realloc()
        away = false
        again()
      }
      // A process group that no shell watches cannot be stopped: then this is all that happens.
      const timer = setTimeout(back, STOPPED_MS)
      process.on('SIGCONT', back)
      process.kill(0, 'SIGTSTP')
    },
    close() {
      screen.off('resize', resized)
      screen.destroy()
    },
  }
}

/** The character itself, or the key's name. Of Enter blessed tells twice, of Esc and Esc at once only one time. */
function namesOf(ch: string | undefined, { full }: Widgets.Events.IKeyEventArg): readonly string[] {
  if (full === 'return') return []
  if (full === 'linefeed') return ['enter']
  if (full === 'M-escape') return ['escape', 'escape']
  if (ch !== undefined && ch !== ' ' && Array.from(ch).length === 1 && !/\p{Cc}/u.test(ch)) return [ch]
  return [full]
}
