import type { SessionObserver } from '../contracts/observer.ts'
import type { Awaitable, Page, SessionInfo } from '../contracts/store.ts'
import type { SessionData } from '../contracts/session.ts'
import type { Serializer } from '../contracts/serializer.ts'
import type { RequestFacts, Visit, VisitSource } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import { isId } from '../lib/id.ts'
import { walk } from '../lib/walk.ts'
import { CookieKeeper } from './cookie-keeper.ts'
import { type Description, describe } from './description.ts'
import { Events } from './events.ts'
import { SessionCookie } from './session-cookie.ts'
import { type SessionOptions, type SessionPlace, type Settings, settle } from './settings.ts'
import type { Health } from './health.ts'
import { Budget, StoreCalls } from './store-calls.ts'
import { UserSessions } from './user-sessions.ts'
import { type PeekedSession, StoreKeeper } from './store-keeper.ts'
import { type Keeper, OpenVisit } from './visit.ts'

/** A page may have to be looked for among many foreign keys: so many deadlines it may take. */
const pageDeadlines = 10

/** Whom `revokeUser` spares. */
export interface RevokeOptions {
  /** The `meta.id` of a session to keep, such as the one that asks. */
  readonly except?: string
}

/** What there is only where sessions live in a store. */
interface AtStore {
  readonly calls: StoreCalls
  readonly users: UserSessions
  readonly keeper: StoreKeeper
}

/** The sessions of an app: opens one per request, and lists and ends them for the app. */
export class Sessions<Data = SessionData> implements VisitSource<Data> {
  readonly #settings: Settings
  readonly #events: Events
  readonly #at: AtStore | null
  readonly #keeper: Keeper
  /** What a visit reads can wait until it is looked at, or asked for. */
  readonly #waits: boolean
  readonly #place: SessionPlace

  constructor(options: SessionOptions<Data> & SessionPlace, serializer: Serializer) {
    const settings = settle(options, serializer)
    const events = new Events(settings)
    const cookie = new SessionCookie(settings, events)
    this.#settings = settings
    this.#place = options
    this.#events = events
    if (options.store !== undefined) {
      const calls = new StoreCalls(options.store, events, settings.clock)
      const users = new UserSessions(settings, calls, events)
      const keeper = new StoreKeeper(settings, calls, users, cookie, events)
      this.#at = { calls, users, keeper }
      this.#keeper = keeper
      const { immediate } = options.store
      this.#waits =
        settings.lazy || immediate === true || (immediate === 'without renewal' && settings.idle === null)
      options.store.attach?.((event) => {
        events.tell(event.type === 'warning' ? { ...event, id: null, code: 'store' } : event)
      })
    } else {
      this.#at = null
      this.#keeper = new CookieKeeper(settings, options.codec, cookie, events)
      this.#waits = true
    }
  }

  /** Opens a request's session; rejects with a SessionError when the store cannot be read and `onStoreError` is `'fail'`. */
  open(cookieHeader: string | undefined, facts: RequestFacts): Awaitable<Visit<Data>> {
    const opened = new OpenVisit(this.#settings, this.#keeper, this.#events, cookieHeader ?? '', facts)
    // The dictionary is typed where the app's type is known: here.
    const visit = opened as unknown as Visit<Data>
    if (this.#waits) return visit
    const read = opened.read()
    return isPromise(read) ? read.then(() => visit) : visit
  }

  /** All living sessions of a user, last seen first. Throws ERR_SESSION_UNSUPPORTED where sessions live in cookies. */
  async list(user: string | number): Promise<SessionInfo[]> {
    return this.#stored().users.list(String(user))
  }

  /**
   * Ends the session with this `meta.id`, for good; false if there was none. Where records lie under ids of another layout,
   * as Flask-Session's do, all of them are looked through; throws ERR_SESSION_UNSUPPORTED where memcached has them.
   */
  async revoke(id: string): Promise<boolean> {
    const { calls, users } = this.#stored()
    const own = calls.store.ids === undefined
    if (own && !isId(id)) return false
    if (await users.revoke(id)) return true
    if (own) return false
    for await (const info of walk(this))
      if (this.#settings.shownId(info.id) === id) return users.revoke(info.id)
    return false
  }

  /** Ends all sessions of a user but `except`; answers how many. */
  async revokeUser(user: string | number, { except }: RevokeOptions = {}): Promise<number> {
    return this.#stored().users.revokeAll(String(user), except)
  }

  /** Removes dead records now; answers how many. It also happens by itself, see `gcEvery`. */
  async gc(signal?: AbortSignal): Promise<number> {
    return this.#stored().calls.gc(this.#settings.clock(), signal)
  }

  /** What the store calls of this process did so far, and whether they succeed now; costs no store call. */
  health(): Health {
    const merged = this.#at?.keeper.merged ?? 0
    return this.#at === null
      ? { ok: true, breaker: null, lastError: null, merged, store: {} }
      : { ...this.#at.calls.health, merged }
  }

  /** Shows `observer` every event and every closed visit from now on; answers how to stop. Costs nothing while nobody observes. */
  observe(observer: SessionObserver): () => void {
    return this.#events.observe(observer)
  }

  /** One page of all records, in the store's order, with the cursor of the next one; for pages and tools, not for requests. */
  async page(cursor: string | null, limit: number): Promise<Page> {
    const budget = new Budget(this.#settings.deadline * pageDeadlines)
    return this.#stored().calls.call('page', null, budget, (store) => store.page(cursor, limit))
  }

  /** The values and times of a living session, or null; nothing is renewed. */
  async peek(id: string): Promise<PeekedSession | null> {
    const { calls, keeper } = this.#stored()
    return calls.store.ids === undefined && !isId(id) ? null : keeper.peek(id)
  }

  /** How these sessions are configured. */
  describe(): Description {
    return describe(this.#settings, this.#place)
  }

  /** Tells listeners, as a `warning`, what a person or a tool did with a session besides revoking it. */
  note(code: string, message: string, id: string | null = null): void {
    this.#events.tell({ type: 'warning', id, code, message })
  }

  #stored(): AtStore {
    if (this.#at !== null) return this.#at
    throw new SessionError(
      'ERR_SESSION_UNSUPPORTED',
      'Sessions kept in cookies are known to the browsers alone: they cannot be listed, revoked or collected. Use a store for that.',
    )
  }
}
