// Curves of processor time and memory, side by side, by blessed-contrib; the only user of it. It measures the room
// when it is put on the screen, so with another size it is made anew; and it divides by the largest value, so it is
// told one that is not 0.

import { createRequire } from 'node:module'
import type { Widgets } from 'blessed'
import type { Abilities } from './glyphs.ts'
import type { Curves } from './picture.ts'
import { KEPT } from './programs.ts'
import { stripped } from './text.ts'

interface Drawn {
  show(curves: Curves | null): void
}

/** It has types for its front door only, and the whole of the package takes long to load. */
interface LineOptions extends Widgets.BoxOptions {
  readonly maxY: number
  readonly numYLabels: number
  readonly xPadding: number
  readonly xLabelPadding: number
  readonly style: { readonly line: string; readonly text: string; readonly baseline: string }
}

interface Chart extends Widgets.BoxElement {
  /** Dots: two in a column, four in a row. */
  canvasSize: { width: number; height: number }
  calcSize(): void
  readonly options: { maxY: number }
  setData(series: readonly { readonly x: readonly string[]; readonly y: readonly number[] }[]): void
}

const require = createRequire(import.meta.url)

const MIB = 1024 * 1024
/** No labels below the curves: the newest look is at the right end once there are two minutes of them. Without a text it would write null. */
const x: readonly string[] = Array.from({ length: KEPT }, () => ' ')

export function curvesOn(screen: Widgets.Screen, able: Abilities): Drawn {
  const line = require('blessed-contrib/lib/widget/charts/line.js') as (options: LineOptions) => Chart
  let charts: readonly [Chart, Chart] | null = null
  let place = ''
  let last: Curves | null = null

  const make = (left: number, width: number, top: number, height: number, colour: string): Chart => {
    const style = { line: colour, text: 'normal', baseline: 'normal' }
    const chart = line({ top, left, width, height, style, maxY: 1, numYLabels: 4, xPadding: 12, xLabelPadding: 12 })
    // It leaves five rows below for labels, which we have none of: they are drawn where nobody sees them.
    chart.calcSize = () => {
      chart.canvasSize = { width: width * 2 - 2, height: height * 4 + 8 }
    }
    const setContent = chart.setContent.bind(chart)
    if (!able.colour) chart.setContent = (text) => setContent(stripped(text))
    screen.append(chart)
    return chart
  }
  const clear = (): void => {
    for (const chart of charts ?? []) chart.destroy()
    charts = null
    last = null
  }
  return {
    show(curves) {
      if (curves === null) {
        clear()
        return
      }
      const { top, height, cpu, memory } = curves
      const half = Math.floor(Number(screen.width) / 2)
      const here = `${top} ${height} ${half}`
      if (charts === null || here !== place) {
        clear()
        charts = [make(0, half, top, height, 'cyan'), make(half, half, top, height, 'magenta')]
        place = here
      }
      if (last !== null && last.cpu === cpu && last.memory === memory) return
      last = curves
      plot(charts[0], cpu)
      plot(
        charts[1],
        memory.map((bytes) => bytes / MIB),
      )
    },
  }
}

function plot(chart: Chart, y: readonly number[]): void {
  chart.options.maxY = roundUp(Math.max(1, ...y))
  chart.setData([{ x, y: y.length === 0 ? [0] : y }])
}

/** 1, 2, 5, 10, 20 ... so that the scale seldom changes. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10)
}
