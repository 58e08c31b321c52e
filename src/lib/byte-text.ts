import { isUtf8 } from 'node:buffer'

/*
 * Byte text: bytes as text, one character (U+0000 to U+00FF) for each. Records are text; in this form they hold any
 * bytes, V8 keeps them in one byte a character, and a slice of them copies nothing.
 */

// oxlint-disable-next-line no-control-regex -- all of ASCII is meant
const ascii = /^[\0-\x7f]*$/

/** The UTF-8 of `text` as byte text; a lone surrogate, which has no UTF-8, becomes U+FFFD. */
export function toUtf8(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** The text whose UTF-8 is the byte text `bytes`, or null if it is none's. */
export function fromUtf8(bytes: string): string | null {
  if (ascii.test(bytes)) return bytes
  const buffer = Buffer.from(bytes, 'latin1')
  return isUtf8(buffer) ? buffer.toString('utf8') : null
}

/** Bytes as byte text. */
export function toByteText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** The bytes of byte text, in memory of their own. */
export function fromByteText(bytes: string): Uint8Array {
  const made = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) made[i] = bytes.charCodeAt(i)
  return made
}

/** A whole number from 0 to 2^53 - 1 as `width` bytes, the highest first. */
export function bigEndian(value: number, width: number): string {
  let text = ''
  for (let rest = value, i = 0; i < width; i++, rest = Math.floor(rest / 256))
    text = String.fromCharCode(rest % 256) + text
  return text
}

/** The same, the lowest byte first. */
export function littleEndian(value: number, width: number): string {
  let text = ''
  for (let rest = value, i = 0; i < width; i++, rest = Math.floor(rest / 256))
    text += String.fromCharCode(rest % 256)
  return text
}

const scratch = Buffer.alloc(8)

/** A double as 8 bytes, the highest first (IEEE 754). */
export function toDouble(value: number): string {
  scratch.writeDoubleBE(value)
  return scratch.toString('latin1')
}

/** The double whose bytes begin at `at`, the highest first. */
export function fromDouble(bytes: string, at: number): number {
  scratch.write(bytes.slice(at, at + 8), 'latin1')
  return scratch.readDoubleBE()
}

/** The single whose bytes begin at `at`, the highest first. */
export function fromSingle(bytes: string, at: number): number {
  scratch.write(bytes.slice(at, at + 4), 'latin1')
  return scratch.readFloatBE()
}
