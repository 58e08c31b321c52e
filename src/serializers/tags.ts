import { decodePythonBase64 } from '../lib/python-base64.ts'
import { quoteAscii } from '../lib/python-json-write.ts'
import type { JsonStyle } from '../lib/python-json-write.ts'
import { isFloat, isMarkup, isTuple, isUuid, markup, tuple, uuid } from '../lib/python-values.ts'
import { readDate, writeDate } from './python-date.ts'
import { iterate, isDict } from './python-dict.ts'
import { str } from './python-str.ts'

/** How Flask's `TaggedJSONSerializer` writes, inside an app: sorted keys, ASCII, tags for what JSON lacks. */
export const flaskStyle: JsonStyle = {
  quote: quoteAscii,
  sorted: true,
  holds: ", bigint, Date, Uint8Array, or hipflask/flask's tuple, float, uuid and markup",

  special(value, writer) {
    // Copied to a plain array, which is written as such.
    if (isTuple(value)) return `{" t":${writer.part([...value], null, 1)}}`
    if (value instanceof Uint8Array) return `{" b":"${Buffer.from(value).toString('base64')}"}`
    if (isMarkup(value)) return `{" m":${quoteAscii(value.valueOf())}}`
    if (isUuid(value)) return `{" u":"${value.replaceAll('-', '')}"}`
    if (value instanceof Date) {
      return `{" d":"${writeDate(value) ?? writer.refuse('no date, or one outside the years 1 to 9999')}"}`
    }
    return null
  },

  single(key, value, writer) {
    return isTag(key) ? `{" di":{${quoteAscii(`${key}__`)}:${writer.part(value, key, 2)}}}` : null
  },
}

/** Whether an object whose only key is `key` is a tag: stands for a value that JSON lacks. */
export function isTag(key: string): boolean {
  return tags.has(key)
}

/** The value that a one-key object stands for, or the object if its key is no tag; throws where Flask does. */
export function untag(object: Record<string, unknown>, key: string): unknown {
  const read = tags.get(key)
  return read === undefined ? object : read(object[key])
}

const tags: ReadonlyMap<string, (value: unknown) => unknown> = new Map<string, (value: unknown) => unknown>([
  [' di', unescaped],
  [' t', (value) => tuple(...iterate(value))],
  [' b', bytes],
  [' m', (value) => markup(str(value))],
  [' u', (value) => uuid(text(value))],
  [' d', (value) => (noDate(value) ? null : readDate(text(value)))],
])

/** The object that was escaped because its only key looked like a tag; Flask looks at the first key alone. */
function unescaped(value: unknown): Record<string, unknown> {
  if (!isDict(value)) throw new TypeError('A tag around what is no object.')
  const [key] = Object.keys(value)
  if (key === undefined) throw new TypeError('A tag around an empty object.')
  return Object.fromEntries([[Array.from(key).slice(0, -2).join(''), value[key]]])
}

function bytes(value: unknown): Uint8Array {
  const encoded = value instanceof Uint8Array ? value : ascii(text(value))
  const decoded = decodePythonBase64(encoded, 'standard')
  if (decoded === null) throw new TypeError('A tag around what is no base64.')
  return new Uint8Array(decoded)
}

function ascii(value: string): Buffer {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  if (!/^[\0-\x7f]*$/.test(value)) throw new TypeError('A tag around text that is not ASCII.')
  return Buffer.from(value, 'latin1')
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (isMarkup(value)) return value.valueOf()
  throw new TypeError('A tag around what is no text.')
}

/** What Python takes for false, and bytes, which are refused in the same quiet way: no date at all. */
function noDate(value: unknown): boolean {
  if (isDict(value)) return Object.keys(value).length === 0
  if (isMarkup(value) || Array.isArray(value)) return value.length === 0
  if (isFloat(value)) return value.valueOf() === 0
  if (value instanceof Uint8Array) return true
  return value === null || value === false || value === 0 || value === ''
}
