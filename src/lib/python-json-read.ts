import { MAX_DIGITS } from './python-number.ts'
import { Float } from './python-values.ts'

/** How deep arrays and objects may nest, in text that is read and in text that is written. */
export const MAX_DEPTH = 64

/** The character codes of JSON's punctuation. */
export const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const colon = 0x3a
const comma = 0x2c
const quote = 0x22
const backslash = 0x5c
const minus = 0x2d

/** Makes a value of an object that has exactly one key, or answers the object itself. May throw. */
export type Revive = (object: Record<string, unknown>, key: string) => unknown

/**
 * Reads JSON text as Python's `json` does: bare NaN and Infinity count, ints are exact (a bigint beyond 2^53), integral
 * floats are Float. Its methods throw a SyntaxError that names the position and never quotes the text.
 */
export class JsonReader {
  readonly #text: string
  readonly #revive: Revive | null
  #depth = 0
  /** The position reading has come to. */
  at = 0

  constructor(text: string, revive: Revive | null) {
    this.#text = text
    this.#revive = revive
  }

  /** The one value that is the whole text. */
  whole(): unknown {
    this.space()
    const value = this.value()
    this.end()
    return value
  }

  /** Passes insignificant whitespace. */
  space(): void {
    let char = this.#text.charCodeAt(this.at)
    while (char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09)
      char = this.#text.charCodeAt(++this.at)
  }

  /** Whether the next character has the code `char`; it is then passed. */
  take(char: number): boolean {
    if (this.#text.charCodeAt(this.at) !== char) return false
    this.at++
    return true
  }

  /** Makes sure that nothing but whitespace is left. */
  end(): void {
    this.space()
    if (this.at !== this.#text.length) this.fail()
  }

  /** Refuses the text at the current position. */
  fail(): never {
    throw new SyntaxError(`Not JSON as Python reads it, at position ${this.at}.`)
  }

  /** The value that starts here. */
  value(): unknown {
    switch (this.#text.charCodeAt(this.at)) {
      case quote:
        return this.string()
      case openBrace:
        return this.#object()
      case openBracket:
        return this.#array()
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      case 0x4e:
        return this.#word('NaN', NaN)
      case 0x49:
        return this.#word('Infinity', Infinity)
      default:
        return this.#number()
    }
  }

  /** The string that starts here. */
  string(): string {
    if (!this.take(quote)) this.fail()
    const start = this.at
    let plain = true
    let at = start
    for (;;) {
      const char = this.#text.charCodeAt(at)
      if (char === quote) break
      if (char === backslash) {
        plain = false
        at++
      } else if (!(char >= 0x20)) {
        this.at = at
        this.fail() // a raw control character, or NaN: the end of the text
      }
      at++
    }
    this.at = at + 1
    return plain ? this.#text.slice(start, at) : this.#unescaped(start - 1, at + 1)
  }

  /** Reads the members of the object whose brace was passed, up to its end. */
  members(each: (key: string) => void): void {
    this.space()
    if (this.take(closeBrace)) return
    do {
      this.space()
      const key = this.string()
      this.space()
      if (!this.take(colon)) this.fail()
      this.space()
      each(key)
      this.space()
    } while (this.take(comma))
    if (!this.take(closeBrace)) this.fail()
  }

  #object(): unknown {
    const object: Record<string, unknown> = {}
    let only: string | null | undefined
    this.#enter()
    this.members((key) => {
      only = only === undefined || only === key ? key : null
      setOwn(object, key, this.value())
    })
    this.#depth--
    return this.#revive !== null && typeof only === 'string' ? this.#revive(object, only) : object
  }

  #array(): unknown[] {
    const items: unknown[] = []
    this.#enter()
    this.space()
    if (!this.take(closeBracket)) {
      do {
        this.space()
        items.push(this.value())
        this.space()
      } while (this.take(comma))
      if (!this.take(closeBracket)) this.fail()
    }
    this.#depth--
    return items
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) this.fail()
    this.at++
  }

  #unescaped(start: number, end: number): string {
    try {
      // Same escapes as in Python; the native parser knows them all.
      return JSON.parse(this.#text.slice(start, end)) as string
    } catch {
      this.at = start
      return this.fail() // its own message would quote the text
    }
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.at)) this.fail()
    this.at += word.length
    return value
  }

  #number(): number | bigint | Float {
    number.lastIndex = this.at
    const match = number.exec(this.#text)
    if (match === null) {
      if (this.take(minus)) return this.#word('Infinity', -Infinity)
      return this.fail()
    }
    this.at = number.lastIndex
    const [text, float] = match
    const value = Number(text)
    if (float !== undefined) return Number.isInteger(value) ? Object.freeze(new Float(value)) : value
    if (text.length - (value < 0 ? 1 : 0) > MAX_DIGITS) this.fail()
    return Number.isSafeInteger(value) ? value + 0 : BigInt(text) // -0 + 0 is 0, as Python's int has it
  }
}

const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)?/y

/** Sets an own property whatever its name: `__proto__` is a key like any other. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else object[key] = value
}
