// A calendar expression of systemd (systemd.time(7)) as cron, where both can say it. Pure.

const SHORT: Readonly<Record<string, string>> = {
  minutely: '* * * * *',
  hourly: '0 * * * *',
  daily: '0 0 * * *',
  weekly: '0 0 * * 1',
  monthly: '0 0 1 * *',
  quarterly: '0 0 1 1,4,7,10 *',
  semiannually: '0 0 1 1,7 *',
  'semi-annually': '0 0 1 1,7 *',
  yearly: '0 0 1 1 *',
  annually: '0 0 1 1 *',
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

export interface Cron {
  readonly cron: string
  readonly timezone: string | null
}

/** null = cron cannot say it. */
export function cronOf(calendar: string): Cron | null {
  const words = calendar.trim().split(/\s+/)
  const last = words.at(-1) ?? ''
  const timezone = words.length > 1 && /^(?:UTC|[A-Z][A-Za-z]+\/[\w/+-]+)$/.test(last) ? (words.pop() ?? null) : null
  const known = words.length === 1 ? SHORT[(words[0] ?? '').toLowerCase()] : undefined
  if (known !== undefined) return { cron: known, timezone }
  const weekday = /^[A-Za-z]/.test(words[0] ?? '') ? weekdays(words.shift() ?? '') : '*'
  const date = words[0]?.includes('-') ? words.shift() : '*-*-*'
  const time = words[0]?.includes(':') ? words.shift() : '0:0:0'
  if (words.length > 0 || weekday === null) return null
  const [year, month, day] =
    (date ?? '').split('-').length === 2 ? ['*', ...(date ?? '').split('-')] : (date ?? '').split('-')
  const [hour, minute, second = '0'] = (time ?? '').split(':')
  const fields = [
    field(second, 0, 59),
    field(minute, 0, 59),
    field(hour, 0, 23),
    field(day, 1, 31),
    field(month, 1, 12),
  ]
  if (year !== '*' || fields.includes(null)) return null
  // To cron a day of the month and one of the week are either-or, to systemd both.
  if (weekday !== '*' && fields[3] !== '*') return null
  const [seconds, ...rest] = fields
  return { cron: [...(seconds === '0' ? [] : [seconds]), ...rest, weekday].join(' '), timezone }
}

/** `*`, `5`, `1,3`, `1..5`, `0/15`, a step of all as a list of cron; null = something else. */
function field(text: string | undefined, first: number, last: number): string | null {
  if (text === undefined) return null
  const parts = text.split(',').map((part) => {
    const [, from = '', to, step] = /^(\*|\d{1,2})(?:\.\.(\d{1,2}))?(?:\/(\d{1,2}))?$/.exec(part) ?? []
    if (from === '') return null
    const begin = from === '*' ? first : Number(from)
    const end = to !== undefined ? Number(to) : from === '*' || step !== undefined ? last : begin
    if (begin < first || end > last || end < begin || step === '0') return null
    if (from === '*' && step === undefined) return '*'
    if (begin === first && end === last && step !== undefined) return `*/${Number(step)}`
    const range = end === begin ? String(begin) : `${begin}-${end}`
    return step === undefined || end === begin ? range : `${range}/${Number(step)}`
  })
  return parts.includes(null) ? null : parts.join(',')
}

function weekdays(text: string): string | null {
  const number = (name: string): number => DAYS.indexOf(name.slice(0, 3).toLowerCase())
  const parts = text
    .split(',')
    .filter(Boolean)
    .map((part) => {
      const [from = -1, to = from] = part.split(/\.\.|-/).map(number)
      if (from < 0 || to < 0) return null
      if (to >= from) return from === to ? String(from) : `${from}-${to}`
      return to === 0 ? `${from}-7` : `${from}-6,0-${to}`
    })
  return parts.includes(null) ? null : parts.join(',')
}
