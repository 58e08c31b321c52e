import type { SessionInfo } from '../contracts/store.ts'
import type { Events } from './events.ts'
import type { Settings } from './settings.ts'
import { Budget, type StoreCalls } from './store-calls.ts'
import { Turns } from './turns.ts'

/** The sessions of each user, as the store's index knows them. */
export class UserSessions {
  readonly #settings: Settings
  readonly #calls: StoreCalls
  readonly #events: Events
  readonly #turns = new Turns()

  constructor(settings: Settings, calls: StoreCalls, events: Events) {
    this.#settings = settings
    this.#calls = calls
    this.#events = events
  }

  /** The living ones, the last seen first. */
  async list(user: string): Promise<SessionInfo[]> {
    const now = this.#settings.clock()
    return (await this.#all(user))
      .filter((info) => now < info.expiresAt)
      .toSorted((a, b) => b.seenAt - a.seenAt)
  }

  async revoke(id: string): Promise<boolean> {
    const ended = await this.#calls.call('delete', id, this.#budget(), (store) => store.delete(id))
    if (ended) this.#events.tell({ type: 'revoked', id })
    return ended
  }

  async revokeAll(user: string, except: string | undefined): Promise<number> {
    const tried = new Set<string>()
    let ended = 0
    // A session that is rotated meanwhile lives on under its new id, so it is looked again until there is nothing new.
    for (let fresh = true; fresh;) {
      fresh = false
      for (const { id } of await this.#all(user)) {
        if (id === except || this.#settings.shownId(id) === except || tried.has(id)) continue
        tried.add(id)
        fresh = true
        if (await this.revoke(id)) ended++
      }
    }
    return ended
  }

  /** Ends the oldest sessions of a user beyond `maxPerUser`, never `newest`. Logins at the same moment take turns. */
  async trim(user: string, newest: string): Promise<void> {
    const { maxPerUser } = this.#settings
    if (maxPerUser !== null) await this.#turns.take(user, () => this.#trim(user, newest, maxPerUser))
  }

  async #trim(user: string, newest: string, maxPerUser: number): Promise<void> {
    const all = await this.list(user)
    // Ended by a login that had its turn before: whom it left are few enough.
    if (!all.some(({ id }) => id === newest)) return
    const others = all.filter(({ id }) => id !== newest).sort((a, b) => b.createdAt - a.createdAt)
    for (const { id } of others.slice(maxPerUser - 1)) await this.revoke(id)
  }

  async #all(user: string): Promise<readonly SessionInfo[]> {
    return this.#calls.call('list', null, this.#budget(), (store) => store.list(user))
  }

  #budget(): Budget {
    return new Budget(this.#settings.deadline)
  }
}
