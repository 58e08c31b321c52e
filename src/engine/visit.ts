import type { SessionMeta } from '../contracts/session.ts'
import type { Awaitable, SessionRecord } from '../contracts/store.ts'
import type { RequestFacts, ResponseFacts } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import { dictionary, flashesKey, permanentKey } from './dictionary.ts'
import type { Events } from './events.ts'
import { Flashes } from './flash.ts'
import { Journal } from './journal.ts'
import type { Settings } from './settings.ts'
import { Trace } from './trace.ts'

/** Where a visit's session comes from and goes to: a store or the cookie itself. */
export interface Keeper {
  /** True when a session may have to be written though nobody looked at it. */
  readonly unasked: boolean
  /** Reads the visit's session, or leaves it new. */
  load(visit: OpenVisit): Awaitable<void>
  /** Stores what the visit did and answers the Set-Cookie value for it, null for none. */
  commit(visit: OpenVisit): Awaitable<string | null>
}

/** A stored session as a visit found it. */
export interface Found {
  /** The bearer id; empty where the cookie is the session. */
  readonly token: string
  readonly record: Omit<SessionRecord, 'data'>
  /** Null when the newest version is not known: it must be read before it can be replaced. */
  readonly version: string | number | null
}

type State = 'open' | 'saving' | 'closing' | 'closed' | 'failed'

const untouched: ResponseFacts = Object.freeze({ setCookie: null, vary: false })

/** One request's session between open and close: its dictionary, its wishes, and what was found for it. */
export class OpenVisit {
  readonly settings: Settings
  readonly header: string
  readonly facts: RequestFacts
  readonly journal: Journal
  /** Notes for observers; null while nobody observes. */
  readonly trace: Trace | null
  readonly #keeper: Keeper
  readonly #events: Events

  /** What is stored of this session; null for a new one. */
  found: Found | null = null
  /** The cookie that came is worthless and may be dropped. */
  spoiled = false
  /** An old secret verified the cookie, or its idle time must be renewed in it. */
  stale = false
  /** The store could not be read, and the visitor is served without a session. */
  unread: SessionError | null = null
  regenerates = false
  destroyed = false
  /** The session ended elsewhere, or here by an earlier `save`. */
  ended = false

  #state: State = 'open'
  #looked = false
  #read = false
  #reading: Promise<void> | null = null
  #session: object | undefined
  #flashes: Flashes | undefined
  /** The cookie that a `save` in mid-request has earned. */
  #earned: string | null = null
  #closing: Promise<ResponseFacts> | null = null
  #left: ResponseFacts | null = null
  #saving: Promise<void> | null = null

  constructor(settings: Settings, keeper: Keeper, events: Events, header: string, facts: RequestFacts) {
    this.settings = settings
    this.header = header
    this.facts = facts
    this.journal = new Journal(settings.serializer)
    this.#keeper = keeper
    this.#events = events
    this.trace = events.observed ? new Trace(settings.clock()) : null
  }

  get looked(): boolean {
    return this.#looked
  }

