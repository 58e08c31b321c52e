import type { SessionEvent, StoreCall } from './event.ts'

/** One store call of a visit. `milliseconds` is 0 where the store answered at once. */
export interface StoreCallReport {
  readonly call: StoreCall
  readonly milliseconds: number
  readonly ok: boolean
}

/** All there is to tell about one request's session, when its visit is closed. Holds values: show it to nobody but the app's makers. */
export interface VisitReport {
  /** When the visit was opened: milliseconds since 1970 (UTC), by the configured clock. */
  readonly at: number
  /** From open to close. */
  readonly milliseconds: number
  readonly route: string | null
  readonly secure: boolean
  /** The cookie's name on this request, and how many cookies of it came. */
  readonly cookieName: string
  readonly cookies: number
  /** Whether the app looked at the session at all. */
  readonly looked: boolean
  /** The session's shown id when the visit closed, or null: new, or kept in a cookie. */
  readonly id: string | null
  readonly user: string | null
  /** Which secret verified a session that lives in its cookie: the one that signs, or one of `fallbacks`; null elsewhere. */
  readonly secret: 'newest' | 'earlier' | null
  readonly events: readonly SessionEvent[]
  readonly calls: readonly StoreCallReport[]
  /** The values as they were found, and as they were left (null: the session ended). Live copies. */
  readonly before: Readonly<Record<string, unknown>>
  readonly after: Readonly<Record<string, unknown>> | null
  /** The Set-Cookie line with `…` for the value, or null. */
  readonly setCookie: string | null
  /** The code of the error that the closing ended in, or null. */
  readonly error: string | null
}

/** Somebody who watches an app's sessions while it runs. What it throws is printed and changes nothing. */
export interface SessionObserver {
  event(event: SessionEvent): void
  visit(report: VisitReport): void
}
