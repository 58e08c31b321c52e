import { encodeBase64url } from '../lib/base64url.ts'
import { decodeBase64 } from './base64.ts'

/** Whole seconds since 1970 as big-endian bytes without leading zeros, base64url; 0 is the empty text. */
export function encodeTimestamp(seconds: number | bigint): string {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(seconds))
  let start = 0
  while (bytes[start] === 0) start++
  return encodeBase64url(bytes.subarray(start))
}

/** The seconds that `text` stands for, or null; `lenient` reads what Python reads. Beyond 2^53 they are rounded. */
export function decodeTimestamp(text: string, lenient: boolean): number | null {
  const bytes = decodeBase64(text, lenient)
  if (bytes === null || bytes.length > 8 || (bytes[0] === 0 && !lenient)) return null
  return bytes.reduce((seconds, byte) => seconds * 256 + byte, 0)
}

/** The age in seconds of a signature that is older than `maxAge` or from the future (negative), else null. */
export function expiredAge(signed: number, now: number, maxAge: number): number | null {
  const age = Math.floor(now / 1000) - signed
  return age > maxAge || age < 0 ? age : null
}

/** The Date of a timestamp, or null after the year 9999, where Python's dates end. */
export function dateOf(seconds: number): Date | null {
  return seconds < 253_402_300_800 ? new Date(seconds * 1000) : null
}
