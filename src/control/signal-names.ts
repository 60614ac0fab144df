// Signals as callers write them: `TERM`, `sigterm`, `15`. On the way out they are `SIGTERM`.

import { constants } from 'node:os'
import { nearestOf } from '../config/near.ts'
import { meant, PhError } from '../errors.ts'

const byName = new Map(Object.entries(constants.signals))

/** With SIG; throws PH_PARAMS for what is no signal. */
export function parseSignal(text: string | number): string {
  const word = String(text).trim().toUpperCase()
  if (/^\d+$/.test(word)) {
    for (const [name, number] of byName) if (number === Number(word)) return name
  } else {
    const name = word.startsWith('SIG') ? word : `SIG${word}`
    if (byName.has(name as NodeJS.Signals)) return name
  }
  const short = [...byName.keys()].map((name) => name.slice(3))
  const found = nearestOf(word.replace(/^SIG/, ''), short)
  const nearest = found?.[0] === word.replace(/^SIG/, '')[0] ? found : null // of three letters two changed are another word
  throw new PhError(
    'PH_PARAMS',
    `cannot send "${text}": no such signal (a name like TERM or SIGTERM, or a number)${meant(nearest)}`,
    { known: short, nearest },
  )
}
