import type { Serializer } from './serializer.ts'

/** What a cookie holds when there is no store. Times are milliseconds since 1970 (UTC). */
export interface CookieContents {
  readonly data: string
  readonly createdAt: number
  readonly seenAt: number
  readonly expiresAt: number
  readonly endsAt: number
}

/** What a codec is told of the moment: the cookie's full name, the time and the configured lifetime (milliseconds). */
export interface CodecContext {
  readonly cookieName: string
  readonly now: number
  readonly lifetime: number
}

/** Why a token was refused. `payload`: authentic, yet not a session. */
export type Rejection = 'malformed' | 'signature' | 'expired' | 'payload'

/** A token's verified contents (`stale`: an old secret verified it, so it must be sealed anew), or why it was refused. */
export type Opened =
  | { readonly ok: true; readonly contents: CookieContents; readonly stale: boolean }
  | { readonly ok: false; readonly reason: Rejection }

/** How a whole session travels inside a cookie. Pure but for the randomness of a nonce; `open` never throws on a token. */
export interface SessionCodec {
  /** A word for people: `sealed`, `flask`. */
  readonly kind?: string
  /** The serializer that belongs to the format, or null to use the configured one. */
  readonly serializer: Serializer | null
  /** Whether `createdAt` and `endsAt` survive the trip; if not, each writing starts the lifetime again, as Flask does. */
  readonly keepsTimes: boolean
  /** Whether the cookie's name must stay exactly as configured (a foreign program reads it), so no `__Host-` is added. */
  readonly fixedName: boolean
  /** Present: cookies appear and disappear as Flask's do, so a client sees no difference; see docs/flask.md for the rest. */
  readonly flask?: { readonly refreshEachRequest: boolean }
  open(token: string, context: CodecContext): Opened
  seal(contents: CookieContents, context: CodecContext): string
}
