import type { Serializer } from './serializer.ts'

/** A value now, or a promise of it. A store that needs no waiting answers at once and costs no promise. */
export type Awaitable<T> = T | Promise<T>

/** What a store keeps for one session. All times are milliseconds since 1970 (UTC). */
export interface SessionRecord {
  /** SHA-256 of the bearer id as base64url, 43 characters; the id itself never reaches a store. */
  readonly id: string
  /** The serialized values: any well-formed text, U+0000 included. A store never parses it. */
  readonly data: string
  /** Whose session it is, or null; the key of `list`. */
  readonly user: string | null
  /** What the app chose to note about the device, or null. */
  readonly label: string | null
  /** When the session began; `rotate` keeps it. */
  readonly createdAt: number
  /** When the session was last written or renewed. */
  readonly seenAt: number
  /** Dead from this millisecond on; never after `endsAt`. */
  readonly expiresAt: number
  /** The end of the absolute lifetime: no renewal goes past it. */
  readonly endsAt: number
}

/** Which write of a record was seen: opaque, compared by the store alone (a counter, a content hash, a CAS token). */
export type Version = string | number

/** A record as a store answers it, with the version that an `update` must name. */
export interface StoredRecord extends SessionRecord {
  readonly version: Version
}

/** A record without its values: what lists of sessions are made of. */
export interface SessionInfo extends Omit<SessionRecord, 'data'> {
  /** The length of the serialized values in UTF-16 units. */
  readonly size: number
}

/** Renewal inside a read: applies only to a record with `expiresAt` after `seenAt` (live) and its own `seenAt` before `seenBefore`. */
export interface Renewal {
  readonly seenBefore: number
  /** The new `seenAt`, which is now. */
  readonly seenAt: number
  /** The new `expiresAt`; the store takes the earlier of it and the record's `endsAt`. */
  readonly expiresAt: number
}

/** `done`: written. `conflict`: the record is alive but another version. `gone`: no such record, nothing was written. */
export type Outcome = 'done' | 'conflict' | 'gone'

/** One page of a walk over all records. `next` is null at the end. */
export interface Page {
  readonly sessions: readonly SessionInfo[]
  readonly next: string | null
}

/** What a store does on its own account and wants told; `id` is the record's id. */
export type StoreEvent =
  | { readonly type: 'evicted'; readonly id: string }
  | { readonly type: 'corrupt'; readonly id: string; readonly reason: string }
  | { readonly type: 'warning'; readonly message: string }

/** How a cookie's token leads to a record: for layouts of other programs, which hipflask's own way would not find. */
export interface SessionIds {
  /** A new token, as the cookie carries it; 128 bits or more of a secure generator. */
  next(): string
  /** The id of the record a token names, or null when no token looks like this; called before any store. */
  record(token: string): string | null
}

/**
 * Where server-side sessions rest. Each method is atomic by itself, also between processes, and throws (or rejects)
 * for system failures only. A store knows no sessions and no clock: it need not hide an expired record, the engine
 * does, but from `expiresAt` on it may drop it. An unreadable record is `null` plus a `corrupt` event.
 */
export interface SessionStore {
  /** A word for people: `redis`, `file`. */
  readonly kind?: string
  /** Whether `get` always answers without a promise, or does without a renewal: a record is then read only if its session is looked at. */
  readonly immediate?: boolean | 'without renewal'
  /** The layout's own ids. Default: tokens of 32 random bytes, records under their SHA-256. */
  readonly ids?: SessionIds
  /** The serializer that belongs to the layout. Default: the configured one. */
  readonly serializer?: Serializer
  /** Present: cookies appear as Flask-Session's do: with `refreshEachRequest`, a permanent session's with every response. */
  readonly flask?: { readonly refreshEachRequest: boolean }
  /** False when `createdAt` and `endsAt` do not survive: each write then starts the lifetime again, as Flask-Session does. */
  readonly keepsTimes?: boolean
  /** The record under `id`, renewed in the same step where `renewal` applies (the answer shows the renewed times). */
  get(id: string, renewal?: Renewal): Awaitable<StoredRecord | null>
  /** Stores a new record; false and nothing changed when `record.id` is taken. The only way a record comes to be. */
  create(record: SessionRecord): Awaitable<boolean>
  /** Replaces the record `record.id` if it still is the version `seen`. Never creates. */
  update(record: SessionRecord, seen: Version): Awaitable<Outcome>
  /** Ends `from` and creates `record` under its new id, both or neither, if `from` still is the version `seen`; `conflict` also when the new id is taken. */
  rotate(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome>
  /** Sets `seenAt` and `expiresAt` (at most `endsAt`) of an existing record, leaving its version; false if gone. Never creates. */
  touch(id: string, seenAt: number, expiresAt: number): Awaitable<boolean>
  /** Removes the record for good; false if there was none. */
  delete(id: string): Awaitable<boolean>
  /** All sessions of `user`: a live one is never missing, an expired one may still show. */
  list(user: string): Awaitable<readonly SessionInfo[]>
  /** At most `limit` records after `cursor` (null: from the start), each live record once if nothing is written meanwhile. */
  page(cursor: string | null, limit: number): Awaitable<Page>
  /** Removes records with `expiresAt <= now` in bounded steps, stops early on `signal`; answers how many went. */
  gc(now: number, signal?: AbortSignal): Awaitable<number>
  /** Called once by `createSessions`: where the store tells what it did on its own. */
  attach?(report: (event: StoreEvent) => void): void
  /** Frees what the store opened itself (not the clients it was given). */
  close?(): Awaitable<void>
}
