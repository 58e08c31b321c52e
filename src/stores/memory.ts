import type {
  Awaitable,
  Outcome,
  Page,
  Renewal,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreEvent,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'

/** Options of `memoryStore`. */
export interface MemoryStoreOptions {
  /** How many sessions are kept, 1 to 16,000,000; beyond that the least recently used one is dropped. Default 10,000. */
  readonly max?: number
}

/** A store whose answers are never promises; only `gc` of more than 1,000 records takes several turns of the event loop. */
export interface MemoryStore extends SessionStore {
  readonly kind: 'memory'
  readonly immediate: true
  get(id: string, renewal?: Renewal): StoredRecord | null
  create(record: SessionRecord): boolean
  update(record: SessionRecord, seen: Version): Outcome
  rotate(from: string, record: SessionRecord, seen: Version): Outcome
  touch(id: string, seenAt: number, expiresAt: number): boolean
  delete(id: string): boolean
  list(user: string): readonly SessionInfo[]
  page(cursor: string | null, limit: number): Page
  attach(report: (event: StoreEvent) => void): void
}

/** The most entries that a JavaScript Map takes is 2^24; this stays clear of it. */
const LARGEST = 16_000_000
/** How many records a sweep looks at before it lets other work run. */
const SLICE = 1_000
/** How many of the least recently used records are searched for an expired one before a live one has to go. */
const VICTIMS = 32

/**
 * One kept session, and at the same time a link of two lists: of all sessions by use, and of its user's sessions.
 * Lists of links cost two words each, where a Set per user would cost more than the rest of the entry.
 */
interface Entry {
  readonly id: string
  /** Number of its birth: the order of `page`. */
  readonly born: number
  data: string
  user: string | null
  label: string | null
  createdAt: number
  seenAt: number
  expiresAt: number
  endsAt: number
  version: number
  newer: Entry | null
  older: Entry | null
  nextOfUser: Entry | null
  previousOfUser: Entry | null
}

/**
 * A store in this process's memory: every answer is given at once, nothing outlives the process, no other process sees it.
 * Holds at most `max` sessions; a live one that has to go is told as `evicted`. Throws ERR_SESSION_CONFIG for a bad `max`.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { max = 10_000 } = options
  if (!Number.isInteger(max) || max < 1 || max > LARGEST)
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      `memoryStore: max must be a whole number from 1 to ${LARGEST}, got ${typeof max === 'number' ? max : `a ${typeof max}`}. ` +
        'It is the number of sessions that are kept at the same time.',
    )

  const entries = new Map<string, Entry>()
  const firstOfUser = new Map<string, Entry>()
  let newest: Entry | null = null
  let oldest: Entry | null = null
  let writes = 0
  let report: ((event: StoreEvent) => void) | null = null

  function linkUse(entry: Entry): void {
    entry.older = newest
    entry.newer = null
    if (newest) newest.newer = entry
    else oldest = entry
    newest = entry
  }

  function unlinkUse(entry: Entry): void {
    if (entry.newer) entry.newer.older = entry.older
    else newest = entry.older
    if (entry.older) entry.older.newer = entry.newer
    else oldest = entry.newer
  }

  function linkUser(entry: Entry): void {
    if (entry.user === null) return
    const first = firstOfUser.get(entry.user) ?? null
    entry.nextOfUser = first
    entry.previousOfUser = null
    if (first) first.previousOfUser = entry
    firstOfUser.set(entry.user, entry)
  }

  function unlinkUser(entry: Entry): void {
    if (entry.user === null) return
    const { previousOfUser: previous, nextOfUser: next } = entry
    if (next) next.previousOfUser = previous
    if (previous) previous.nextOfUser = next
    else if (next) firstOfUser.set(entry.user, next)
    else firstOfUser.delete(entry.user)
    entry.nextOfUser = null
    entry.previousOfUser = null
  }

  function used(entry: Entry): void {
    if (entry === newest) return
    unlinkUse(entry)
    linkUse(entry)
  }

  function bear(record: SessionRecord): void {
    const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = record
    writes += 1
    const entry: Entry = {
      id,
      born: writes,
      data,
      user,
      label,
      createdAt,
      seenAt,
      expiresAt,
      endsAt,
      version: writes,
      newer: null,
      older: null,
      nextOfUser: null,
      previousOfUser: null,
    }
    entries.set(id, entry)
    linkUse(entry)
    linkUser(entry)
  }

  function remove(entry: Entry): void {
    entries.delete(entry.id)
    unlinkUse(entry)
    unlinkUser(entry)
  }

  /** Expired sessions are no longer used, so they gather at the old end: a short search there finds them. */
  function victim(now: number): Entry | null {
    let candidate = oldest
    for (let looked = 0; candidate && looked < VICTIMS; looked++, candidate = candidate.newer)
      if (candidate.expiresAt <= now) return candidate
    return oldest
  }

  return {
    kind: 'memory',
    immediate: true,
    get(id: string, renewal?: Renewal): StoredRecord | null {
      const entry = entries.get(id)
      if (!entry) return null
      used(entry)
      if (renewal && entry.seenAt < renewal.seenBefore && entry.expiresAt > renewal.seenAt) {
        entry.seenAt = renewal.seenAt
        entry.expiresAt = Math.min(renewal.expiresAt, entry.endsAt)
      }
      return stored(entry)
    },

    create(record: SessionRecord): boolean {
      if (entries.has(record.id)) return false
      const leaving = entries.size >= max ? victim(record.seenAt) : null
      if (leaving) remove(leaving)
      bear(record)
      if (leaving && leaving.expiresAt > record.seenAt) report?.({ type: 'evicted', id: leaving.id })
      return true
    },

    update(record: SessionRecord, seen: Version): Outcome {
      const entry = entries.get(record.id)
      if (!entry) return 'gone'
      if (entry.version !== seen) return 'conflict'
      if (entry.user !== record.user) {
        unlinkUser(entry)
        entry.user = record.user
        linkUser(entry)
      }
      entry.data = record.data
      entry.label = record.label
      entry.createdAt = record.createdAt
      entry.seenAt = record.seenAt
      entry.expiresAt = record.expiresAt
      entry.endsAt = record.endsAt
      writes += 1
      entry.version = writes
      used(entry)
      return 'done'
    },

    rotate(from: string, record: SessionRecord, seen: Version): Outcome {
      const entry = entries.get(from)
      if (!entry) return 'gone'
      if (entry.version !== seen || entries.has(record.id)) return 'conflict'
      remove(entry)
      bear(record)
      return 'done'
    },

    touch(id: string, seenAt: number, expiresAt: number): boolean {
      const entry = entries.get(id)
      if (!entry) return false
      entry.seenAt = seenAt
      entry.expiresAt = Math.min(expiresAt, entry.endsAt)
      used(entry)
      return true
    },

    delete(id: string): boolean {
      const entry = entries.get(id)
      if (!entry) return false
      remove(entry)
      return true
    },

    list(user: string): readonly SessionInfo[] {
      const infos: SessionInfo[] = []
      for (let entry = firstOfUser.get(user) ?? null; entry; entry = entry.nextOfUser) infos.push(info(entry))
      return infos
    },

    page(cursor: string | null, limit: number): Page {
      const after = cursor === null ? 0 : Number(cursor)
      const sessions: SessionInfo[] = []
      let last = after
      for (const entry of entries.values()) {
        if (entry.born <= after) continue
        if (sessions.length === limit) return { sessions, next: String(last) }
        sessions.push(info(entry))
        last = entry.born
      }
      return { sessions, next: null }
    },

    gc(now: number, signal?: AbortSignal): Awaitable<number> {
      const rest = entries.values()
      let gone = 0

      /** Sweeps one slice and answers whether records are left to look at. */
      function slice(): boolean {
        for (let looked = 0; looked < SLICE; looked++) {
          if (signal?.aborted) return false
          const next = rest.next()
          if (next.done) return false
          if (next.value.expiresAt > now) continue
          remove(next.value)
          gone += 1
        }
        return true
      }

      async function slices(): Promise<number> {
        do await new Promise((resolve) => setImmediate(resolve))
        while (slice())
        return gone
      }

      return slice() ? slices() : gone
    },

    attach(listener: (event: StoreEvent) => void): void {
      report = listener
    },
  }
}

function stored(entry: Entry): StoredRecord {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt, version } = entry
  return { id, data, user, label, createdAt, seenAt, expiresAt, endsAt, version }
}

function info(entry: Entry): SessionInfo {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = entry
  return { id, user, label, createdAt, seenAt, expiresAt, endsAt, size: data.length }
}
