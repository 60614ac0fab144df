// A terminal for a test: a pane of a tmux of the scene's own, with a shell that knows `phctl`. What stands on it is
// looked at until it is as wanted; there is no event for that.

import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { root, type Scene, until } from './scene.ts'

export interface Pane {
  /** Keys as tmux names them: `j`, `Enter`, `C-c`. */
  keys(...names: readonly string[]): void
  /** A command line for the shell. */
  type(line: string): void
  resize(columns: number, rows: number): void
  lines(): readonly string[]
  /** With the sequences of colours. */
  painted(): string
  /** Waits until the text or pattern stands on the screen; the screen as it is then. */
  shows(what: string | RegExp, deadlineMs?: number): Promise<string>
  /** Waits until it does not. */
  lacks(what: string): Promise<void>
}

export interface PaneOptions {
  readonly columns?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
}

export function paneOf(scene: Scene, { columns = 80, rows = 24, env = {} }: PaneOptions = {}): Pane {
  const socket = scene.path('tmux.sock')
  const bin = path.dirname(
    scene.write('bin/phctl', `#!/bin/sh\nexec ${process.execPath} ${root}/dist/bin/phctl.cjs "$@"\n`, 0o755),
  )
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      timeout: 10_000,
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: scene.dir,
        LC_ALL: 'C.UTF-8',
        PS1: 'shell: ',
        SHELL: '/bin/sh',
        ...env,
      },
    })
  scene.after(() => {
    tmux('kill-server')
  })
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', scene.dir, 'exec sh')
  const screen = (): string => tmux('capture-pane', '-p')
  return {
    keys: (...names) => void tmux('send-keys', ...names),
    type: (line) => {
      tmux('send-keys', '-l', line)
      tmux('send-keys', 'Enter')
    },
    resize: (x, y) => void tmux('resize-window', '-x', String(x), '-y', String(y)),
    lines: () => screen().split('\n'),
    painted: () => tmux('capture-pane', '-e', '-p'),
    async shows(what, deadlineMs = 20_000) {
      let last = ''
      try {
        return await until(
          String(what),
          () => {
            last = screen()
            return (typeof what === 'string' ? last.includes(what) : what.test(last)) && last
          },
          deadlineMs,
        )
      } catch (e) {
        throw new Error(`${String(e)}; on the screen:\n${last}`)
      }
    },
    lacks: async (what) => {
      await until(`the end of ${what}`, () => !screen().includes(what), 20_000)
    },
  }
}
