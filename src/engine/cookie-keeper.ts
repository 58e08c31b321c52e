import type { CodecContext, CookieContents, Rejection, SessionCodec } from '../contracts/codec.ts'
import { isEmpty, mismatches, size, text } from './contents.ts'
import { type CookieFacts, flaskRules, ownRules } from './cookie-rules.ts'
import type { Events } from './events.ts'
import { applied, type Entries } from './merge.ts'
import { type SessionCookie, isPermanent } from './session-cookie.ts'
import type { Settings } from './settings.ts'
import { permanentKey } from './dictionary.ts'
import type { Keeper, OpenVisit } from './visit.ts'

/** A cookie that verified, and what is in it. */
interface Read {
  readonly contents: CookieContents
  readonly entries: Entries
  readonly stale: boolean
}

/** Sessions that travel whole inside their cookie: nothing to wait for, nothing to merge with, nothing to revoke. */
export class CookieKeeper implements Keeper {
  readonly #settings: Settings
  readonly #codec: SessionCodec
  readonly #cookie: SessionCookie
  readonly #events: Events

  constructor(settings: Settings, codec: SessionCodec, cookie: SessionCookie, events: Events) {
    this.#settings = settings
    this.#codec = codec
    this.#cookie = cookie
    this.#events = events
  }

  /** Flask's rules may renew the cookie of a permanent session in a request that never looks at it. */
  get unasked(): boolean {
    return this.#codec.flask?.refreshEachRequest === true
  }

  load(visit: OpenVisit): void {
    const tokens = this.#cookie.read(visit)
    if (tokens.length === 0) return
    const context = this.#context(visit, this.#settings.clock())
    const read = tokens.map((token) => this.#read(token, context, visit))
    const valid = read.filter((one) => typeof one === 'object')
    if (tokens.length > 1)
      this.#events.tell({ type: 'duplicate', id: null, count: tokens.length, valid: valid.length }, visit)
    if (valid.length === 1) return this.#take(visit, valid[0]!, context.now)
    if (valid.length > 1) return
    visit.spoiled = true
    const reason = read[0] as Rejection
    if (reason === 'expired') this.#events.tell({ type: 'expired', id: null }, visit)
    else this.#events.tell({ type: 'rejected', id: null, reason }, visit)
  }

  commit(visit: OpenVisit): string | null {
    const { journal, found, settings } = visit
    const changes = visit.destroyed ? null : journal.settle()
    const entries = changes === null ? journal.base : applied(journal.base, changes)
    const facts: CookieFacts = {
      exists: found !== null,
      came: found !== null || this.#cookie.read(visit).length > 0,
      spoiled: visit.spoiled,
      destroyed: visit.destroyed,
      changed: changes !== null,
      modified: journal.modified,
      empty: isEmpty(entries),
      bare: entries.size === 0,
      due: visit.stale || visit.regenerates,
      permanent: isPermanent(entries, settings),
    }
    const { flask } = this.#codec
    const verdict = flask === undefined ? ownRules(facts) : flaskRules(facts, flask.refreshEachRequest)
    if (verdict === 'nothing') return null
    if (verdict === 'drop') return this.#drop(visit, entries)

    const now = settings.clock()
    const whole = found === null && visit.permanent ? permanent(entries, settings) : entries
    const createdAt = found !== null && this.#codec.keepsTimes ? found.record.createdAt : now
    const endsAt = createdAt + settings.lifetime
    const expiresAt = settings.idle === null ? endsAt : Math.min(endsAt, now + settings.idle)
    const contents: CookieContents = {
      data: text(whole, settings),
      createdAt,
      seenAt: now,
      expiresAt,
      endsAt,
    }
    const token = this.#codec.seal(contents, this.#context(visit, now))
    const line = this.#cookie.write(visit, token, whole, endsAt)
    const bytes = size(contents.data, settings)
    if (found === null) this.#events.tell({ type: 'created', id: null, bytes }, visit)
    else
      this.#events.tell({ type: 'written', id: null, bytes, keys: [...(changes?.keys.keys() ?? [])] }, visit)
    visit.found = {
      token: '',
      record: { id: '', user: null, label: null, createdAt, seenAt: now, expiresAt, endsAt },
      version: null,
    }
    visit.stale = false
    visit.spoiled = false
    visit.regenerates = false
    journal.start(whole)
    return line
  }

  #context(visit: OpenVisit, now: number): CodecContext {
    return { cookieName: this.#cookie.form(visit).name, now, lifetime: this.#settings.lifetime }
  }

  #read(token: string, context: CodecContext, visit: OpenVisit): Read | Rejection {
    const opened = this.#codec.open(token, context)
    if (!opened.ok) return opened.reason
    const { contents, stale } = opened
    const { keepsTimes } = this.#codec
    const end = keepsTimes
      ? Math.min(contents.endsAt, contents.createdAt + this.#settings.lifetime)
      : contents.endsAt
    if (!(context.now < end && context.now < contents.expiresAt)) return 'expired'
    let entries: Entries
    try {
      entries = this.#settings.serializer.decode(contents.data)
    } catch {
      return 'payload'
    }
    const issues = this.#settings.schema === null ? [] : mismatches(entries, this.#settings)
    if (issues.length === 0) return { contents, entries, stale }
    this.#events.tell({ type: 'invalid', id: null, issues }, visit)
    return 'payload'
  }

  #take(visit: OpenVisit, { contents, entries, stale }: Read, now: number): void {
    const { createdAt, seenAt, expiresAt, endsAt } = contents
    visit.journal.start(entries)
    visit.trace?.found(entries)
    visit.trace?.verified(stale)
    visit.found = {
      token: '',
      record: { id: '', user: null, label: null, createdAt, seenAt, expiresAt, endsAt },
      version: null,
    }
    const idles = this.#settings.idle !== null && now - seenAt >= this.#settings.renewAfter
    visit.stale = stale || idles
    this.#events.tell({ type: 'read', id: null }, visit)
  }

  #drop(visit: OpenVisit, entries: Entries): string {
    if (visit.found !== null) this.#events.tell({ type: 'destroyed', id: null }, visit)
    visit.found = null
    // What is left of a cleared session is whether it is permanent.
    visit.journal.start(visit.destroyed ? new Map() : entries)
    return this.#cookie.drop(visit)
  }
}

function permanent(entries: Entries, settings: Settings): Entries {
  return isPermanent(entries, settings)
    ? entries
    : new Map([[permanentKey, settings.serializer.keep(true, permanentKey)], ...entries])
}
