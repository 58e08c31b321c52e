import { SessionError } from '../errors.ts'
import { sortByCodePoint } from './code-point-order.ts'
import { MAX_DEPTH } from './python-json-read.ts'
import { MAX_DIGITS, floatText, numberText } from './python-number.ts'
import { Float } from './python-values.ts'

// What contains itself twice on each of 64 levels would unfold to more than any memory has.
const MAX_NODES = 1_000_000

/** What distinguishes one way of writing JSON from another. */
export interface JsonStyle {
  /** A string with its quotes. */
  readonly quote: (text: string) => string
  /** Whether keys are sorted by Unicode code point; else they stay as they are. */
  readonly sorted: boolean
  /** The text of an object that is neither array nor plain, or null where it has no form. */
  readonly special: (value: object, writer: JsonWriter) => string | null
  /** The text of a plain object with this one key where that is not the usual one, or null. */
  readonly single: (key: string, value: unknown, writer: JsonWriter) => string | null
  /** What it can hold besides text, numbers, booleans, null, arrays and plain objects: for messages. */
  readonly holds: string
}

/** Writes one value as JSON text; throws ERR_SESSION_VALUE, naming the path, for what the style has no form for. */
export class JsonWriter {
  readonly #root: string
  readonly #style: JsonStyle
  readonly #steps: (string | number)[] = []
  #depth: number
  #nodes = 0

  /** `root` is the path that messages start with; `depth` levels are open around the value already. */
  constructor(root: string, style: JsonStyle, depth: number = 0) {
    this.#depth = depth
    this.#root = root
    this.#style = style
  }

  /** The text of a value. */
  write(value: unknown): string {
    if (this.#depth > MAX_DEPTH) this.#tooDeep()
    switch (typeof value) {
      case 'string':
        return this.#style.quote(value)
      case 'number':
        return numberText(value)
      case 'boolean':
        return value ? 'true' : 'false'
      case 'bigint':
        return this.#bigint(value)
      case 'object':
        return value === null ? 'null' : this.#object(value)
      default:
        return this.refuse(value === undefined ? 'undefined' : `a ${typeof value}`)
    }
  }

  /** The text of a part, `levels` deeper; `step` leads to it (null: the same value in other clothes). */
  part(value: unknown, step: string | number | null, levels: number): string {
    if (step !== null) this.#steps.push(step)
    this.#depth += levels
    const text = this.write(value)
    this.#depth -= levels
    if (step !== null) this.#steps.pop()
    return text
  }

  /** Throws: the value here is `what`. */
  refuse(what: string): never {
    const place = this.#steps.reduce<string>((text, step) => text + spelled(step), this.#root)
    throw new SessionError(
      'ERR_SESSION_VALUE',
      `${place} is ${what}, which has no form here. Use text, numbers, booleans, null, arrays, plain objects${this.#style.holds}.`,
    )
  }

  #object(value: object): string {
    if (this.#depth === MAX_DEPTH) this.#tooDeep()
    if (++this.#nodes > MAX_NODES) this.refuse(`part of a value with more than ${MAX_NODES} parts`)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Array.prototype) return this.#array(value as unknown[])
    // Object.prototype of whichever realm: the one prototype that has none itself.
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return this.#plain(value)
    if (value instanceof Float) return floatText(value.valueOf())
    const special = this.#style.special(value, this)
    if (special !== null) return special
    return Array.isArray(value) ? this.#array(value) : this.refuse(`an instance of ${className(value)}`)
  }

  #array(items: readonly unknown[]): string {
    let text = '['
    for (let i = 0; i < items.length; i++) text += (i === 0 ? '' : ',') + this.part(items[i], i, 1)
    return `${text}]`
  }

  #plain(value: object): string {
    const object = value as Record<string, unknown>
    // A property that is undefined is one that is not there.
    const keys = Object.keys(object).filter((key) => object[key] !== undefined)
    const [only] = keys
    if (keys.length === 1) {
      const special = this.#style.single(only!, object[only!], this)
      if (special !== null) return special
    }
    if (this.#style.sorted) sortByCodePoint(keys)
    return `{${keys.map((key) => `${this.#style.quote(key)}:${this.part(object[key], key, 1)}`).join(',')}}`
  }

  #bigint(value: bigint): string {
    const text = value.toString()
    if (text.replace('-', '').length > MAX_DIGITS) this.refuse(`an integer of more than ${MAX_DIGITS} digits`)
    return text
  }

  #tooDeep(): never {
    this.refuse(`more than ${MAX_DEPTH} levels deep, or contains itself`)
  }
}

/** A string as Python's `json` writes it by default: ASCII only. */
export function quoteAscii(text: string): string {
  return /[^ !#-[\]-~]/.test(text) ? `"${text.replace(/[^ !#-[\]-~]/g, escaped)}"` : `"${text}"`
}

const short: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** The escape of one UTF-16 unit. */
export function escaped(unit: string): string {
  return short[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function spelled(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

function className(value: object): string {
  return (value as { constructor?: { name?: string } }).constructor?.name || 'a class'
}
