// The keys of `top`, one row each: update.ts acts by it, the help, the last line of the screen and docs/top.md show it.
// Data only. A key is named as terminal.ts names it: the character itself, or `up`, `enter`, `C-c`.

export type View = 'main' | 'log'

export interface KeyRow {
  readonly keys: readonly string[]
  /** As people write it. */
  readonly shown: string
  /** Where it works. */
  readonly views: readonly View[]
  readonly meaning: string
  /** For the last line of the screen, which has little room. */
  readonly short?: string
}

const both = ['main', 'log'] as const
const main = ['main'] as const

export const keyRows = {
  help: { keys: ['?'], shown: '?', views: both, meaning: 'all keys', short: 'help' },
  quit: { keys: ['q'], shown: 'q', views: both, meaning: 'quit; in another view, leave it', short: 'quit' },
  up: { keys: ['up', 'k'], shown: '↑ k', views: both, meaning: 'up' },
  down: { keys: ['down', 'j'], shown: '↓ j', views: both, meaning: 'down' },
  pageUp: { keys: ['pageup', 'C-b'], shown: 'PgUp', views: both, meaning: 'a page up' },
  pageDown: { keys: ['pagedown', 'C-f'], shown: 'PgDn', views: both, meaning: 'a page down' },
  first: { keys: ['g', 'home'], shown: 'g Home', views: both, meaning: 'to the beginning' },
  last: { keys: ['G', 'end'], shown: 'G End', views: both, meaning: 'to the end' },
  openLog: { keys: ['enter'], shown: 'Enter', views: main, meaning: 'its log on the whole screen', short: 'log' },
  masterLog: { keys: ['m'], shown: 'm', views: main, meaning: "the master's own log on the whole screen" },
  filter: {
    keys: ['/'],
    shown: '/',
    views: both,
    meaning: 'show only names, states or lines with this text; Esc shows all',
    short: 'filter',
  },
  sort: {
    keys: ['s'],
    shown: 's',
    views: main,
    meaning: 'sort by the next: file, CPU, memory, requests, uptime, restarts, state',
    short: 'sort',
  },
  fold: { keys: ['left', 'h'], shown: '← h', views: main, meaning: 'hide the processes of the program' },
  unfold: { keys: ['right', 'l'], shown: '→ l', views: main, meaning: 'show them again' },
  follow: { keys: ['f'], shown: 'f', views: both, meaning: 'follow the log, or hold it' },
  mark: { keys: ['space'], shown: 'Space', views: main, meaning: 'mark: what follows is done to all marked' },
  start: { keys: ['a'], shown: 'a', views: main, meaning: 'start', short: 'start' },
  stop: { keys: ['x'], shown: 'x', views: main, meaning: 'stop, after asking', short: 'stop' },
  restart: { keys: ['r'], shown: 'r', views: main, meaning: 'restart, after asking', short: 'restart' },
  reload: { keys: ['R'], shown: 'R', views: main, meaning: 'reload: new processes one by one', short: 'reload' },
  more: { keys: ['+'], shown: '+', views: main, meaning: 'one process more of the program' },
  fewer: { keys: ['-'], shown: '-', views: main, meaning: 'one process fewer, after asking' },
  signal: { keys: ['!'], shown: '!', views: main, meaning: 'send a signal, from a list', short: 'signal' },
  leave: { keys: ['escape'], shown: 'Esc', views: both, meaning: 'leave the view; else drop filter, then marks' },
  redraw: { keys: ['C-l'], shown: 'Ctrl-L', views: both, meaning: 'draw the screen anew' },
  suspend: { keys: ['C-z'], shown: 'Ctrl-Z', views: both, meaning: 'go back to the shell; fg returns' },
  interrupt: { keys: ['C-c'], shown: 'Ctrl-C', views: both, meaning: 'quit at once, from everywhere' },
} as const satisfies Record<string, KeyRow>

export type Action = keyof typeof keyRows

/** What a key means in a view; null: nothing. */
export function actionOf(key: string, view: View): Action | null {
  for (const [action, row] of Object.entries<KeyRow>(keyRows)) {
    if (row.keys.includes(key) && row.views.includes(view)) return action as Action
  }
  return null
}
