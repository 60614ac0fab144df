// Cron as calendar expressions of systemd (systemd.time(7)): a list, of which each alone is a time. Pure.

const NAMES: Readonly<Record<string, number>> = {
  jan: 1,
  feb: 2,
  mar: 3,
  apr: 4,
  may: 5,
  jun: 6,
  jul: 7,
  aug: 8,
  sep: 9,
  oct: 10,
  nov: 11,
  dec: 12,
  sun: 0,
  mon: 1,
  tue: 2,
  wed: 3,
  thu: 4,
  fri: 5,
  sat: 6,
}
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const SHORT: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

/** null = systemd cannot say it. */
export function calendarsOf(cron: string, timezone: string | null): readonly string[] | null {
  const fields = (SHORT[cron.toLowerCase()] ?? cron).trim().split(/\s+/)
  const [second = '0', minute = '', hour = '', day = '', month = '', weekday = ''] =
    fields.length === 5 ? ['0', ...fields] : fields
  const time = [field(hour, 0, 23), field(minute, 0, 59), field(second, 0, 59)]
  const days = field(day, 1, 31)
  const months = field(month, 1, 12)
  const week = field(weekday.replace(/\b7\b/g, weekday.includes('-7') ? '7' : '0'), 0, 7)
  if (fields.length > 6 || [...time, days, months, week].includes(null)) return null
  const zone = timezone === null ? '' : ` ${timezone}`
  const at = (dayOfMonth: string, dayOfWeek: string): string => {
    const names = [...new Set(dayOfWeek.split(',').map((one) => DAYS[Number(one) % 7]))].join(',')
    return `${dayOfWeek === '*' ? '' : `${names} `}*-${months}-${dayOfMonth} ${time.join(':')}${zone}`
  }
  // Where both are given, either will do.
  if (days !== '*' && week !== '*') return [at(days ?? '*', '*'), at('*', week ?? '*')]
  return [at(days ?? '*', week ?? '*')]
}

/** `*`, or all numbers of the field, written out. */
function field(text: string, first: number, last: number): string | null {
  if (text === '*' || text === '?') return '*'
  const numbers = new Set<number>()
  for (const one of text.split(',')) {
    const [, from = '', to, step] = /^(\*|[a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?(?:\/(\d{1,2}))?$/i.exec(one) ?? []
    if (from === '') return null
    const begin = from === '*' ? first : number(from)
    const end = to !== undefined ? number(to) : from === '*' || step !== undefined ? last : begin
    const by = Number(step ?? '1')
    if (!(begin >= first && end <= last && end >= begin && by > 0)) return null
    for (let at = begin; at <= end; at += by) numbers.add(at)
  }
  return [...numbers]
    .sort((a, b) => a - b)
    .map((one) => String(one).padStart(2, '0'))
    .join(',')
}

const number = (word: string): number => NAMES[word.toLowerCase()] ?? Number(word)
