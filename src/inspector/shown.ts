import { isFloat, isMarkup, isUuid } from '../lib/python-values.ts'

/** A value fit to be shown: its type, and text or parts; never more than a page can bear. */
export interface Shown {
  readonly type: string
  /** The value as text, for values without parts. */
  readonly text?: string
  /** How many characters the whole text has, where `text` is only its beginning. */
  readonly length?: number
  readonly parts?: readonly (readonly [label: string, part: Shown])[]
  /** How many more parts there are. */
  readonly more?: number
  /** The key is on the mask list: nothing of the value is here but its type. */
  readonly masked?: true
}

/** How much of a value is shown. */
export interface Bounds {
  readonly text: number
  readonly parts: number
  readonly depth: number
  /** Of all parts together. */
  readonly nodes: number
}

/** For the page of one session. */
export const wide: Bounds = { text: 2_000, parts: 100, depth: 10, nodes: 2_000 }

/** For a line. */
export const narrow: Bounds = { text: 80, parts: 6, depth: 3, nodes: 24 }

/** Keys whose values are not shown without a click, unless the app says otherwise. */
export const defaultMask: RegExp =
  /pass|pwd|secret|token|csrf|xsrf|nonce|otp|auth|credential|api.?key|private|cvv|cvc|card|iban|ssn|(?:^|_)pin$/i

/** The value of `key`; masked where `mask` knows the key, or a key within. */
export function shown(key: string, value: unknown, mask: RegExp | null, bounds: Bounds): Shown {
  return new Showing(mask, bounds).of(key, value, 0)
}

/** Whether a part is masked, or left out and so perhaps to be masked. */
export function holdsBack({ masked, more, parts = [] }: Shown): boolean {
  return masked === true || more !== undefined || parts.some(([, part]) => holdsBack(part))
}

/** A shown value on one line, much like it is written in code. */
export function line({ type, text, length, parts, more, masked }: Shown): string {
  if (masked) return '••••••'
  if (parts === undefined) {
    const quoted = type === 'text' ? JSON.stringify(text) : (text ?? type)
    return length === undefined ? quoted : `${quoted}… (${length} characters)`
  }
  const keyed = type !== 'list' && type !== 'tuple' && type !== 'Set'
  const inner = parts.map(([label, part]) => (keyed ? `${label}: ${line(part)}` : line(part)))
  if (more !== undefined) inner.push(`… ${more} more`)
  const [open, close] = type === 'list' ? ['[', ']'] : type === 'tuple' ? ['(', ')'] : ['{', '}']
  return `${type === 'Map' || type === 'Set' ? `${type} ` : ''}${open}${inner.join(', ')}${close}`
}

class Showing {
  readonly #mask: RegExp | null
  readonly #bounds: Bounds
  #nodes = 0

  constructor(mask: RegExp | null, bounds: Bounds) {
    this.#mask = mask
    this.#bounds = bounds
  }

  of(key: string, value: unknown, depth: number): Shown {
    this.#nodes++
    if (this.#mask?.test(key) === true) return { type: typeOf(value), masked: true }
    if (value instanceof Map) {
      const entries = [...value].map(([k, v]): [string, unknown] => [mapKey(k), v])
      return this.#whole('Map', entries, depth)
    }
    if (value instanceof Set) return this.#whole('Set', numbered([...value]), depth)
    if (Array.isArray(value)) return this.#whole(typeOf(value), numbered(value), depth)
    if (typeOf(value) === 'object') return this.#whole('object', Object.entries(value as object), depth)
    return this.#text(typeOf(value), textOf(value))
  }

  #text(type: string, text: string): Shown {
    const { text: most } = this.#bounds
    return text.length > most ? { type, text: text.slice(0, most), length: text.length } : { type, text }
  }

  #whole(type: string, entries: readonly (readonly [string, unknown])[], depth: number): Shown {
    const { parts: most, depth: deepest, nodes } = this.#bounds
    const parts: [string, Shown][] = []
    if (depth < deepest) {
      for (const [label, part] of entries) {
        if (parts.length === most || this.#nodes >= nodes) break
        parts.push([label.slice(0, 200), this.of(label, part, depth + 1)])
      }
    }
    const more = entries.length - parts.length
    return more > 0 ? { type, parts, more } : { type, parts }
  }
}

function numbered(values: readonly unknown[]): [string, unknown][] {
  return values.map((value, i) => [String(i), value])
}

function mapKey(key: unknown): string {
  return typeof key === 'string' ? key : textOf(key)
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return 'text'
  if (Array.isArray(value)) return value.constructor === Array ? 'list' : value.constructor.name.toLowerCase()
  if (typeof value !== 'object') return typeof value
  if (value instanceof Uint8Array) return 'bytes'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return 'object'
  return (prototype as object).constructor?.name || 'object'
}

function textOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, 2_000))
    return bytes.toString('hex').replace(/(..)(?=.)/g, '$1 ')
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString()
  if (Object.is(value, -0)) return '-0'
  if (isFloat(value) || isUuid(value) || isMarkup(value)) return value.toString()
  if (typeof value === 'object' && value !== null) return line(shown('', value, null, narrow))
  return String(value)
}