  get session(): object {
    return (this.#session ??= dictionary(this))
  }

  get flashes(): Flashes {
    return (this.#flashes ??= new Flashes(flashesKey))
  }

  /** Whether the session has been read, or needs no word to be. */
  get loaded(): boolean {
    return this.#reading === null && (this.#read || !this.settings.lazy)
  }

  /** Reads the session; whoever gets a promise keeps the visit to himself until it is fulfilled. */
  read(): Awaitable<void> {
    this.#read = true
    return this.#keeper.load(this)
  }

  async load(): Promise<void> {
    this.#looked = true
    if (!this.#read) {
      // A promise on every store, so that a forgotten `await` shows on the first one.
      this.#reading = (async () => this.read())()
    }
    try {
      await this.#reading
    } finally {
      this.#reading = null
    }
    if (this.unread !== null && this.settings.onStoreError === 'fail') throw this.unread
  }

  look(): Journal {
    if (!this.loaded) {
      throw new SessionError(
        'ERR_SESSION_USE',
        'This session has not been read: createSessions was told `lazy`, so write `await session.load()` first.',
      )
    }
    this.#looked = true
    if (!this.#read && isPromise(this.read())) {
      throw new SessionError(
        'ERR_SESSION_STORE',
        'The session store says `immediate`, but its `get` answered a promise.',
      )
    }
    return this.journal
  }

  change(): Journal {
    this.look()
    if (this.#state === 'closing' || this.#state === 'closed') {
      throw new SessionError(
        'ERR_SESSION_CLOSED',
        'The response head has left, so this change to the session can no longer be stored. Change the session before the first byte is sent.',
      )
    }
    if (this.#state === 'saving') {
      throw new SessionError(
        'ERR_SESSION_USE',
        'session.save() is still at work; await it before changing the session again.',
      )
    }
    if (this.destroyed) {
      throw new SessionError(
        'ERR_SESSION_ENDED',
        'session.destroy() has ended this session. To go on with an empty one, use session.clear() and session.regenerate() instead.',
      )
    }
    return this.journal
  }

  get permanent(): boolean {
    const { journal } = this
    this.look()
    if (journal.has(permanentKey)) return journal.get(permanentKey) === true
    return this.found === null && this.settings.permanent
  }

  set permanent(permanent: boolean) {
    const journal = this.change()
    if (permanent !== this.permanent || this.settings.flask !== null) journal.set(permanentKey, permanent)
  }

  keepPermanent(permanent: boolean): void {
    if (this.settings.flask !== 'cookie') this.permanent = permanent
  }

  get meta(): SessionMeta {
    this.look()
    const record = this.found?.record
    const date = (time: number | undefined): Date | null => (time === undefined ? null : new Date(time))
    return Object.freeze({
      id: record === undefined || record.id === '' ? null : this.settings.shownId(record.id),
      isNew: record === undefined,
      user: record?.user ?? null,
      createdAt: date(record?.createdAt),
      seenAt: date(record?.seenAt),
      expiresAt: date(record?.expiresAt),
    })
  }

  regenerate(): void {
    this.change()
    this.regenerates = true
  }

  destroy(): void {
    this.look()
    if (this.destroyed) return
    this.change().clear()
    this.destroyed = true
  }

  async save(): Promise<void> {
    // Whether that one fails is for those to hear who began it.
    while (this.#saving !== null) await this.#saving.catch(() => undefined)
    if (!this.destroyed) this.change()
    const state = this.#state
    if (state !== 'open' && state !== 'failed') return
    this.#state = 'saving'
    try {
      await (this.#saving = this.#saved())
    } finally {
      this.#saving = null
      this.#state = state
    }
  }

  async #saved(): Promise<void> {
    this.#earned = (await this.#keeper.commit(this)) ?? this.#earned
  }

  close(): Awaitable<ResponseFacts> {
    if (this.#closing !== null) return this.#closing
    if (this.#saving !== null) return this.#closeAfter(this.#saving)
    if (this.#left !== null) return this.#left
    if (this.#state === 'failed') return { setCookie: this.#earned, vary: this.#looked }
    // What an app began to read and did not wait for must not end after the visit.
    const reading = this.#reading ?? (this.#keeper.unasked && !this.#read ? this.read() : undefined)
    if (isPromise(reading)) return this.#closeAfter(reading)
    if (!this.#looked && !this.#keeper.unasked) return this.#leave(untouched)
    this.#state = 'closing'
    try {
      const line = this.#keeper.commit(this)
      if (isPromise(line)) return (this.#closing = this.#closed(line))
      return this.#done(line)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  /** Whoever began that work hears of its failure; what is wrong even then, closing finds itself. */
  #closeAfter(work: Promise<void>): Promise<ResponseFacts> {
    const close = (): Awaitable<ResponseFacts> => this.close()
    return work.then(close, close)
  }

  async #closed(line: Promise<string | null>): Promise<ResponseFacts> {
    try {
      return this.#done(await line)
    } catch (error) {
      throw this.#failed(error)
    } finally {
      this.#closing = null
    }
  }

  #done(line: string | null): ResponseFacts {
    const setCookie = line ?? this.#earned
    return this.#leave({ setCookie, vary: this.#looked || setCookie !== null })
  }

  #leave(left: ResponseFacts): ResponseFacts {
    this.#state = 'closed'
    this.#left = left
    this.#events.closed(this, left)
    return left
  }

  #failed(error: unknown): unknown {
    this.#state = 'failed'
    this.#events.closed(this, null, error)
    return error
  }
}
