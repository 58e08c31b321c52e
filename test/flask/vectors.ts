import { readFileSync } from 'node:fs'
import { float, isFloat, isMarkup, isTuple, isUuid, markup, tuple, uuid } from '../../src/flask/index.ts'
import { floatText } from '../../src/lib/python-number.ts'

/** Golden vectors made by running Flask, Flask-Session and itsdangerous. */
export const vectors: any = JSON.parse(
  readFileSync(new URL('../fixtures/flask-vectors.json', import.meta.url), 'utf8'),
)

/** A value in the notation of the vectors: `["int", "1"]`. */
export type Typed = [kind: string, content?: any]

/** A secret of the vectors: text, or bytes in hexadecimal. */
export function secretOf(secret: string | { hex: string }): string | Uint8Array {
  return typeof secret === 'string' ? secret : Buffer.from(secret.hex, 'hex')
}

/** The live value of a typed one. Keys become text, as JSON has them. */
export function live([kind, content]: Typed): unknown {
  switch (kind) {
    case 'null':
      return null
    case 'bool':
    case 'str':
    case 'decimal':
      return content
    case 'int':
      return Number.isSafeInteger(Number(content)) ? Number(content) : BigInt(content)
    case 'float': {
      const value = Number(content.replace('inf', 'Infinity'))
      return Number.isInteger(value) ? float(value) : value
    }
    case 'bytes':
      return Uint8Array.from(Buffer.from(content, 'hex'))
    case 'list':
      return content.map(live)
    case 'tuple':
      return tuple(...content.map(live))
    case 'markup':
    case 'html_object':
      return markup(content)
    case 'uuid':
      return uuid(content)
    case 'datetime':
      return new Date(/[+-]\d\d:\d\d$/.test(content) ? content : `${content}Z`)
    case 'date':
      return new Date(content).toUTCString()
    case 'enum':
      return live(content)
    case 'dataclass':
      return Object.fromEntries(content.map(([key, value]: [string, Typed]) => [key, plainUuid(live(value))]))
    case 'dict':
      return Object.fromEntries(content.map(([key, value]: [Typed, Typed]) => [keyText(key), live(value)]))
    default:
      throw new Error(`no live value for ${kind}`)
  }
}

/** Inside dataclasses Flask writes UUIDs as text. */
function plainUuid(value: unknown): unknown {
  return isUuid(value) ? value.valueOf() : value
}

function keyText([kind, content]: Typed): string {
  return kind === 'str' || kind === 'int' || kind === 'float'
    ? content
    : kind === 'null'
      ? 'null'
      : String(content)
}

/** A live value in the notation of the vectors, with sorted dicts and dates as instants. */
export function typed(value: unknown): unknown {
  if (value === null) return ['null']
  if (typeof value === 'boolean') return ['bool', value]
  if (typeof value === 'bigint') return ['int', value.toString()]
  if (typeof value === 'number')
    return Number.isInteger(value) ? ['int', String(value)] : ['float', repr(value)]
  if (typeof value === 'string') return ['str', value]
  if (isFloat(value)) return ['float', repr(value.valueOf())]
  if (isMarkup(value)) return ['markup', value.valueOf()]
  if (isUuid(value)) return ['uuid', value.valueOf()]
  if (isTuple(value)) return ['tuple', [...value].map(typed)]
  if (Array.isArray(value)) return ['list', value.map(typed)]
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('hex')]
  if (value instanceof Date) return ['datetime', value.toISOString()]
  return [
    'dict',
    Object.entries(value as object)
      .map(([key, part]) => [key, typed(part)])
      .sort(byKey),
  ]
}

/** A typed value of the vectors in the form that `typed` answers. */
export function normal([kind, content]: Typed): unknown {
  if (kind === 'list' || kind === 'tuple') return [kind, content.map(normal)]
  if (kind === 'datetime') return [kind, new Date(content).toISOString()]
  if (kind !== 'dict') return content === undefined ? [kind] : [kind, content]
  return [kind, content.map(([key, part]: [Typed, Typed]) => [keyText(key), normal(part)]).sort(byKey)]
}

function byKey([a]: any, [b]: any): number {
  return a < b ? -1 : 1
}

function repr(value: number): string {
  return floatText(value).replace('NaN', 'nan').replace('Infinity', 'inf')
}
