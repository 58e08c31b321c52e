import { hash, randomFillSync } from 'node:crypto'
import type { SessionIds } from '../contracts/store.ts'

/** Characters of a bearer id, and of a record's id: 32 bytes as base64url without padding. */
const length = 43

// One call for 128 ids: drawing 32 bytes alone costs twenty times as much.
const pool = Buffer.allocUnsafeSlow(4096)
let used = pool.length

/** A new bearer id: 256 bits from the system's generator, base64url; throws if the generator does. */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const id = pool.toString('base64url', used, used + 32)
  pool.fill(0, used, used + 32)
  used += 32
  return id
}

/** Whether a token has the one shape an id can have: 43 base64url characters, the last one canonical. */
export function isId(token: string): boolean {
  return token.length === length && shape.test(token)
}

// 43 characters carry 258 bits; the last two must be zero or the same bytes would have four spellings.
const shape = /^[\w-]{42}[AEIMQUYcgkosw048]$/

/** The record's id: SHA-256 of the bearer id's text, base64url. What a store and events may know. */
export function recordId(id: string): string {
  return hash('sha256', id, 'base64url')
}

/** hipflask's own ids: what the cookie carries never reaches a store. */
export const hashedIds: SessionIds = {
  next: newId,
  record: (token) => (isId(token) ? recordId(token) : null),
}
