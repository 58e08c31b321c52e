import { bigEndian } from '../lib/byte-text.ts'
import { dateRest, exactDate } from '../lib/exact-date.ts'
import { decimal, markup } from '../lib/python-values.ts'
import type { Decimal, Markup } from '../lib/python-values.ts'
import { bytesText, dictText, intText, strText, tupleText } from './pickle-text.ts'

/**
 * A Python object that JavaScript has no like for: a timedelta, timezone, date or time. It can be kept and handed on, and
 * is written again as it came.
 */
export class PickledObject {
  /** Its type, such as `datetime.timedelta`. */
  readonly type: string
  readonly #text: string
  readonly #span: Span | null

  constructor(type: string, text: string, span: Span | null) {
    this.type = type
    this.#text = text
    this.#span = span
    Object.freeze(this)
  }

  /** The object as it is pickled. */
  static textOf(object: PickledObject): string {
    return object.#text
  }

  /** How long a timedelta is, or how far a timezone is from UTC. */
  static spanOf(object: PickledObject): Span | null {
    return object.#span
  }
}

/** A length of time; `micros` are 0 to 999,999 on top of `seconds`. */
interface Span {
  readonly seconds: number
  readonly micros: number
}

/** A type that may be named in a pickle. Nothing is run: `make` looks at what CPython writes for one. */
export interface PlainType {
  /** How CPython makes one: calls the type, or its `__new__`. */
  readonly by: 'REDUCE' | 'NEWOBJ'
  /** The live value of these arguments; undefined if CPython would not have written them. */
  readonly make: (args: readonly unknown[]) => unknown
}

/** The longest text (UTF-16 units) of a Decimal and of a timezone's name: an object is looked at each time it is made. */
const LONGEST = 255

/** A UUID between NEWOBJ and the BUILD that gives it its number. */
export class UnbornUuid {
  number: bigint | null = null
}

/** The types that may be named, by module and name; there are no others. */
export const plainTypes: ReadonlyMap<string, PlainType> = new Map<string, PlainType>([
  ['datetime datetime', { by: 'REDUCE', make: datetime }],
  ['datetime timedelta', { by: 'REDUCE', make: timedelta }],
  ['datetime timezone', { by: 'REDUCE', make: timezone }],
  ['datetime date', { by: 'REDUCE', make: date }],
  ['datetime time', { by: 'REDUCE', make: time }],
  ['decimal Decimal', { by: 'REDUCE', make: decimalOf }],
  ['markupsafe Markup', { by: 'NEWOBJ', make: markupOf }],
  ['uuid UUID', { by: 'NEWOBJ', make: (args) => (args.length === 0 ? new UnbornUuid() : undefined) }],
])

/** A Date as an aware datetime in UTC, or as it was read; null where Python has no such datetime. */
export function datetimeText(value: Date): string | null {
  const rest = dateRest(value)
  if (rest !== null && rest.pickled !== null) return rest.pickled
  const year = value.getUTCFullYear()
  if (Number.isNaN(year) || year < 1 || year > 9999) return null
  const fields = [value.getUTCMonth() + 1, value.getUTCDate(), value.getUTCHours(), value.getUTCMinutes()]
  const micros = value.getUTCMilliseconds() * 1000 + (rest?.micros ?? 0)
  const bytes =
    bigEndian(year, 2) + String.fromCharCode(...fields, value.getUTCSeconds()) + bigEndian(micros, 3)
  return called('datetime', 'datetime', [`C\x0a${bytes}`, utc])
}

export function uuidText(hyphenated: string): string {
  const state = dictText([[strText('int'), intText(BigInt(`0x${hyphenated.replaceAll('-', '')}`))]])
  return `${named('uuid', 'UUID')})\x81${state}b`
}

export function markupText(html: Markup): string {
  return `${named('markupsafe', 'Markup')}${tupleText([strText(html.valueOf())])}\x81`
}

export function decimalText(value: Decimal): string {
  return called('decimal', 'Decimal', [strText(value.valueOf())])
}

function named(module: string, name: string): string {
  return `${strText(module)}${strText(name)}\x93`
}

function called(module: string, name: string, args: readonly string[]): string {
  return `${named(module, name)}${tupleText(args)}R`
}

const utc = called('datetime', 'timezone', [called('datetime', 'timedelta', ['K\0', 'K\0', 'K\0'])])

