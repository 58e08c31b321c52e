import { fromByteText, fromUtf8, littleEndian, toByteText, toDouble, toUtf8 } from '../lib/byte-text.ts'

/*
 * Python's plain values as pickle spells them here: one spelling for each value, without memo and frames, so that equal
 * values have equal texts. Opcodes are those of protocols 2 to 5 (CPython's pickletools describes them).
 */

export const none = 'N'
export const yes = '\x88'
export const no = '\x89'

/** An int of any size. */
export function intText(value: number | bigint): string {
  if (value >= 0 && value < 0x100) return `K${littleEndian(Number(value), 1)}`
  if (value >= 0 && value < 0x1_0000) return `M${littleEndian(Number(value), 2)}`
  if (value >= -0x8000_0000 && value < 0x8000_0000) return `J${littleEndian(Number(value) >>> 0, 4)}`
  const bytes = twosComplement(BigInt(value))
  return (
    (bytes.length < 0x100 ? '\x8a' + littleEndian(bytes.length, 1) : '\x8b' + littleEndian(bytes.length, 4)) +
    bytes
  )
}

/** The int of bytes in two's complement, the lowest first. */
export function intOf(bytes: string): number | bigint {
  if (bytes === '') return 0
  const digits = Buffer.from(fromByteText(bytes).toReversed()).toString('hex')
  const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${digits}`))
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export function floatText(value: number): string {
  return `G${toDouble(value)}`
}

/** Text; a lone surrogate is three bytes, as in CPython. */
export function strText(value: string): string {
  const bytes = loneSurrogate.test(value) ? value.split(surrogate).map(piece).join('') : toUtf8(value)
  return (
    (bytes.length < 0x100 ? `\x8c${littleEndian(bytes.length, 1)}` : `X${littleEndian(bytes.length, 4)}`) +
    bytes
  )
}

/** The text of such bytes, or null. */
export function strOf(bytes: string): string | null {
  const text = fromUtf8(bytes)
  if (text !== null || !bytes.includes('\xed')) return text
  const parts = bytes.split(encodedSurrogate).map((part, i) => {
    if (i % 2 === 0) return fromUtf8(part)
    return String.fromCharCode(0xd000 + (part.charCodeAt(1) & 0x3f) * 0x40 + (part.charCodeAt(2) & 0x3f))
  })
  return parts.includes(null) ? null : parts.join('')
}

export function bytesText(value: Uint8Array): string {
  const { length } = value
  return (length < 0x100 ? `C${littleEndian(length, 1)}` : `B${littleEndian(length, 4)}`) + toByteText(value)
}

export function byteArrayText(value: Uint8Array): string {
  return `\x96${littleEndian(value.length, 8)}${toByteText(value)}`
}

export function listText(items: readonly string[]): string {
  return items.length === 0 ? ']' : `](${items.join('')}e`
}

export function tupleText(items: readonly string[]): string {
  const few = [')', '\x85', '\x86', '\x87'][items.length]
  return few === undefined ? `(${items.join('')}t` : items.join('') + few
}

export function dictText(members: readonly (readonly [key: string, value: string])[]): string {
  if (members.length === 0) return '}'
  let text = '}('
  for (const [key, value] of members) text += key + value
  return `${text}u`
}

export function setText(items: readonly string[]): string {
  return items.length === 0 ? '\x8f' : `\x8f(${items.join('')}\x90`
}

export function frozenSetText(items: readonly string[]): string {
  return `(${items.join('')}\x91`
}

const loneSurrogate = /\p{Surrogate}/u
const surrogate = /(\p{Surrogate})/u
const encodedSurrogate = /(\xed[\xa0-\xbf][\x80-\xbf])/

function piece(text: string, i: number): string {
  if (i % 2 === 0) return toUtf8(text)
  const code = text.charCodeAt(0)
  return String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
}

/** The fewest bytes in two's complement, the lowest first. */
function twosComplement(value: bigint): string {
  const magnitude = value < 0n ? -value - 1n : value
  const length = Math.floor(magnitude.toString(2).length / 8) + 1
  const digits = BigInt.asUintN(length * 8, value).toString(16)
  return toByteText(Buffer.from(digits.padStart(length * 2, '0'), 'hex').toReversed())
}
