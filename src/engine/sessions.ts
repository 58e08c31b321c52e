import type { Awaitable, SessionInfo, SessionStore } from '../contracts/store.ts'
import type { SessionData } from '../contracts/session.ts'
import type { Serializer } from '../contracts/serializer.ts'
import type { RequestFacts, Visit, VisitSource } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import { CookieKeeper } from './cookie-keeper.ts'
import { Events } from './events.ts'
import { SessionCookie } from './session-cookie.ts'
import { type SessionOptions, type SessionPlace, type Settings, settle } from './settings.ts'
import { Budget, StoreCalls } from './store-calls.ts'
import { StoreKeeper } from './store-keeper.ts'
import { type Keeper, OpenVisit } from './visit.ts'

/** Whom `revokeUser` spares. */
export interface RevokeOptions {
  /** The `meta.id` of a session to keep, such as the one that asks. */
  readonly except?: string
}

/** The sessions of an app: opens one per request, and lists and ends them for the app. */
export class Sessions<Data = SessionData> implements VisitSource<Data> {
  readonly #settings: Settings
  readonly #events: Events
  readonly #calls: StoreCalls | null
  readonly #keeper: Keeper
  /** Nothing to wait for: what a visit reads can wait until it is looked at. */
  readonly #immediate: boolean

  constructor(options: SessionOptions<Data> & SessionPlace, serializer: Serializer) {
    const settings = settle(options, serializer)
    const events = new Events(settings.onEvent, settings.clock)
    const cookie = new SessionCookie(settings, events)
    this.#settings = settings
    this.#events = events
    if (options.store !== undefined) {
      this.#calls = new StoreCalls(options.store, events)
      this.#keeper = new StoreKeeper(settings, this.#calls, cookie, events)
      this.#immediate = options.store.immediate === true
      options.store.attach?.((event) => {
        events.tell(event.type === 'warning' ? { ...event, id: null, code: 'store' } : event)
      })
    } else {
      this.#calls = null
      this.#keeper = new CookieKeeper(settings, options.codec, cookie, events)
      this.#immediate = true
    }
  }

  /** Opens a request's session; rejects with a SessionError when the store cannot be read and `onStoreError` is `'fail'`. */
  open(cookieHeader: string | undefined, facts: RequestFacts): Awaitable<Visit<Data>> {
    const opened = new OpenVisit(this.#settings, this.#keeper, cookieHeader ?? '', facts)
    // The dictionary is typed where the app's type is known: here.
    const visit = opened as unknown as Visit<Data>
    if (this.#immediate) return visit
    const loaded = opened.load()
    return isPromise(loaded) ? loaded.then(() => visit) : visit
  }

  /** All living sessions of a user, newest first. Throws ERR_SESSION_UNSUPPORTED where sessions live in cookies. */
  async list(user: string | number): Promise<SessionInfo[]> {
    const now = this.#settings.clock()
    const found = await this.#call('list', (store) => store.list(String(user)))
    return found.filter((info) => now < info.expiresAt).toSorted((a, b) => b.seenAt - a.seenAt)
  }

  /** Ends the session with this `meta.id`, for good; false if there was none. */
  async revoke(id: string): Promise<boolean> {
    const ended = await this.#call('delete', (store) => store.delete(id), id)
    if (ended) this.#events.tell({ type: 'revoked', id })
    return ended
  }

  /** Ends all sessions of a user but `except`; answers how many. */
  async revokeUser(user: string | number, { except }: RevokeOptions = {}): Promise<number> {
    const found = await this.#call('list', (store) => store.list(String(user)))
    let ended = 0
    for (const { id } of found) if (id !== except && (await this.revoke(id))) ended++
    return ended
  }

  /** Removes dead records; answers how many. Stores that expire by themselves have none. */
  gc(signal?: AbortSignal): Promise<number> {
    const { store } = this.#stored()
    return Promise.resolve(store.gc(this.#settings.clock(), signal))
  }

  async #call<T>(
    call: 'list' | 'delete',
    work: (store: SessionStore) => Awaitable<T>,
    id: string | null = null,
  ): Promise<T> {
    return this.#stored().call(call, id, new Budget(this.#settings.deadline), work)
  }

  #stored(): StoreCalls {
    if (this.#calls !== null) return this.#calls
    throw new SessionError(
      'ERR_SESSION_UNSUPPORTED',
      'Sessions kept in cookies are known to the browsers alone: they cannot be listed, revoked or collected. Use a store for that.',
    )
  }
}
