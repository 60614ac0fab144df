// Which rows of the screen belong to what. Pure.

import type { Model, Size } from './model.ts'

/** Below this nothing useful can be shown. */
export const SMALLEST = { columns: 60, rows: 14 } as const

/** Rows of the head: the master, the totals, the titles of the columns. */
const HEAD = 3
const FOOT = 1

interface Band {
  readonly top: number
  readonly height: number
}

export interface Layout {
  readonly table: Band
  /** Curves where there is room for them, else one row of bars. */
  readonly usage: Band & { readonly curves: boolean }
  /** With its title. */
  readonly log: Band
  /** With its title. */
  readonly events: Band
  readonly foot: number
}

export function layoutOf({ columns, rows, braille }: Size): Layout {
  const curves = braille && rows >= 36 && columns >= 80
  const usage = curves ? 9 : 1
  const events = 1 + Math.min(6, Math.max(1, Math.floor(rows / 10)))
  const rest = Math.max(0, rows - HEAD - FOOT - usage - events)
  const table = Math.ceil(rest * 0.6)
  const usageTop = HEAD + table
  return {
    table: { top: HEAD, height: table },
    usage: { top: usageTop, height: usage, curves },
    log: { top: usageTop + usage, height: rest - table },
    events: { top: HEAD + rest + usage, height: events },
    foot: rows - 1,
  }
}

export const tableHeight = (size: Size): number => layoutOf(size).table.height

/** Rows for lines of the log, where it has the whole screen. */
export const logHeight = ({ size }: Model): number => Math.max(1, size.rows - 3)

export const isTooSmall = ({ columns, rows }: Size): boolean => columns < SMALLEST.columns || rows < SMALLEST.rows
