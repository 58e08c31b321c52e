import { setTimeout as pause } from 'node:timers/promises'
import type {
  Awaitable,
  Outcome,
  Renewal,
  SessionIds,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { chain, isPromise } from '../lib/awaitable.ts'
import { hashedIds } from '../lib/id.ts'
import { isEmpty, mismatches, plain, size, text } from './contents.ts'
import { permanentKey } from './dictionary.ts'
import type { Events } from './events.ts'
import { applied, type Entries, replayed, type Settled } from './merge.ts'
import type { Changes } from './journal.ts'
import { type SessionCookie, isPermanent } from './session-cookie.ts'
import type { Settings } from './settings.ts'
import { Budget, type StoreCalls } from './store-calls.ts'
import { Turns } from './turns.ts'
import type { UserSessions } from './user-sessions.ts'
import { verdict } from './verdict.ts'
import type { Found, Keeper, OpenVisit } from './visit.ts'

/** How many ids this process remembers having rotated away. */
const rememberedRotations = 1_000

/** A visit's changes on their way to the store. */
interface Writing {
  readonly visit: OpenVisit
  readonly found: Found
  readonly changes: Changes
  /** What the session is with the changes, if nobody was faster. */
  readonly entries: Entries
  /** The new bearer id, if the session gets one. */
  readonly token: string | null
  /** The user changed: this request's values stand as a whole, nothing is merged into them. */
  readonly whole: boolean
  readonly budget: Budget
}

/** What one try would write. */
interface Attempt {
  readonly record: SessionRecord
  readonly entries: Entries
  readonly seen: Version
}

/** A session as a tool sees it: what the store keeps of it, raw and decoded. */
export interface PeekedSession {
  readonly info: SessionInfo
  /** The stored text. */
  readonly data: string
  readonly values: Readonly<Record<string, unknown>>
  readonly permanent: boolean
}

/** Sessions in a store: the cookie holds an id, the record is compared and swapped, and a lost race is replayed. */
export class StoreKeeper implements Keeper {
  readonly #settings: Settings
  readonly #calls: StoreCalls
  readonly #cookie: SessionCookie
  readonly #events: Events
  readonly #users: UserSessions
  readonly #ids: SessionIds
  /** Where records do not keep their times, what they say of them means nothing. */
  readonly #keepsTimes: boolean
  readonly #turns = new Turns()
  readonly #rotatedHere = new Set<string>()
  #nextSweep: number | null = null
  #merged = 0

  constructor(
    settings: Settings,
    calls: StoreCalls,
    users: UserSessions,
    cookie: SessionCookie,
    events: Events,
  ) {
    this.#settings = settings
    this.#calls = calls
    this.#users = users
    this.#ids = calls.store.ids ?? hashedIds
    this.#keepsTimes = calls.store.keepsTimes ?? true
    this.#cookie = cookie
    this.#events = events
  }

  /** Flask-Session's rules may renew the cookie of a permanent session in a request that never looks at it. */
  get unasked(): boolean {
    return this.#calls.store.flask?.refreshEachRequest === true
  }

  /** Otherwise reading renews what is due. */
  get #renewsModified(): boolean {
    return this.#calls.store.flask?.refreshEachRequest === false
  }

  /** How many requests had their changes replayed. */
  get merged(): number {
    return this.#merged
  }

  load(visit: OpenVisit): Awaitable<void> {
    const tokens = this.#cookie.read(visit)
    if (tokens.length === 0) return
    if (tokens.length > 1) return this.#loadOneOf(visit, tokens)
    const token = tokens[0]!
    const id = this.#ids.record(token)
    if (id === null) return this.#malformed(visit)
    const now = this.#settings.clock()
    const renewal = this.#renewal(now)
    let record: Awaitable<StoredRecord | null>
    try {
      record = this.#get(id, new Budget(this.#settings.deadline, visit.trace), renewal)
    } catch (error) {
      return this.#unreadable(visit, error)
    }
    if (!isPromise(record)) return this.#take(visit, token, record, now)
    return record.then(
      (read) => this.#take(visit, token, read, now),
      (error: unknown) => this.#unreadable(visit, error),
    )
  }

  commit(visit: OpenVisit): Awaitable<string | null> {
    // What ended stays ended, whatever the request goes on to do with its copy of the values.
    if (visit.ended) return null
    const { journal, found } = visit
    const changes = visit.destroyed ? null : journal.settle()
    if (changes === null && !visit.destroyed && !visit.regenerates)
      return journal.modified && found !== null && this.#renewsModified
        ? this.#renew(visit, found)
        : this.#nothing(visit)
    if (visit.unread !== null) throw visit.unread
    const entries = changes === null ? journal.base : applied(journal.base, changes)
    const user =
      changes === null ? (found?.record.user ?? null) : this.#user(entries, found?.record.user ?? null)
    const switched = found !== null && user !== found.record.user
    const budget = new Budget(this.#settings.deadline, visit.trace)
    switch (
      verdict({
        exists: found !== null,
        destroyed: visit.destroyed,
        changed: changes !== null,
        empty: isEmpty(entries),
        rotates: visit.regenerates || switched,
      })
    ) {
      case 'nothing':
        return this.#nothing(visit)
      case 'create':
        return this.#create(visit, entries, user, budget)
      case 'drop':
        return this.#drop(visit, found!, budget)
      case 'update':
        return this.#write({
          visit,
          found: found!,
          changes: changes!,
          entries,
          token: null,
          whole: false,
          budget,
        })
      case 'rotate':
        return this.#write({
          visit,
          found: found!,
          changes: changes ?? noChanges,
          entries,
          token: this.#ids.next(),
          whole: switched,
          budget,
        })
    }
  }

  // Reading

  async peek(id: string): Promise<PeekedSession | null> {
    const record = await this.#get(id, new Budget(this.#settings.deadline))
    if (record === null || !this.#alive(record, this.#settings.clock())) return null
    const { data, version: _, ...info } = record
    const entries = this.#settings.serializer.decode(data)
    return {
      info: { ...info, size: data.length },
      data,
      values: plain(entries, this.#settings),
      permanent: isPermanent(entries, this.#settings),
    }
  }

  #renewal(now: number): Renewal | undefined {
    const { idle, renewAfter } = this.#settings
    return idle === null ? undefined : { seenBefore: now - renewAfter, seenAt: now, expiresAt: now + idle }
  }

  #get(id: string, budget: Budget, renewal?: Renewal): Awaitable<StoredRecord | null> {
    return this.#calls.call('get', id, budget, (store) => store.get(id, renewal))
  }

  #malformed(visit: OpenVisit): void {
    visit.spoiled = true
    this.#events.tell({ type: 'rejected', id: null, reason: 'malformed' }, visit)
  }

  #unreadable(visit: OpenVisit, error: unknown): void {
    visit.unread = error as SessionError
    if (this.#settings.onStoreError === 'fail') throw error
  }

  #take(visit: OpenVisit, token: string, record: StoredRecord | null, now: number): void {
    if (record === null) {
      this.#events.tell({ type: 'unknown', id: this.#ids.record(token) }, visit)
      return
    }
    const { id } = record
    if (!this.#alive(record, now)) {
      visit.spoiled = true
      this.#events.tell({ type: 'expired', id }, visit)
      return
    }
    const entries = this.#entries(record, visit)
    if (entries === null) return
    visit.journal.start(entries)
    visit.trace?.found(entries)
    visit.found = { token, record, version: record.version }
    if (this.#events.heard) {
      this.#events.tell({ type: 'read', id }, visit)
      if (this.#settings.idle !== null && record.seenAt === now)
        this.#events.tell({ type: 'renewed', id }, visit)
    }
  }

  #loadOneOf(visit: OpenVisit, tokens: readonly string[]): Awaitable<void> {
    const now = this.#settings.clock()
    const budget = new Budget(this.#settings.deadline, visit.trace)
    const alive: [string, StoredRecord][] = []
    const from = (at: number): Awaitable<void> => {
      const token = tokens[at]
      if (token === undefined) return
      const id = this.#ids.record(token)
      if (id === null) return from(at + 1)
      return chain(this.#get(id, budget), (record) => {
        if (record !== null && this.#alive(record, now)) alive.push([token, record])
        return from(at + 1)
      })
    }
    const choose = (): void => {
      this.#events.tell({ type: 'duplicate', id: null, count: tokens.length, valid: alive.length }, visit)
      if (alive.length === 1) this.#take(visit, alive[0]![0], alive[0]![1], now)
    }
    try {
      const read = from(0)
      return isPromise(read)
        ? read.then(choose, (error: unknown) => this.#unreadable(visit, error))
        : choose()
    } catch (error) {
      return this.#unreadable(visit, error)
    }
  }

  #alive(record: SessionRecord, now: number): boolean {
    if (now >= record.expiresAt) return false
    return !this.#keepsTimes || (now < record.endsAt && now < record.createdAt + this.#settings.lifetime)
  }

  #entries(record: SessionRecord, visit: OpenVisit): Entries | null {
    let entries: Entries
    try {
      entries = this.#settings.serializer.decode(record.data)
    } catch {
      this.#events.tell({ type: 'corrupt', id: record.id, reason: 'the stored text is no session' }, visit)
      return null
    }
    const issues = this.#settings.schema === null ? [] : mismatches(entries, this.#settings)
    if (issues.length === 0) return entries
    this.#events.tell({ type: 'invalid', id: record.id, issues }, visit)
    return null
  }

  // Writing

  #user(entries: Entries, before: string | null): string | null {
    const { userOf } = this.#settings
    return userOf === null ? before : userOf(plain(entries, this.#settings))
  }

  #nothing(visit: OpenVisit): string | null {
    const leaving = visit.destroyed && this.#cookie.read(visit).length > 0
    if (visit.spoiled || leaving) return this.#cookie.drop(visit)
    const { found, journal, settings } = visit
    if (!this.unasked || found === null || isEmpty(journal.base) || !isPermanent(journal.base, settings))
      return null
    return this.#cookie.write(visit, found.token, journal.base, settings.clock() + settings.lifetime)
  }

  #create(
    visit: OpenVisit,
    values: Entries,
    user: string | null,
    budget: Budget,
    tries: number = 1,
  ): Awaitable<string> {
    const { settings } = visit
    const now = settings.clock()
    const entries = settings.permanent ? withPermanence(values, settings) : values
    const token = this.#ids.next()
    const endsAt = now + settings.lifetime
    const record: SessionRecord = {
      id: this.#ids.record(token)!,
      data: text(entries, settings),
      user,
      label: visit.facts.label ?? null,
      createdAt: now,
      seenAt: now,
      expiresAt: this.#expiry(now, endsAt),
      endsAt,
    }
    const line = this.#cookie.write(visit, token, entries, endsAt)
    const born = this.#calls.call('create', record.id, budget, (store) => store.create(record))
    return chain(born, (isBorn): Awaitable<string> => {
      if (!isBorn) {
        if (tries === 3)
          throw new SessionError(
            'ERR_SESSION_STORE',
            'The session store says that three new random ids are taken; its `create` must answer true for a new one.',
          )
        return this.#create(visit, values, user, budget, tries + 1)
      }
      this.#stored(visit, token, record, entries)
      const bytes = size(record.data, settings)
      this.#events.tell({ type: 'created', id: record.id, bytes }, visit)
      this.#sweep(now)
      return this.#trimmed(record, line)
    })
  }

  #sweep(now: number): void {
    const { gcEvery } = this.#settings
    if (gcEvery === null) return
    // A minute after the first birth at first, for processes that never live for an hour.
    this.#nextSweep ??= now + Math.min(gcEvery, 60_000)
    if (now < this.#nextSweep) return
    this.#nextSweep = now + gcEvery
    // In the background: no request waits for it, and a failure is an event.
    void this.#calls.gc(now).catch(() => undefined)
  }

  /** The line, when the user's other sessions are as few as allowed. */
  #trimmed({ id, user }: SessionRecord, line: string): Awaitable<string> {
    if (user === null || this.#settings.maxPerUser === null) return line
    // The session is stored and its user logged in; that an old one could not be ended is told as an event.
    return this.#users.trim(user, id).then(
      () => line,
      (error: SessionError) => {
        if (error.code === 'ERR_SESSION_UNSUPPORTED')
          this.#events.tell({ type: 'warning', id, code: 'max_per_user', message: error.message })
        return line
      },
    )
  }

  #drop(visit: OpenVisit, found: Found, budget: Budget): Awaitable<string> {
    const { id } = found.record
    const gone = this.#calls.call('delete', id, budget, (store) => store.delete(id))
    return chain(gone, () => {
      visit.found = null
      visit.ended = true
      this.#events.tell({ type: 'destroyed', id }, visit)
      return this.#cookie.drop(visit)
    })
  }

  #write(writing: Writing): Awaitable<string | null> {
    const { found, entries } = writing
    const { id } = found.record
    const retry = (): Promise<string | null> => this.#retry(writing)
    if (found.version === null || this.#turns.taken(id)) {
      writing.budget.start()
      return this.#turns.take(id, retry)
    }
    const first = this.#attempt(writing, entries, found.record, found.version)
    const outcome = this.#send(writing, first)
    if (isPromise(outcome))
      return this.#turns.take(id, () =>
        outcome.then((sent) => (sent === 'conflict' ? retry() : this.#settle(writing, first, sent))),
      )
    return outcome === 'conflict' ? this.#turns.take(id, retry) : this.#settle(writing, first, outcome)
  }

  /** Until it is done or gone: reads the newest record, replays the changes on it and tries again. */
  async #retry(writing: Writing): Promise<string | null> {
    const { visit, found, changes, budget, whole } = writing
    const { settings } = visit
    const { id } = found.record
    let merges = 0
    for (let tries = 0; ; tries++) {
      if (tries > 1) await pause(Math.random() * Math.min(2 ** tries, 50))
      if (budget.left <= 0) {
        throw new SessionError(
          'ERR_SESSION_CONTENTION',
          'Other requests changed this session faster than this one could, until the deadline; its changes were not stored. Raise `deadline`, or change the session less often.',
        )
      }
      const newest = await this.#get(id, budget)
      const entries =
        newest === null || !this.#alive(newest, settings.clock()) ? null : this.#entries(newest, visit)
      if (newest === null || entries === null) return this.#gone(writing)
      if (found.version !== null && newest.version !== found.version) merges++
      const merged = whole
        ? { entries: writing.entries, clashes: [] }
        : replayed(entries, changes, visit.journal.base, settings.serializer, settings.onClash)
      const switched = this.#user(merged.entries, newest.user) !== newest.user
      // Nobody alone may have switched the user, but both requests together do.
      const sent = switched && writing.token === null ? { ...writing, token: this.#ids.next() } : writing
      const attempt = this.#attempt(sent, merged.entries, newest, newest.version)
      const outcome = await this.#send(sent, attempt)
      if (outcome !== 'conflict') return this.#settle(sent, attempt, outcome, merges, merged.clashes)
    }
  }

  #attempt(
    { visit, token }: Writing,
    entries: Entries,
    on: Omit<SessionRecord, 'data'>,
    seen: Version,
  ): Attempt {
    const now = visit.settings.clock()
    const endsAt = this.#keepsTimes ? on.endsAt : now + visit.settings.lifetime
    const record: SessionRecord = {
      id: token === null ? on.id : this.#ids.record(token)!,
      data: text(entries, visit.settings),
      user: this.#user(entries, on.user),
      label: visit.facts.label ?? on.label,
      createdAt: this.#keepsTimes ? on.createdAt : now,
      seenAt: now,
      expiresAt: this.#expiry(now, endsAt),
      endsAt,
    }
    return { record, entries, seen }
  }

  #send({ found, token, budget }: Writing, { record, seen }: Attempt): Awaitable<Outcome> {
    const { id } = found.record
    return token === null
      ? this.#calls.call('update', id, budget, (store: SessionStore) => store.update(record, seen))
      : this.#calls.call('rotate', id, budget, (store: SessionStore) => store.rotate(id, record, seen))
  }

  #settle(
    writing: Writing,
    { record, entries }: Attempt,
    outcome: Outcome,
    merges: number = 0,
    clashes: readonly Settled[] = [],
  ): Awaitable<string | null> {
    if (outcome === 'gone') return this.#gone(writing)
    const { visit, found, changes, token } = writing
    const wasPermanent = isPermanent(visit.journal.base, visit.settings)
    if (merges > 0) this.#merged++
    this.#stored(visit, token ?? found.token, record, entries)
    if (this.#events.heard) {
      const keys = [...changes.keys.keys()]
      for (const { key, kept } of clashes)
        this.#events.tell({ type: 'clash', id: record.id, key, kept }, visit)
      if (merges > 0) this.#events.tell({ type: 'merged', id: record.id, tries: merges, keys }, visit)
      const bytes = size(record.data, visit.settings)
      if (token === null) this.#events.tell({ type: 'written', id: record.id, bytes, keys }, visit)
      else this.#events.tell({ type: 'rotated', id: record.id, from: found.record.id }, visit)
    }
    const permanent = isPermanent(entries, visit.settings)
    // The browser knows the id already; it needs to be told only of another life of the cookie.
    if (token === null && permanent === wasPermanent && (this.#keepsTimes || !permanent)) return null
    const line = this.#cookie.write(visit, token ?? found.token, entries, record.endsAt)
    if (token === null) return line
    this.#remember(found.record.id)
    return record.user === found.record.user ? line : this.#trimmed(record, line)
  }

  /** As Flask-Session does where assignments change nothing: the session is stored anew, so its lifetime begins again. */
  #renew(visit: OpenVisit, found: Found): Awaitable<string | null> {
    const { journal, settings } = visit
    const { id } = found.record
    const now = settings.clock()
    const budget = new Budget(settings.deadline, visit.trace)
    const touched = this.#calls.call('touch', id, budget, (store) =>
      store.touch(id, now, this.#expiry(now, now + settings.lifetime)),
    )
    return chain(touched, (lives) => {
      if (!lives) return this.#gone({ visit, found, changes: noChanges })
      this.#events.tell({ type: 'renewed', id }, visit)
      if (!isPermanent(journal.base, settings)) return null
      return this.#cookie.write(visit, found.token, journal.base, now + settings.lifetime)
    })
  }

  #gone({ visit, found, changes }: Pick<Writing, 'visit' | 'found' | 'changes'>): string | null {
    const { id } = found.record
    visit.found = null
    visit.ended = true
    this.#events.tell({ type: 'gone', id, keys: [...changes.keys.keys()] }, visit)
    // Where a parallel request rotated the id, its response carries the new cookie: dropping it here would log out.
    return this.#rotatedHere.has(id) ? null : this.#cookie.drop(visit)
  }

  #stored(visit: OpenVisit, token: string, record: SessionRecord, entries: Entries): void {
    visit.found = { token, record, version: null }
    visit.regenerates = false
    visit.spoiled = false
    visit.journal.start(entries)
  }

  #remember(id: string): void {
    if (this.#rotatedHere.size === rememberedRotations) {
      for (const oldest of this.#rotatedHere) {
        this.#rotatedHere.delete(oldest)
        break
      }
    }
    this.#rotatedHere.add(id)
  }

  #expiry(now: number, endsAt: number): number {
    const { idle } = this.#settings
    return idle === null ? endsAt : Math.min(endsAt, now + idle)
  }
}

const noChanges: Changes = { cleared: false, keys: new Map() }

/** What a new session says of its permanence comes first, as in Flask-Session, where it begins with it. */
function withPermanence(entries: Entries, { serializer }: Settings): Entries {
  const kept = entries.get(permanentKey) ?? serializer.keep(true, permanentKey)
  return new Map([[permanentKey, kept], ...entries])
}
