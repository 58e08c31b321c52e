import * as fc from 'fast-check'
import { floatText } from '../../src/lib/python-number.ts'
import type { Typed } from './typed.ts'

const repr = (value: number): string => floatText(value).replace('NaN', 'nan').replace('Infinity', 'inf')

export const nothing = fc.constant<Typed>(['null'])
export const bool = fc.boolean().map<Typed>((value) => ['bool', value])
const edges = [0n, 0x7fn, 0x80n, 0xffn, 0x100n, 0xffffn, 0x10000n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n]
export const int64 = fc
  .oneof(
    fc.integer().map(BigInt),
    fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n),
    fc
      .tuple(fc.constantFrom(...edges), fc.bigInt(-2n, 2n), fc.boolean())
      .map(([edge, by, minus]) => (minus ? -edge : edge) + by),
  )
  .filter((value) => value >= -(2n ** 63n))
  .map<Typed>((value) => ['int', String(value)])
export const anyInt = fc.oneof(
  int64,
  fc.bigInt(-(2n ** 600n), 2n ** 600n).map<Typed>((value) => ['int', String(value)]),
  fc.bigInt(-(2n ** 2100n), 2n ** 2100n).map<Typed>((value) => ['int', String(value)]),
)
export const anyFloat = fc
  .oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom(0, -0, 1e15, 1e16, 1e17, 1e-4, 1e-5, 1.5e-5, 1e-6, 5e-324, NaN, Infinity, -Infinity),
    fc
      .tuple(
        fc.double({ min: 1, max: 10, maxExcluded: true, noNaN: true }),
        fc.integer({ min: -30, max: 30 }),
      )
      .map(([m, e]) => Number(`${m}e${e}`)),
  )
  .map<Typed>((value) => ['float', repr(value)])
export const finiteFloat = anyFloat.filter(([, text]) => Number.isFinite(Number(text)))
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('a', 'é', '😀', '"', '\\', '\0', '\x1f', '\x7f', '\u2028', '\ufeff'),
    maxLength: 300,
  }),
)
export const str = text.map<Typed>((value) => ['str', value])
/** Also text that UTF-8 has no form for. */
export const looseStr = fc.oneof(
  { weight: 5, arbitrary: str },
  fc
    .array(fc.constantFrom('a', 'é', '\ud83d', '\ude00z', '\udfffA', '\ud800b'), { maxLength: 8 })
    .map<Typed>((parts) => ['str', parts.join(' ')]),
)
const hex = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((value) => Buffer.from(value).toString('hex'))
export const bytes = hex(300).map<Typed>((value) => ['bytes', value])
export const bytearray = hex(20).map<Typed>((value) => ['bytearray', value])
export const ext = fc
  .tuple(fc.integer({ min: 0, max: 127 }), hex(20))
  .map<Typed>(([type, data]) => ['ext', type, data])
export const uuid = fc.uuid().map<Typed>((value) => ['uuid', value])
export const markup = text.map<Typed>((value) => ['markup', value])
export const decimal = fc
  .oneof(
    fc.tuple(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.nat(20)).map(([digits, places]) => {
      const all = String(digits < 0n ? -digits : digits).padStart(places + 1, '0')
      const whole = all.slice(0, all.length - places)
      return `${digits < 0n ? '-' : ''}${whole}${places > 0 && places < 6 ? `.${all.slice(all.length - places)}` : ''}`
    }),
    fc.constantFrom('0', '-0', 'NaN', 'sNaN', 'Infinity', '-Infinity', '1.50', '1E+5', '0E-10', '-1.5E-300'),
  )
  .map<Typed>((value) => ['decimal', value])

const two = (value: number): string => String(value).padStart(2, '0')
/** Years 1 to 9999, with room for any offset at both ends. */
const local = fc
  .tuple(
    fc.date({
      min: new Date('0001-01-03T00:00:00Z'),
      max: new Date('9999-12-29T00:00:00Z'),
      noInvalidDate: true,
    }),
    fc.oneof(fc.constant(0), fc.nat(999_999)),
  )
  .map(
    ([date, micros]) =>
      date.toISOString().slice(0, 19) + (micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`),
  )
export const utcDatetime = local.map<Typed>((value) => ['datetime', `${value}+00:00`])
export const anyDatetime = fc
  .tuple(local, fc.oneof(fc.constant(null), fc.constant(0), fc.integer({ min: -1439, max: 1439 })))
  .map<Typed>(([value, minutes]) => {
    if (minutes === null) return ['datetime', value]
    const sign = minutes < 0 ? '-' : '+'
    return [
      'datetime',
      `${value}${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`,
    ]
  })
/** What JavaScript can only keep and hand on. */
export const opaque = fc.oneof(
  local.map<Typed>((value) => ['date', value.slice(0, 10)]),
  local.map<Typed>((value) => ['time', value.slice(11)]),
  fc
    .tuple(fc.integer({ min: -999_999_999, max: 999_999_998 }), fc.nat(86_399), fc.nat(999_999))
    .map<Typed>((parts) => ['timedelta', parts]),
)

function unique(members: [Typed, Typed][]): [Typed, Typed][] {
  const seen = new Set<string>()
  return members.filter(([key]) => {
    const text = JSON.stringify(key)
    return !seen.has(text) && seen.add(text)
  })
}

/** Nested values of `leaf`s, in lists, dicts and what `more` makes of values. */
export function nested(
  leaf: fc.Arbitrary<Typed>,
  key: fc.Arbitrary<Typed>,
  more: (value: fc.Arbitrary<Typed>) => fc.Arbitrary<Typed>[] = () => [],
): fc.Arbitrary<Typed> {
  const { value } = fc.letrec<{ value: Typed }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 20 }).map<Typed>((items) => ['list', items]),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 20 })
        .map<Typed>((members) => ['dict', unique(members)]),
      ...more(tie('value')),
    ),
  }))
  return value
}

/** A whole session: text to values. */
export function session(value: fc.Arbitrary<Typed>, keys: fc.Arbitrary<Typed> = str): fc.Arbitrary<Typed> {
  return fc.array(fc.tuple(keys, value), { maxLength: 8 }).map<Typed>((members) => ['dict', unique(members)])
}

/** The same typed value with members of dicts and sets sorted: what Python takes for equal. */
export function settled([kind, ...content]: Typed): Typed {
  const sorted = (parts: any[]): any[] =>
    parts
      .map((part) => [JSON.stringify(part), part])
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, part]) => part)
  if (kind === 'list' || kind === 'tuple') return [kind, content[0].map(settled)]
  if (kind === 'set' || kind === 'frozenset') return [kind, sorted(content[0].map(settled))]
  if (kind === 'dict')
    return [kind, sorted(content[0].map(([key, part]: [Typed, Typed]) => [settled(key), settled(part)]))]
  return [kind, ...content]
}
