import { closeSync, openSync, readSync, fstatSync, writeSync } from 'node:fs'
import { endianness } from 'node:os'
import { codeOf } from '../stores/file/owner.ts'

/*
 * A file of cachelib: the time when it expires, in seconds since 1970, 0 for never, as four bytes in the order of this
 * machine; then the value. It is alive up to and with that second's beginning.
 */

/** The length of the expiry. */
export const HEAD = 4
/** The last moment that a Date can name. */
export const NEVER = 8_640_000_000_000_000
/** The last second that four bytes hold. */
const LAST = 2 ** 32 - 1
/** No session is as large: what is, is something else. */
const LARGEST = 64 * 2 ** 20

/** What a file holds: its value as byte text, and the milliseconds from which on it is dead. */
export interface CachelibFile {
  readonly data: string
  readonly expiresAt: number
}

/** The file at `path`; null if there is none, undefined if it cannot be one of cachelib's. With `renew`, its expiry may be set. */
export function readCachelib(
  path: string,
  renew?: (file: CachelibFile) => number | null,
): CachelibFile | null | undefined {
  return opened(path, renew === undefined ? 'r' : 'r+', (file) => {
    const bytes = Buffer.alloc(Math.min(fstatSync(file).size, LARGEST + 1))
    let length = 0
    for (let got = -1; got !== 0 && length < bytes.length; length += got)
      got = readSync(file, bytes, length, bytes.length - length, length)
    if (length < HEAD || length > LARGEST) return undefined
    const found = { data: bytes.toString('latin1', HEAD, length), expiresAt: expiresAtOf(bytes) }
    const expiresAt = renew?.(found) ?? null
    if (expiresAt === null) return found
    const head = headOf(expiresAt)
    // In place: where somebody has put another file there meanwhile, this one is nobody's any more.
    writeSync(file, head, 0, HEAD, 0)
    return { ...found, expiresAt: expiresAtOf(head) }
  })
}

/** When the file at `path` expires and how long its value is, without reading that; null and undefined as above. */
export function peekCachelib(
  path: string,
): { readonly expiresAt: number; readonly size: number } | null | undefined {
  return opened(path, 'r', (file) => {
    const head = Buffer.alloc(HEAD)
    if (readSync(file, head, 0, HEAD, 0) < HEAD) return undefined
    return { expiresAt: expiresAtOf(head), size: fstatSync(file).size - HEAD }
  })
}

/** The bytes of a file. */
export function encodeCachelib(data: string, expiresAt: number): Buffer {
  return Buffer.concat([headOf(expiresAt), Buffer.from(data, 'latin1')])
}

function opened<T>(path: string, flags: string, work: (file: number) => T): T | null {
  let file: number
  try {
    file = openSync(path, flags)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
  try {
    return work(file)
  } finally {
    closeSync(file)
  }
}

function headOf(expiresAt: number): Buffer {
  const head = Buffer.alloc(HEAD)
  const seconds = expiresAt >= NEVER ? 0 : Math.min(LAST, Math.max(1, Math.floor(expiresAt / 1000)))
  if (endianness() === 'LE') head.writeUInt32LE(seconds)
  else head.writeUInt32BE(seconds)
  return head
}

function expiresAtOf(head: Buffer): number {
  const seconds = endianness() === 'LE' ? head.readUInt32LE() : head.readUInt32BE()
  return seconds === 0 ? NEVER : seconds * 1000 + 1
}
