const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const longMonths = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]
const days = new Set(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])

/** Hours and minutes east of Greenwich, written as a decimal number, as in `-0500`. */
const zones: ReadonlyMap<string, number> = new Map([
  ['UT', 0],
  ['UTC', 0],
  ['GMT', 0],
  ['Z', 0],
  ['AST', -400],
  ['ADT', -300],
  ['EST', -500],
  ['EDT', -400],
  ['CST', -600],
  ['CDT', -500],
  ['MST', -700],
  ['MDT', -600],
  ['PST', -800],
  ['PDT', -700],
])

/** The HTTP date of an instant, in whole seconds, or null where Python has none (not a time, or years before 1 and after 9999). */
export function writeDate(date: Date): string | null {
  const year = date.getUTCFullYear()
  return year >= 1 && year <= 9999 ? date.toUTCString() : null
}

/** The instant that Python's `email.utils` reads from a date in any of the mail and HTTP forms, or null where it reads none. */
export function readDate(text: string): Date | null {
  const fields = parts(text.split(/\s+/).filter((word) => word !== ''))
  if (fields === null) return null
  const { day, month, year, time, zone } = fields
  const clock = clockParts(time)
  const numbers = [year, day, ...clock].map(int)
  if (clock.length === 0 || numbers.includes(NaN)) return null
  const [y, d, h, m, s] = numbers as [number, number, number, number, number]
  // Two digits are a year from 1969 to 2068 (POSIX).
  const fullYear = y >= 100 ? y : y + (y > 68 ? 1900 : 2000)
  const written = [fullYear, monthIndex(month), d, h, m, s] as const
  const date = new Date(Date.UTC(...written))
  if (fullYear < 100 || fullYear > 9999 || !fields6(date).every((n, i) => n === written[i])) return null
  const offset = zones.get(zone.toUpperCase()) ?? (int(zone) || 0)
  const minutes = Math.sign(offset) * (Math.floor(Math.abs(offset) / 100) * 60 + (Math.abs(offset) % 100))
  if (Math.abs(minutes) >= 24 * 60) return null
  const instant = new Date(date.getTime() - minutes * 60_000)
  return writeDate(instant) === null ? null : instant // at the edges of Python's years, its zone decides
}

interface Parts {
  readonly day: string
  readonly month: string
  readonly year: string
  readonly time: string
  readonly zone: string
}

/** Sorts the words of a date: day and month may be exchanged, so may year and time, or year and zone. */
function parts(words: readonly string[]): Parts | null {
  const [day = '', month = '', year = '', time = '', zone = ''] = split(words) ?? []
  if (day === '' || month === '' || year === '') return null
  const turned = monthIndex(month) === -1
  const [first, second] = turned ? [month, day] : [day, month]
  if (monthIndex(second) === -1) return null
  const [third, fourth] = year.indexOf(':') > 0 ? [time, year] : [year, time]
  const [fifth, sixth] = /^[0-9]/.test(third) ? [third, zone] : [zone, third]
  return { day: bare(first), month: second, year: bare(fifth), time: bare(fourth), zone: sixth }
}

/** Five words, without the day's name; `02-Jan-24` and `03:04:05+0100` are taken apart. */
function split(words: readonly string[]): readonly string[] | null {
  const [first, ...rest] = words
  if (first === undefined) return null
  const named = first.endsWith(',') || days.has(first.toLowerCase())
  let found = named ? rest : [first.slice(first.lastIndexOf(',') + 1), ...rest]
  if (found.length === 3) {
    const dashed = found[0]!.split('-')
    if (dashed.length === 3) found = [...dashed, ...found.slice(1)]
  }
  if (found.length === 4) {
    const last = found[3]!
    const sign = last.includes('+') ? last.indexOf('+') : last.indexOf('-')
    found = [...found.slice(0, 3), ...(sign > 0 ? [last.slice(0, sign), last.slice(sign)] : [last, ''])]
  }
  return found.length < 5 ? null : found
}

/** Hours, minutes and seconds as written, or nothing. */
function clockParts(time: string): string[] {
  const fields = time.includes(':') ? time.split(':') : time.split('.')
  if (fields.length === 2) return [...fields, '0']
  return fields.length === 3 ? fields : []
}

function monthIndex(name: string): number {
  const lower = name.toLowerCase()
  return Math.max(months.indexOf(lower), longMonths.indexOf(lower))
}

function bare(word: string): string {
  return word.endsWith(',') ? word.slice(0, -1) : word
}

function int(text: string): number {
  return /^[-+]?[0-9]+$/.test(text) ? Number(text) : NaN
}

function fields6(date: Date): readonly number[] {
  const day = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  return [...day, date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
}
