import { randomBytes } from 'node:crypto'
import { test } from 'vitest'
import type { SessionRecord, SessionStore, StoredRecord } from '../../src/contracts/store.ts'
import { chain } from '../../src/lib/awaitable.ts'
import { fromUtf8, toUtf8 } from '../../src/lib/byte-text.ts'
import { storeSuite } from '../../src/testing/index.ts'
import type { StoreUnderTest } from '../../src/testing/index.ts'

/** Cases that no layout of Flask-Session can pass, for it keeps one time of a session: when it expires. */
const withoutTimes = [
  'get renews a live record last seen before seenBefore, and answers the renewed times',
  'get leaves a record alone that was last seen at seenBefore or later',
  'no renewal goes past endsAt',
  'get does not renew a record that is dead at the new seenAt',
  'touch sets seenAt and expiresAt and nothing else, not even the version',
  'touch goes no further than endsAt',
]

/** A record that lives a day, with `parts` replaced. */
export function freshRecord(parts: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now()
  const times = { createdAt: now, seenAt: now, expiresAt: now + 86_400_000, endsAt: now + 86_400_000 }
  return {
    id: randomBytes(32).toString('base64url'),
    data: '\x80',
    user: null,
    label: null,
    ...times,
    ...parts,
  }
}

/** How a layout is put to the store contract. */
export interface Contract {
  readonly make: () => Promise<StoreUnderTest> | StoreUnderTest
  /** Whether the backend removes expired records by itself. */
  readonly expiresItself: boolean
  /** The longest data, in characters. */
  readonly largest?: number
  /** The record's id in this layout, for one of the contract. */
  readonly idOf?: (id: string) => string
  /** Further cases that cannot be passed; the test says why. */
  readonly except?: readonly string[]
}

/**
 * The store contract on a layout. What its records cannot say of a session is written into the data, where the contract
 * finds it again; so all is shown that does not depend on times. `list` and `page` have tests of their own.
 */
export function contract({
  make,
  expiresItself,
  largest = 262_144,
  idOf = (id) => id,
  except = [],
}: Contract): void {
  const left = new Set([...withoutTimes, ...except])
  storeSuite({
    lists: false,
    expiresItself,
    largest,
    test(name, run) {
      if (left.delete(name)) return
      test(name, run)
    },
    async make() {
      const { store, reopen, dispose } = await make()
      return {
        store: packed(store, idOf, expiresItself),
        ...(reopen !== undefined && { reopen: async () => packed(await reopen(), idOf, expiresItself) }),
        ...(dispose !== undefined && { dispose }),
      }
    },
  })
  if (left.size > 0) throw new Error(`no such cases: ${[...left].join(', ')}`)
}

function packed(store: SessionStore, idOf: (id: string) => string, expiresItself: boolean): SessionStore {
  const pack = (record: SessionRecord): SessionRecord => ({
    ...record,
    id: idOf(record.id),
    data: toUtf8(JSON.stringify(record)),
  })
  const unpack = (stored: StoredRecord | null): StoredRecord | null => {
    if (stored === null) return null
    const record = JSON.parse(fromUtf8(stored.data)!) as SessionRecord
    // Some layouts round to seconds; what is further away was renewed. Where only a time to live is kept, it cannot be told.
    const isRenewed = !expiresItself && Math.abs(stored.expiresAt - record.expiresAt) > 1000
    return { ...record, version: stored.version, ...(isRenewed && { expiresAt: stored.expiresAt }) }
  }
  return {
    get: (id, renewal) => chain(store.get(idOf(id), renewal), unpack),
    create: (record) => store.create(pack(record)),
    update: (record, seen) => store.update(pack(record), seen),
    rotate: (from, record, seen) => store.rotate(idOf(from), pack(record), seen),
    touch: (id, seenAt, expiresAt) => store.touch(idOf(id), seenAt, expiresAt),
    delete: (id) => store.delete(idOf(id)),
    list: (user) => store.list(user),
    page: (cursor, limit) => store.page(cursor, limit),
    gc: (now, signal) => store.gc(now, signal),
    close: () => store.close?.(),
  }
}