function datetime([bytes, zone, ...rest]: readonly unknown[]): Date | undefined {
  if (!(bytes instanceof Uint8Array) || bytes.length !== 10 || rest.length > 0) return undefined
  const offset = zone === undefined ? { seconds: 0, micros: 0 } : spanOf(zone, 'datetime.timezone')
  const [year, month, day] = [bytes[0]! * 256 + bytes[1]!, bytes[2]! & 0x7f, bytes[3]!]
  const clock = clockOf(bytes.subarray(4))
  if (offset === null || clock === null || !isDay(year, month, day)) return undefined
  const instant = new Date(0).setUTCFullYear(year, month - 1, day) + (clock.seconds - offset.seconds) * 1000
  const micros = clock.micros - offset.micros
  const text = called(
    'datetime',
    'datetime',
    zone === undefined ? [bytesText(bytes)] : [bytesText(bytes), PickledObject.textOf(zone as PickledObject)],
  )
  return exactDate(instant + Math.floor(micros / 1000), ((micros % 1000) + 1000) % 1000, text)
}

function timedelta(args: readonly unknown[]): PickledObject | undefined {
  const [days, seconds, micros] = args
  if (args.length !== 3 || !isBetween(days, -999_999_999, 999_999_999)) return undefined
  if (!isBetween(seconds, 0, 86_399) || !isBetween(micros, 0, 999_999)) return undefined
  const text = called('datetime', 'timedelta', [days, seconds, micros].map(intText))
  return new PickledObject('datetime.timedelta', text, { seconds: days * 86_400 + seconds, micros })
}

function timezone(args: readonly unknown[]): PickledObject | undefined {
  const [delta, name] = args
  const offset = spanOf(delta, 'datetime.timedelta')
  if (offset === null || args.length > 2 || (args.length === 2 && !isShort(name))) return undefined
  // Strictly less than a day either way.
  if (
    offset.seconds >= 86_400 ||
    offset.seconds < -86_400 ||
    (offset.seconds === -86_400 && offset.micros === 0)
  )
    return undefined
  const parts = [PickledObject.textOf(delta as PickledObject)]
  if (typeof name === 'string') parts.push(strText(name))
  return new PickledObject('datetime.timezone', called('datetime', 'timezone', parts), offset)
}

function date(args: readonly unknown[]): PickledObject | undefined {
  const [bytes] = args
  if (!(bytes instanceof Uint8Array) || bytes.length !== 4 || args.length !== 1) return undefined
  if (!isDay(bytes[0]! * 256 + bytes[1]!, bytes[2]!, bytes[3]!)) return undefined
  return new PickledObject('datetime.date', called('datetime', 'date', [bytesText(bytes)]), null)
}

function time(args: readonly unknown[]): PickledObject | undefined {
  const [bytes, zone] = args
  if (!(bytes instanceof Uint8Array) || bytes.length !== 6 || args.length > 2 || clockOf(bytes) === null)
    return undefined
  const parts = [bytesText(bytes)]
  if (args.length === 2) {
    if (spanOf(zone, 'datetime.timezone') === null) return undefined
    parts.push(PickledObject.textOf(zone as PickledObject))
  }
  return new PickledObject('datetime.time', called('datetime', 'time', parts), null)
}

function decimalOf(args: readonly unknown[]): Decimal | undefined {
  const [text] = args
  if (!isShort(text) || args.length !== 1) return undefined
  try {
    return decimal(text)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

function markupOf(args: readonly unknown[]): Markup | undefined {
  const [html] = args
  return typeof html === 'string' && args.length === 1 ? markup(html) : undefined
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST
}

function spanOf(value: unknown, type: string): Span | null {
  return value instanceof PickledObject && value.type === type ? PickledObject.spanOf(value) : null
}

/** Six bytes: hour (its highest bit says which of two equal hours), minute, second, and microseconds in three. */
function clockOf(bytes: Uint8Array): Span | null {
  const [hour = 0, minute = 0, second = 0, high = 0, middle = 0, low = 0] = bytes
  const micros = high * 0x1_0000 + middle * 0x100 + low
  if ((hour & 0x7f) > 23 || minute > 59 || second > 59 || micros > 999_999) return null
  return { seconds: (hour & 0x7f) * 3600 + minute * 60 + second, micros }
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || year > 9999 || month < 1 || month > 12) return false
  const last = new Date(0)
  last.setUTCFullYear(year, month, 0)
  return day >= 1 && day <= last.getUTCDate()
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most
}
