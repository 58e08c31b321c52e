import { floatText, numberText } from '../lib/python-number.ts'
import { isFloat, isMarkup, isTuple, isUuid } from '../lib/python-values.ts'
import { isDict } from './python-dict.ts'

/** Python's `str(value)` of a value that was read; a TypeError for dates and bytes, whose text is not kept. */
export function str(value: unknown): string {
  if (typeof value === 'string') return value
  return isMarkup(value) || isUuid(value) ? value.valueOf() : repr(value)
}

function repr(value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return Number.isFinite(value) ? numberText(value) : notFinite(value)
  if (typeof value === 'bigint') return value.toString()
  if (isFloat(value)) return floatText(value.valueOf())
  if (isMarkup(value)) return `Markup(${quoted(value.valueOf())})`
  if (isUuid(value)) return `UUID('${value.valueOf()}')`
  if (isTuple(value)) return `(${[...value].map(repr).join(', ')}${value.length === 1 ? ',' : ''})`
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`
  if (isDict(value)) {
    const members = Object.entries(value).map(([key, part]) => `${quoted(key)}: ${repr(part)}`)
    return `{${members.join(', ')}}`
  }
  throw new TypeError('A tag around what has no text here.')
}

function notFinite(value: number): string {
  return String(value).toLowerCase().replace('infinity', 'inf')
}

/** Single quotes unless only double ones spare escapes; what Unicode calls other or separator is escaped, but the space. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text.replace(/[\\'\p{C}\p{Z}]/gu, (char) =>
    char === "'" && quote === '"' ? char : escaped(char),
  )
  return quote + inner + quote
}

const short: Record<string, string> = {
  ' ': ' ',
  '\\': '\\\\',
  "'": "\\'",
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function escaped(char: string): string {
  const hex = char.codePointAt(0)!.toString(16)
  if (hex.length <= 2) return short[char] ?? `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
