// Times, sizes and limits of systemd as values of ours; null where there is none. Pure.

const SECONDS: Readonly<Record<string, number>> = {
  us: 1e-6,
  usec: 1e-6,
  ms: 0.001,
  msec: 0.001,
  '': 1,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hr: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  w: 604_800,
  week: 604_800,
  weeks: 604_800,
}

/** Ours of ten years is their `infinity`. */
const FOREVER = '3650d'

/** `90`, `1min 30s`, `500ms`, `infinity` */
export function secondsOf(text: string): string | null {
  if (text === 'infinity') return FOREVER
  let rest = text.trim()
  let sum = 0
  while (rest !== '') {
    const [whole = '', digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)\s*/.exec(rest) ?? []
    const factor = Object.hasOwn(SECONDS, unit) ? SECONDS[unit] : undefined
    if (whole === '' || factor === undefined) return null
    sum += Number(digits) * factor
    rest = rest.slice(whole.length)
  }
  return text.trim() === '' ? null : Number.isInteger(sum) ? String(sum) : `${Math.round(sum * 1000)}ms`
}

/** `512M`, `1G`, plain bytes */
export function sizeOf(text: string): string | null {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]?)B?$/.exec(text.trim()) ?? []
  return digits === undefined ? null : `${digits}${unit}B`
}

/** `1024`, `1024:4096`, `infinity`; @param bytes whether it is a size */
export function limitOf(text: string, bytes: boolean): string | null {
  const parts = text.split(':').map((one) => {
    const word = one.trim()
    if (word === 'infinity') return 'unlimited'
    if (word === '0') return '0'
    return bytes ? sizeOf(word) : /^\d+$/.test(word) ? word : null
  })
  return parts.includes(null) || parts.length > 2 ? null : parts.join(':')
}
