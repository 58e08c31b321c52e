import { fromByteText, fromDouble, fromSingle, fromUtf8 } from '../lib/byte-text.ts'
import { exactDate } from '../lib/exact-date.ts'
import { MAX_DEPTH, setOwn } from '../lib/python-json-read.ts'
import { Tuple, float } from '../lib/python-values.ts'

/** A msgpack extension value that has no meaning here; it is written again as it came. */
export class MsgpackExt {
  /** Its type, -128 to 127. */
  readonly type: number
  readonly data: Uint8Array

  constructor(type: number, data: Uint8Array) {
    this.type = type
    this.data = data
    Object.freeze(this)
  }
}

/** Seconds of the years 1 and 9999, which are the first and the last of Python's datetime. */
const firstSecond = -62_135_596_800
const lastSecond = 253_402_300_799
const timestamp = -1

/**
 * Reads msgpack (byte text) as msgspec does, any width of any type. A map with keys that are not text is a Map; an ext of
 * type -1 is a Date. Its methods throw a SyntaxError that names the position; nothing is made room for before it is read.
 */
export class MsgpackReader {
  readonly #bytes: string
  #depth = 0
  #inKey = false
  /** The position reading has come to. */
  at = 0

  constructor(bytes: string) {
    this.#bytes = bytes
  }

  /** The bytes from `start` to where reading has come. */
  since(start: number): string {
    return this.#bytes.slice(start, this.at)
  }

  /** Reads the members of the map that starts here; `each` must read the value. */
  members(each: (key: unknown, start: number) => void): void {
    this.#depth-- // the session itself is no level of its values
    const lead = this.#uint(1)
    if ((lead & 0xf0) === 0x80) this.#members(lead & 0x0f, each)
    else if (lead === 0xde) this.#members(this.#uint(2), each)
    else if (lead === 0xdf) this.#members(this.#uint(4), each)
    else this.#fail()
  }

  /** Makes sure that nothing is left. */
  end(): void {
    if (this.at !== this.#bytes.length) this.#fail()
  }

  /** The value that starts here. */
  value(): unknown {
    const lead = this.#uint(1)
    if (lead < 0x80) return lead
    if (lead >= 0xe0) return lead - 0x100
    if (lead < 0x90) return this.#map(lead & 0x0f)
    if (lead < 0xa0) return this.#array(lead & 0x0f)
    if (lead < 0xc0) return this.#text(lead & 0x1f)
    switch (lead) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return fromByteText(this.#take(this.#uint(1 << (lead - 0xc4))))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#ext(this.#uint(1 << (lead - 0xc7)))
      case 0xca:
        return this.#float(fromSingle(this.#take(4), 0))
      case 0xcb:
        return this.#float(fromDouble(this.#take(8), 0))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (lead - 0xcc))
      case 0xcf:
        return this.#long(this.#uint(4))
      case 0xd0:
        return (this.#uint(1) << 24) >> 24
      case 0xd1:
        return (this.#uint(2) << 16) >> 16
      case 0xd2:
        return this.#uint(4) | 0
      case 0xd3:
        return this.#long(this.#uint(4) | 0)
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#ext(1 << (lead - 0xd4))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (lead - 0xd9)))
      case 0xdc:
        return this.#array(this.#uint(2))
      case 0xdd:
        return this.#array(this.#uint(4))
      case 0xde:
        return this.#map(this.#uint(2))
      case 0xdf:
        return this.#map(this.#uint(4))
      default:
        return this.#fail()
    }
  }

  #map(size: number): unknown {
    if (this.#inKey) this.#fail() // Python cannot hash a dict
    const members: [unknown, unknown][] = []
    let plain = true
    this.#members(size, (key) => {
      plain &&= typeof key === 'string'
      members.push([key, this.value()])
    })
    if (!plain) return new Map(members)
    const object: Record<string, unknown> = {}
    for (const [key, value] of members) setOwn(object, key as string, value)
    return object
  }

  #members(size: number, each: (key: unknown, start: number) => void): void {
    this.#enter()
    for (let i = 0; i < size; i++) {
      const start = this.at
      each(this.#key(), start)
    }
    this.#depth--
  }

  #key(): unknown {
    const outer = this.#inKey
    this.#inKey = true
    const key = this.value()
    this.#inKey = outer
    return key
  }

  #array(size: number): unknown[] {
    this.#enter()
    const items: unknown[] = this.#inKey ? new Tuple() : []
    for (let i = 0; i < size; i++) items.push(this.value())
    this.#depth--
    return this.#inKey ? (Object.freeze(items) as unknown[]) : items
  }

  #text(size: number): string {
    return fromUtf8(this.#take(size)) ?? this.#fail()
  }

  #float(value: number): unknown {
    return Number.isInteger(value) ? float(value) : value
  }

  /** 64 bits of which `high` are the upper ones, signed or not. */
  #long(high: number): number | bigint {
    const low = this.#uint(4)
    const value = high * 0x1_0000_0000 + low
    return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) + BigInt(low)
  }

  #ext(size: number): unknown {
    const type = (this.#uint(1) << 24) >> 24
    if (type !== timestamp) return new MsgpackExt(type, fromByteText(this.#take(size)))
    const ends = this.at + size
    if (size === 4) return this.#date(this.#uint(4), 0)
    if (size === 8) {
      const high = this.#uint(4)
      return this.#date((high & 0b11) * 0x1_0000_0000 + this.#uint(4), high >>> 2)
    }
    if (size !== 12 || ends > this.#bytes.length) this.#fail()
    const nanos = this.#uint(4)
    return this.#date(Number(this.#long(this.#uint(4) | 0)), nanos)
  }

  #date(seconds: number, nanos: number): Date {
    if (nanos > 999_999_999 || seconds < firstSecond || seconds > lastSecond) this.#fail()
    const micros = Math.round(nanos / 1000)
    return exactDate(seconds * 1000 + Math.floor(micros / 1000), micros % 1000, null)
  }

  #uint(width: number): number {
    const bytes = this.#take(width)
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + bytes.charCodeAt(i)
    return value
  }

  #take(size: number): string {
    const start = this.at
    if (size > this.#bytes.length - start) this.#fail()
    this.at = start + size
    return this.#bytes.slice(start, this.at)
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) this.#fail()
  }

  #fail(): never {
    throw new SyntaxError(`Not msgpack as Flask-Session writes it, at position ${this.at}.`)
  }
}
