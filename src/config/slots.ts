// Places of a spec's texts that differ by slot, for who writes a spec in another form than a process.

import { forSlot } from '../core/spec.ts'

export { forSlot }

/** A text, or the number of the slot as `%02d` writes it. */
export type SlotPart = string | { readonly zero: boolean; readonly width: number }

const MARK = /\0slot:(0?)(\d*)[ds]\0/g

export function slotParts(text: string): readonly SlotPart[] {
  const parts: SlotPart[] = []
  let from = 0
  for (const { 0: whole, 1: zero, 2: width, index } of text.matchAll(MARK)) {
    parts.push(text.slice(from, index), { zero: zero === '0', width: Number(width || 0) })
    from = index + whole.length
  }
  return [...parts, text.slice(from)].filter((part) => part !== '')
}

export const usesSlot = (text: string): boolean => text.includes('\0')
