import type { StoreCallReport, VisitReport } from '../contracts/observer.ts'
import type { SessionEvent } from '../contracts/event.ts'
import { type Changes, changesBetween } from './changes.ts'
import { type Told, told } from './told.ts'

/** One request as it is remembered: words and numbers, no live values. */
export interface Seen {
  readonly kind: 'visit'
  readonly n: number
  readonly at: number
  readonly milliseconds: number
  readonly route: string | null
  readonly secure: boolean
  readonly cookieName: string
  readonly cookies: number
  readonly looked: boolean
  readonly id: string | null
  readonly user: string | null
  readonly secret: 'newest' | 'earlier' | null
  readonly events: readonly Told[]
  readonly calls: readonly StoreCallReport[]
  readonly changes: Changes
  /** How many keys the session had when the request was done; null: it had ended. */
  readonly keys: number | null
  readonly bytes: number | null
  readonly setCookie: string | null
  readonly error: string | null
}

/** Something that happened outside a request. */
interface Lone {
  readonly kind: 'event'
  readonly n: number
  readonly event: Told
}

/** An entry of the feed. */
export type Entry = Seen | Lone

/** How a session ended, for requests that come too late. */
export interface Ending {
  readonly type: 'destroyed' | 'revoked' | 'rotated' | 'evicted' | 'expired'
  readonly at: number
}

/** What can be watched. */
export interface Watched {
  observe(observer: { event(event: SessionEvent): void; visit(report: VisitReport): void }): () => void
}

/** How many entries are remembered. */
export const remembered = 500
const rememberedSessions = 2_000

/** Milliseconds for which an app is still watched when the last viewer has left. */
const lingers = 120_000

/**
 * Watches an app's sessions from the moment the first viewer comes until two minutes after the last one left; at all
 * other times nobody observes, and requests cost what they cost without an inspector. Remembers the newest 500 entries.
 */
export class Watch {
  readonly #sessions: Watched
  readonly #mask: RegExp
  readonly #viewers = new Set<(entry: Entry) => void>()
  readonly #entries: Entry[] = []
  readonly #endings = new Map<string, Ending>()
  readonly #sizes = new Map<string, number>()
  readonly #counts = new Map<string, number>()
  /** Events that were shown before it was known that a visit would report them. */
  readonly #alone = new WeakSet<SessionEvent>()
  #stop: (() => void) | null = null
  #leaving: NodeJS.Timeout | undefined
  #n = 0
  /** Since when, or null while nobody watches. */
  since: number | null = null
  /** Where the inspector itself is mounted, so that it does not watch itself. */
  base: string | null = null

  constructor(sessions: Watched, mask: RegExp) {
    this.#sessions = sessions
    this.#mask = mask
  }

  /** Shows a viewer all new entries; answers how to leave. */
  join(viewer: (entry: Entry) => void): () => void {
    clearTimeout(this.#leaving)
    this.#viewers.add(viewer)
    this.begin()
    return () => {
      if (!this.#viewers.delete(viewer) || this.#viewers.size > 0) return
      this.#leaving = setTimeout(() => this.end(), lingers).unref()
    }
  }

  get viewers(): number {
    return this.#viewers.size
  }

  begin(): void {
    this.since ??= Date.now()
    this.#stop ??= this.#sessions.observe({
      event: (event) => this.#event(event),
      visit: (report) => this.#visit(report),
    })
  }

  /** Stops watching and forgets everything. */
  end(): void {
    clearTimeout(this.#leaving)
    this.#stop?.()
    this.#stop = null
    this.since = null
    this.#entries.length = 0
    for (const map of [this.#endings, this.#sizes, this.#counts]) map.clear()
  }

  get entries(): readonly Entry[] {
    return this.#entries
  }

  visit(n: number): Seen | null {
    const entry = this.#entries.find((entry) => entry.n === n)
    return entry?.kind === 'visit' ? entry : null
  }

  /** The requests of one session, the newest first. */
  of(id: string): Seen[] {
    const about = (entry: Entry): entry is Seen =>
      entry.kind === 'visit' && (entry.id === id || entry.events.some((event) => event.id === id))
    return this.#entries.filter(about).toReversed()
  }

  ending(id: string): Ending | null {
    return this.#endings.get(id) ?? null
  }

  /** The largest sessions of those seen, the largest first. */
  largest(): { readonly id: string; readonly bytes: number }[] {
    return [...this.#sizes]
      .map(([id, bytes]) => ({ id, bytes }))
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, 8)
  }

  /** How often each type of event happened while watching. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  #event(event: SessionEvent): void {
    this.#counts.set(event.type, (this.#counts.get(event.type) ?? 0) + 1)
    if (event.id !== null) this.#remember(event, event.id)
    // What belongs to a request is told with it; only what no request names would never be.
    if (event.route !== null) return
    this.#alone.add(event)
    this.#add({ kind: 'event', n: ++this.#n, event: told(event) })
  }

  #visit(report: VisitReport): void {
    const { looked, route, before, after, events } = report
    if (this.base !== null && route?.replace(/^\S+ /, '').startsWith(this.base)) return
    const bytes = events.findLast((event) => event.type === 'created' || event.type === 'written')
    const merged = events.find((event) => event.type === 'merged')
    this.#add({
      kind: 'visit',
      n: ++this.#n,
      at: report.at,
      milliseconds: Math.round(report.milliseconds * 1_000) / 1_000,
      route: route === null ? null : route.slice(0, 300),
      secure: report.secure,
      cookieName: report.cookieName,
      cookies: report.cookies,
      looked,
      id: report.id ?? events.find(({ id }) => id !== null)?.id ?? null,
      user: report.user,
      secret: report.secret,
      events: events
        .filter((event) => !this.#alone.has(event))
        .slice(0, 40)
        .map(told),
      calls: report.calls.slice(0, 40),
      changes: looked
        ? changesBetween(before, after ?? {}, this.#mask, merged?.keys ?? null)
        : { shown: [], more: 0 },
      keys: after === null ? null : Object.keys(after).length,
      bytes: bytes?.bytes ?? null,
      setCookie: report.setCookie,
      error: report.error,
    })
  }

  #remember(event: SessionEvent, id: string): void {
    if (event.type === 'created' || event.type === 'written') put(this.#sizes, id, event.bytes)
    else if (event.type === 'rotated') this.#ended(event.from, event.type, event.at)
    else if (
      event.type === 'destroyed' ||
      event.type === 'revoked' ||
      event.type === 'evicted' ||
      event.type === 'expired'
    )
      this.#ended(id, event.type, event.at)
  }

  #ended(id: string, type: Ending['type'], at: number): void {
    this.#sizes.delete(id)
    put(this.#endings, id, { type, at })
  }

  #add(entry: Entry): void {
    this.#entries.push(entry)
    if (this.#entries.length > remembered) this.#entries.shift()
    for (const viewer of this.#viewers) viewer(entry)
  }
}

/** Sets an entry and lets the oldest go beyond the bound. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= rememberedSessions) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    break
  }
}
