import { dateRest, exactDate } from '../../src/lib/exact-date.ts'
import { asByteArray, asFrozenSet, isByteArray, isFrozenSet } from '../../src/lib/python-marks.ts'
import { floatText } from '../../src/lib/python-number.ts'
import {
  Tuple,
  decimal,
  float,
  isDecimal,
  isFloat,
  isMarkup,
  isUuid,
  markup,
  uuid,
} from '../../src/lib/python-values.ts'
import { MsgpackExt } from '../../src/serializers/msgpack-read.ts'

/** A value in the notation of the vectors: `["int", "1"]`. */
export type Typed = readonly [kind: string, ...content: any[]]

/** The live value of a typed one, dicts with other keys than text as Maps. */
export function live([kind, content, more]: Typed): unknown {
  switch (kind) {
    case 'null':
      return null
    case 'bool':
    case 'str':
      return content
    case 'int':
      return Number.isSafeInteger(Number(content)) ? Number(content) : BigInt(content)
    case 'float': {
      const value = Number(content.replace('inf', 'Infinity'))
      return Number.isInteger(value) ? float(value) : value
    }
    case 'bytes':
      return Uint8Array.from(Buffer.from(content, 'hex'))
    case 'bytearray':
      return asByteArray(Uint8Array.from(Buffer.from(content, 'hex')))
    case 'list':
      return content.map(live)
    case 'tuple':
      return Object.freeze(Tuple.from(content.map(live)))
    case 'set':
      return new Set(content.map(live))
    case 'frozenset':
      return asFrozenSet(new Set(content.map(live)))
    case 'markup':
      return markup(content)
    case 'uuid':
      return uuid(content)
    case 'decimal':
      return decimal(content)
    case 'ext':
      return new MsgpackExt(content, Uint8Array.from(Buffer.from(more, 'hex')))
    case 'datetime':
      return liveDate(content)
    case 'dict': {
      const entries: [unknown, unknown][] = content.map(([key, part]: [Typed, Typed]) => [
        live(key),
        live(part),
      ])
      if (entries.some(([key]) => typeof key !== 'string')) return new Map(entries)
      return Object.fromEntries(entries as [string, unknown][])
    }
    default:
      throw new Error(`no live value for ${kind}`)
  }
}

function liveDate(iso: string): Date {
  const micros = Number((/\.\d{3}(\d{3})/.exec(iso) ?? [])[1] ?? 0)
  const text = iso.replace(/(\.\d{3})\d{3}/, '$1')
  return exactDate(Date.parse(/[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`), micros, null)
}

/** A live value in the notation of the vectors. */
export function typed(value: unknown): Typed {
  if (value === null) return ['null']
  if (typeof value === 'boolean') return ['bool', value]
  if (typeof value === 'bigint') return ['int', value.toString()]
  if (typeof value === 'number')
    return Number.isInteger(value) ? ['int', String(value)] : ['float', repr(value)]
  if (typeof value === 'string') return ['str', value]
  if (typeof value !== 'object') throw new Error(`no typed value for a ${typeof value}`)
  if (isFloat(value)) return ['float', repr(value.valueOf())]
  if (isMarkup(value)) return ['markup', value.valueOf()]
  if (isUuid(value)) return ['uuid', value.valueOf()]
  if (isDecimal(value)) return ['decimal', value.valueOf()]
  if (value instanceof Tuple) return ['tuple', [...value].map(typed)]
  if (Array.isArray(value)) return ['list', value.map(typed)]
  if (value instanceof Set) return [isFrozenSet(value) ? 'frozenset' : 'set', [...value].map(typed)]
  if (value instanceof Uint8Array)
    return [isByteArray(value) ? 'bytearray' : 'bytes', Buffer.from(value).toString('hex')]
  if (value instanceof MsgpackExt) return ['ext', value.type, Buffer.from(value.data).toString('hex')]
  if (value instanceof Date) return ['datetime', iso(value)]
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return ['dict', entries.map(([key, part]) => [typed(key), typed(part)])]
}

/** Python's isoformat: microseconds or none; the offset of a pickled datetime is its own. */
function iso(date: Date): string {
  const { micros = 0, pickled = null } = dateRest(date) ?? {}
  const offset = pickled === null ? '+00:00' : offsetOf(pickled)
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? ['', '+', '00', '00']
  const shift = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
  const local = new Date(date.getTime() + shift).toISOString()
  const fraction = local.slice(20, 23) + String(micros).padStart(3, '0')
  return local.slice(0, 19) + (fraction === '000000' ? '' : `.${fraction}`) + offset
}

/** The offset of a datetime that was pickled with a timezone(timedelta(days, seconds, 0)), or nothing for a naive one. */
function offsetOf(pickled: string): string {
  if (!pickled.includes('timedelta')) return ''
  const seconds = /timedelta\x93(?<days>K\0|J\xff\xff\xff\xff)(?<kind>[KMJ])(?<number>[^]{1,4}?)K\0\x87/.exec(
    pickled,
  )!.groups!
  const number = Buffer.from(seconds['number']!, 'latin1')
  const value =
    number.reduceRight((sum, byte) => sum * 256 + byte, 0) - (seconds['days'] === 'K\0' ? 0 : 86_400)
  const minutes = Math.abs(value / 60)
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${value < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

function repr(value: number): string {
  return floatText(value).replace('NaN', 'nan').replace('Infinity', 'inf')
}
