import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type {
  Renewal,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
} from '../../contracts/store.ts'

/** What a store cannot do by its nature, or how much it holds. */
export interface StoreTraits {
  /** Whether `list` and `page` work; a store without them throws ERR_SESSION_UNSUPPORTED there. Default true. */
  readonly lists: boolean
  /** Whether the backend removes expired records by its own clock, so that `gc` has nothing to do. Default false. */
  readonly expiresItself: boolean
  /** The longest `data` that must come back, in UTF-16 units. Default 1,048,576. */
  readonly largest: number
}

/** The store of one case and a second view of the same data (the same object where a store cannot be reopened). */
export interface Bench {
  readonly store: SessionStore
  readonly other: SessionStore
  readonly traits: StoreTraits
}

/** One sentence of the contract, and its proof. */
export interface StoreCase {
  readonly name: string
  /** `lists`: only for stores that can list. `sweeps`: only for stores whose expired records wait for `gc`. */
  readonly needs?: 'lists' | 'sweeps'
  readonly run: (bench: Bench) => Promise<void>
}

/** One hour in milliseconds. */
export const HOUR = 3_600_000

/** An id as the engine makes them: 256 random bits as base64url. */
export function freshId(): string {
  return randomBytes(32).toString('base64url')
}

/** A live anonymous record, with `parts` replaced; its times are odd milliseconds, so that rounding shows. */
export function freshRecord(parts: Partial<SessionRecord> = {}): SessionRecord {
  const now = Math.floor(Date.now() / 1000) * 1000 - 899
  return {
    id: freshId(),
    data: '{"n":0}',
    user: null,
    label: null,
    createdAt: now,
    seenAt: now + 1,
    expiresAt: now + HOUR + 7,
    endsAt: now + 10 * HOUR + 13,
    ...parts,
  }
}

/** Stores a fresh record and answers it as read back. */
export async function born(store: SessionStore, parts: Partial<SessionRecord> = {}): Promise<StoredRecord> {
  const record = freshRecord(parts)
  assert.equal(await store.create(record), true, 'create must store a record under a free id')
  return alive(store, record.id)
}

/** The record under `id`, which must be there. */
export async function alive(store: SessionStore, id: string, renewal?: Renewal): Promise<StoredRecord> {
  const record = await store.get(id, renewal)
  assert.ok(record, 'the record must be there')
  return stored(record)
}

/** Asserts that no record is under `id`, whoever asks. */
export async function absent({ store, other }: Bench, id: string): Promise<void> {
  assert.equal(await store.get(id), null, 'no record must be there')
  assert.equal(await other.get(id), null, 'no record must be there for another view of the data')
}

/** Asserts that `id` holds exactly `expected`, whoever asks, version aside. */
export async function holds({ store, other }: Bench, expected: SessionRecord): Promise<void> {
  assert.deepEqual(plain(await alive(store, expected.id)), plain(expected))
  assert.deepEqual(plain(await alive(other, expected.id)), plain(expected))
}

/** The eight fields of a record, without its version. */
export function plain(record: SessionRecord): SessionRecord {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = record
  return { id, data, user, label, createdAt, seenAt, expiresAt, endsAt }
}

/** The fields of a record that was read, whatever kind of object it is and whatever else it carries. */
export function stored(record: StoredRecord): StoredRecord {
  return { ...plain(record), version: record.version }
}

/** What a list or a page shows of a session, which must not be its values. */
export function shown(info: SessionInfo): SessionInfo {
  assert.ok(!('data' in info), 'lists and pages must not answer the data of a session')
  return { ...infoOf({ ...info, data: '' }), size: info.size }
}

/** What lists must show of `record`. */
export function infoOf(record: SessionRecord): SessionInfo {
  const { data, ...rest } = plain(record)
  return { ...rest, size: data.length }
}

/** The ids of `infos`, sorted. */
export function ids(infos: readonly { readonly id: string }[]): string[] {
  return infos.map(({ id }) => id).sort()
}

/** Calls `act(0)` to `act(count - 1)` all at once. */
export function together<T>(count: number, act: (index: number) => T | Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) => act(index)))
}

/** Lets whatever waits for a turn have it, so that steps of racing calls interleave in many ways. */
export async function pause(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Repeats `watch` until `work` is over, at least once, and waits for both even when one fails. */
export async function during(work: Promise<unknown>, watch: () => Promise<void>): Promise<void> {
  const state = { over: false }
  const end = (): void => {
    state.over = true
  }
  work.then(end, end)
  const watching = async (): Promise<void> => {
    do {
      await watch()
      await pause(1)
    } while (!state.over)
  }
  const ends = await Promise.allSettled([watching(), work])
  for (const settled of ends) if (settled.status === 'rejected') throw settled.reason
}
