import { hash } from 'node:crypto'
import type { SessionIds } from '../contracts/store.ts'
import { randomBytes } from './random.ts'

/** Characters of a bearer id, and of a record's id: 32 bytes as base64url without padding. */
const length = 43

/** A new bearer id: 256 bits from the system's generator, base64url; throws if the generator does. */
export function newId(): string {
  return randomBytes(32).toString('base64url')
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
