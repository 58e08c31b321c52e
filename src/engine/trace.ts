import type { SessionEvent, StoreCall } from '../contracts/event.ts'
import type { StoreCallReport, VisitReport } from '../contracts/observer.ts'
import type { ResponseFacts } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'
import { cookieValues } from '../lib/cookie.ts'
import { plain } from './contents.ts'
import type { Entries } from './merge.ts'
import type { OpenVisit } from './visit.ts'

/** What one visit did, noted as it goes; made only while somebody observes. */
export class Trace {
  readonly #at: number
  readonly #start = performance.now()
  readonly #events: SessionEvent[] = []
  readonly #calls: StoreCallReport[] = []
  #before: Entries | null = null
  #secret: 'newest' | 'earlier' | null = null

  constructor(at: number) {
    this.#at = at
  }

  happened(event: SessionEvent): void {
    this.#events.push(event)
  }

  called(call: StoreCall, milliseconds: number, ok: boolean): void {
    this.#calls.push({ call, milliseconds, ok })
  }

  /** What was found, before anything is stored over it. */
  found(entries: Entries): void {
    this.#before ??= entries
  }

  /** The cookie verified; `stale`: under an earlier secret. */
  verified(stale: boolean): void {
    this.#secret = stale ? 'earlier' : 'newest'
  }

  report(visit: OpenVisit, left: ResponseFacts | null, error: unknown): VisitReport {
    const { settings, facts, journal, found } = visit
    const { name } = facts.secure ? settings.cookie.secure : settings.cookie.plain
    return {
      at: this.#at,
      milliseconds: performance.now() - this.#start,
      route: facts.route ?? null,
      secure: facts.secure,
      cookieName: name,
      cookies: cookieValues(visit.header, name, 100).length,
      looked: visit.looked,
      id: found === null || found.record.id === '' ? null : settings.shownId(found.record.id),
      user: found?.record.user ?? null,
      secret: this.#secret,
      events: this.#events,
      calls: this.#calls,
      before: plain(this.#before ?? new Map(), settings),
      after: visit.ended || visit.destroyed ? null : plain(journal.base, settings),
      setCookie: left?.setCookie?.replace(/=[^;]*/, (value) => (value === '=' ? value : '=…')) ?? null,
      error: error === undefined ? null : error instanceof SessionError ? error.code : 'the app’s own error',
    }
  }
}
