import { bigEndian, toByteText, toDouble, toUtf8 } from '../lib/byte-text.ts'
import { dateRest } from '../lib/exact-date.ts'
import { isDecimal, isUuid } from '../lib/python-values.ts'
import { MsgpackExt, MsgpackReader } from './msgpack-read.ts'
import type { Member, PythonFormat } from './python-serializer.ts'
import { PythonWriter } from './python-writer.ts'
import type { PythonForm } from './python-writer.ts'

/** A session as msgspec's msgpack, which is what Flask-Session stores by default (byte text). */
export const msgpackFormat: PythonFormat = {
  split(data) {
    const reader = new MsgpackReader(data)
    const members: Member[] = []
    reader.members((key, start) => {
      const name = reader.since(start)
      const from = reader.at
      const live = reader.value()
      members.push({ key, name, text: reader.since(from), live })
    })
    reader.end()
    return members
  },
  join: (members) => form.dict(members),
  name: (key) => new PythonWriter('the key of a value', form).key(key),
  read: (text) => new MsgpackReader(text).value(),
  write: (value, path) => new PythonWriter(path, form).write(value),
}

const form: PythonForm = {
  none: '\xc0',
  true: '\xc3',
  false: '\xc2',
  holds: ", bigint, Date, Uint8Array, Map, or hipflask/flask's float, tuple and uuid",
  int,
  float: (value) => `\xcb${toDouble(value)}`,
  text: (value) => text(toUtf8(value)),
  list: array,
  tuple: array,
  dict(members) {
    let bytes = sized(members.length, 0x80, 16, '\xde')
    for (const [key, value] of members) bytes += key + value
    return bytes
  },
  key: (key, writer) => writer.hashable(key),
  special(value, writer) {
    if (value instanceof Date)
      return date(value) ?? writer.refuse('no date, or one outside the years 1 to 9999')
    if (value instanceof Uint8Array) return counted(value.length, '\xc4\xc5\xc6') + toByteText(value)
    if (value instanceof Map) return writer.map(value)
    if (value instanceof MsgpackExt) return ext(value.type, toByteText(value.data))
    // As msgspec writes them; they come back as text.
    return isUuid(value) || isDecimal(value) ? text(value.valueOf()) : null
  },
}

const firstInt = -(2n ** 63n)
const lastInt = 2n ** 64n - 1n

function int(value: number | bigint): string | null {
  if (value >= 0 && value < 0x80) return String.fromCharCode(Number(value))
  if (value < 0 && value >= -0x20) return String.fromCharCode(0x100 + Number(value))
  if (value >= 0 && value < 0x1_0000_0000) {
    const number = Number(value)
    if (number < 0x100) return `\xcc${bigEndian(number, 1)}`
    return number < 0x1_0000 ? `\xcd${bigEndian(number, 2)}` : `\xce${bigEndian(number, 4)}`
  }
  if (value < 0 && value >= -0x8000_0000) {
    const number = Number(value)
    if (number >= -0x80) return `\xd0${bigEndian(number + 0x100, 1)}`
    return number >= -0x8000
      ? `\xd1${bigEndian(number + 0x1_0000, 2)}`
      : `\xd2${bigEndian(number + 0x1_0000_0000, 4)}`
  }
  const long = BigInt(value)
  if (long < firstInt || long > lastInt) return null
  return (long < 0n ? '\xd3' : '\xcf') + long64(long)
}

function long64(value: bigint): string {
  const bits = BigInt.asUintN(64, value)
  return bigEndian(Number(bits >> 32n), 4) + bigEndian(Number(bits & 0xffff_ffffn), 4)
}

function text(bytes: string): string {
  const { length } = bytes
  return (length < 32 ? String.fromCharCode(0xa0 + length) : counted(length, '\xd9\xda\xdb')) + bytes
}

function array(items: readonly string[]): string {
  return sized(items.length, 0x90, 16, '\xdc') + items.join('')
}

/** The head of a container: in one byte where there are few, else in 16 or 32 bits. */
function sized(count: number, few: number, most: number, more: '\xdc' | '\xde'): string {
  if (count < most) return String.fromCharCode(few + count)
  if (count < 0x1_0000) return more + bigEndian(count, 2)
  return String.fromCharCode(more.charCodeAt(0) + 1) + bigEndian(count, 4)
}

/** A length in the smallest of three widths, each with its own lead. */
function counted(length: number, leads: string): string {
  if (length < 0x100) return leads[0]! + bigEndian(length, 1)
  return length < 0x1_0000 ? leads[1]! + bigEndian(length, 2) : leads[2]! + bigEndian(length, 4)
}

const fixedExt = ['\xd4', '\xd5', '\xd6', '\xd7', '\xd8']

function ext(type: number, data: string): string {
  const lead = fixedExt[Math.log2(data.length)] ?? counted(data.length, '\xc7\xc8\xc9')
  return lead + String.fromCharCode(type & 0xff) + data
}

/** An ext of type -1 in the smallest of its three widths, or null where Python has no such datetime. */
function date(value: Date): string | null {
  const time = value.getTime()
  const year = value.getUTCFullYear()
  if (Number.isNaN(time) || year < 1 || year > 9999) return null
  const seconds = Math.floor(time / 1000)
  const nanos = (time - seconds * 1000) * 1_000_000 + (dateRest(value)?.micros ?? 0) * 1000
  if (seconds >= 0 && seconds < 2 ** 34) {
    if (nanos === 0 && seconds < 2 ** 32) return ext(-1, bigEndian(seconds, 4))
    const high = nanos * 4 + Math.floor(seconds / 2 ** 32)
    return ext(-1, bigEndian(high, 4) + bigEndian(seconds % 2 ** 32, 4))
  }
  return ext(-1, bigEndian(nanos, 4) + long64(BigInt(seconds)))
}
