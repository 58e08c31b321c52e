import { floatText, numberText } from '../lib/python-number.ts'
import { isFloat, isMarkup } from '../lib/python-values.ts'

/** Whether a value that was read is a Python dict. */
export function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** What Python's iteration over a value that was read yields; a TypeError where it raises one. */
export function iterate(value: unknown): readonly unknown[] {
  if (typeof value === 'string') return Array.from(value)
  if (isMarkup(value)) return Array.from(value.valueOf())
  if (Array.isArray(value)) return value
  if (value instanceof Uint8Array) return [...value]
  if (isDict(value)) return Object.keys(value)
  throw new TypeError('Not iterable in Python.')
}

/** The entries of Python's `dict(value)`, keys as JSON writes them; a TypeError where Python or its JSON raises one. */
export function dictEntries(value: unknown): [string, unknown][] {
  if (value === null) return [] // Flask asks before it calls dict
  if (isDict(value)) return Object.entries(value)
  return iterate(value).map((item) => {
    const pair = iterate(item)
    if (pair.length !== 2) throw new TypeError('Not a pair of key and value.')
    return [keyText(pair[0]), pair[1]]
  })
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key
  if (typeof key === 'number') return numberText(key)
  if (isFloat(key)) return floatText(key.valueOf())
  if (isMarkup(key)) return key.valueOf()
  if (typeof key === 'bigint' || typeof key === 'boolean' || key === null) return String(key)
  throw new TypeError('Not a key in JSON.')
}
