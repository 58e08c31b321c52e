import { createHash } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { setTimeout as pause } from 'node:timers/promises'
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
import { chain, isPromise } from '../lib/awaitable.ts'

/** A store in a table of a SQL database. */
export interface SqlStore extends SessionStore {
  /** Creates the table and its indexes where they are missing; may be called at every start, by many processes at once. */
  migrate(): Promise<void>
}

/** A row as a driver answers it: nothing is known of its values yet. */
export type Row = Readonly<Record<string, unknown>>

/** A value bound to a statement. */
export type Bound = string | number | Buffer | null

/** What a database's error means to a session: `busy` is worth another try, `null` is a failure. */
export type Fault = 'duplicate' | 'busy' | 'missing' | 'foreign' | null

/** What one kind of database does its own way. */
export interface Dialect {
  /** What the database is called. */
  readonly kind: string
  /** Whether statements are answered without promises. */
  readonly immediate: boolean
  /** The table's name, quoted. */
  readonly table: string
  /** The placeholder of the `n`th bound value, from 1. */
  readonly mark: (n: number) => string
  /** The name of the function that answers the smaller of two numbers. */
  readonly least: string
  /** One statement that reads a record and renews it where that applies, binding id, seenBefore, seenAt, expiresAt; null where none can. */
  readonly renewing: string | null
  /** One statement that removes at most `sweepBatch` (`immediate`: `blockingSweepBatch`) records, binding the time. */
  readonly sweep: string
  readonly rows: (sql: string, values: readonly Bound[]) => Awaitable<readonly Row[]>
  /** Runs a statement that writes, and answers how many rows it found (or changed, the difference does not matter here). */
  readonly change: (sql: string, values: readonly Bound[]) => Awaitable<number>
  readonly fault: (error: unknown) => Fault
  readonly migrate: () => Promise<void>
}

/** How many records one statement of `gc` removes: few enough to hold no lock for long. */
export const sweepBatch = 500
/** The same where a statement is answered at once, and nothing else runs meanwhile. */
export const blockingSweepBatch = 50
/** How long deadlocks, serialisation failures and locked databases are tried again, in milliseconds. */
const patience = 1_000
/** How often a read that may not wait for a promise tries a locked database; each try waits a little by itself. */
const readTries = 20

const infoColumns = 'id, user_name, label, created_at, seen_at, expires_at, ends_at, size'

/** The columns of a whole record, as a list in SQL. */
export const recordColumns: string = `${infoColumns}, data, version`

/** A session store over a dialect. */
export function sqlStore(dialect: Dialect): SqlStore {
  const { table, mark, least, fault } = dialect
  const sql = {
    read: `SELECT ${recordColumns} FROM ${table} WHERE id = ${mark(1)}`,
    renew:
      `UPDATE ${table} SET seen_at = ${mark(1)}, expires_at = ${mark(2)} ` +
      `WHERE id = ${mark(3)} AND version = ${mark(4)} AND seen_at = ${mark(5)} AND expires_at = ${mark(6)}`,
    create:
      `INSERT INTO ${table} (id, data, user_name, user_hash, label, created_at, seen_at, expires_at, ends_at, size, version) ` +
      `VALUES (${Array.from({ length: 10 }, (_, n) => mark(n + 1)).join(', ')}, 1)`,
    // Rotation is this update, too: the row gets a new id, so the old one dies in the same step.
    write:
      `UPDATE ${table} SET id = ${mark(1)}, data = ${mark(2)}, user_name = ${mark(3)}, user_hash = ${mark(4)}, ` +
      `label = ${mark(5)}, created_at = ${mark(6)}, seen_at = ${mark(7)}, expires_at = ${mark(8)}, ` +
      `ends_at = ${mark(9)}, size = ${mark(10)}, version = version + 1 ` +
      `WHERE id = ${mark(11)} AND version = ${mark(12)}`,
    exists: `SELECT id FROM ${table} WHERE id = ${mark(1)}`,
    touch: `UPDATE ${table} SET seen_at = ${mark(1)}, expires_at = ${least}(${mark(2)}, ends_at) WHERE id = ${mark(3)}`,
    delete: `DELETE FROM ${table} WHERE id = ${mark(1)}`,
    list: `SELECT ${infoColumns} FROM ${table} WHERE user_hash = ${mark(1)}`,
    page: `SELECT ${infoColumns} FROM ${table} WHERE id > ${mark(1)} ORDER BY id LIMIT `,
  }
  let report: ((event: StoreEvent) => void) | null = null

  /** What `act` answers; a fault worth another try is tried again, without blocking, for `patience` milliseconds. */
  function persist<T>(act: () => Awaitable<T>): Awaitable<T> {
    let answer: Awaitable<T>
    try {
      answer = act()
    } catch (error) {
      if (fault(error) === 'busy') return again(act, error)
      throw explained(error)
    }
    return isPromise(answer) ? answer.catch((error: unknown) => again(act, error)) : answer
  }

  async function again<T>(act: () => Awaitable<T>, first: unknown): Promise<T> {
    const end = performance.now() + patience
    let error = first
    for (let tries = 1; fault(error) === 'busy' && performance.now() < end; tries++) {
      await pause(Math.random() * Math.min(2 ** tries, 50))
      try {
        return await act()
      } catch (next) {
        error = next
      }
    }
    throw explained(error)
  }

  /** `persist` for what must be answered at once. */
  function insist<T>(act: () => T): T {
    for (let tries = 1; ; tries++) {
      try {
        return act()
      } catch (error) {
        if (fault(error) !== 'busy' || tries === readTries) throw explained(error)
      }
    }
  }

  function explained(error: unknown): unknown {
    switch (fault(error)) {
      case 'missing':
        return new SessionError(
          'ERR_SESSION_STORE',
          `The table ${table} does not exist. Call the store's migrate() once before the first request, or create the table as the schema function prints it.`,
          { cause: error },
        )
      case 'foreign':
        return new SessionError(
          'ERR_SESSION_FOREIGN',
          `The table ${table} has not the columns that hipflask's sessions need; it seems to be somebody else's. Name another \`table\`.`,
          { cause: error },
        )
      default:
        return error
    }
  }

  /** What `act` answers, or `taken` when the id is already there. */
  function unlessTaken<T>(act: () => Awaitable<T>, taken: T): Awaitable<T> {
    const settle = (error: unknown): T => {
      if (fault(error) === 'duplicate') return taken
      throw error
    }
    try {
      const answer = act()
      return isPromise(answer) ? answer.catch(settle) : answer
    } catch (error) {
      return settle(error)
    }
  }

  function exists(id: string): Awaitable<boolean> {
    return chain(dialect.rows(sql.exists, [id]), (rows) => rows.length > 0)
  }

  function unreadable(row: Row, error: unknown): null {
    if (!(error instanceof Unreadable)) throw error
    report?.({ type: 'corrupt', id: typeof row['id'] === 'string' ? row['id'] : '', reason: error.message })
    return null
  }

  function recordOf(row: Row | undefined): StoredRecord | null {
    if (row === undefined) return null
    try {
      return { ...common(row), data: text(row, 'data'), version: whole(row, 'version') }
    } catch (error) {
      return unreadable(row, error)
    }
  }

  function infosOf(rows: readonly Row[]): SessionInfo[] {
    return rows.flatMap((row) => {
      try {
        return [{ ...common(row), size: whole(row, 'size') }]
      } catch (error) {
        return unreadable(row, error) ?? []
      }
    })
  }

  function read(id: string): Awaitable<StoredRecord | null> {
    return chain(dialect.rows(sql.read, [id]), (rows) => recordOf(rows[0]))
  }

  function readAndRenew(id: string, renewal: Renewal): Awaitable<StoredRecord | null> {
    const { seenBefore, seenAt, expiresAt } = renewal
    if (dialect.renewing !== null)
      return chain(dialect.rows(dialect.renewing, [id, seenBefore, seenAt, expiresAt]), (rows) =>
        recordOf(rows[0]),
      )
    return chain(read(id), (record) => {
      if (record === null || record.seenAt >= seenBefore || record.expiresAt <= seenAt) return record
      const renewed = { ...record, seenAt, expiresAt: Math.min(expiresAt, record.endsAt) }
      const { version } = record
      return chain(
        dialect.change(sql.renew, [seenAt, renewed.expiresAt, id, version, record.seenAt, record.expiresAt]),
        // Somebody was faster, and has renewed, changed or ended it.
        (changed) => (changed > 0 ? renewed : read(id)),
      )
    })
  }

  function write(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome> {
    return unlessTaken<Outcome>(
      () =>
        chain(dialect.change(sql.write, [...valuesOf(record), from, seen]), (changed) =>
          // Versions only grow and ids are never used twice, so a record found now was not `seen` before either.
          changed > 0 ? 'done' : chain(exists(from), (found) => (found ? 'conflict' : 'gone')),
        ),
      'conflict',
    )
  }

  return {
    kind: dialect.kind,
    immediate: dialect.immediate,

    get(id: string, renewal?: Renewal): Awaitable<StoredRecord | null> {
      const act = (): Awaitable<StoredRecord | null> =>
        renewal === undefined ? read(id) : readAndRenew(id, renewal)
      return dialect.immediate ? insist(act) : persist(act)
    },

    create(record: SessionRecord): Awaitable<boolean> {
      return persist(() =>
        unlessTaken(() => chain(dialect.change(sql.create, valuesOf(record)), () => true), false),
      )
    },

    update(record: SessionRecord, seen: Version): Awaitable<Outcome> {
      return persist(() => write(record.id, record, seen))
    },

    rotate(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome> {
      return persist(() => write(from, record, seen))
    },

    touch(id: string, seenAt: number, expiresAt: number): Awaitable<boolean> {
      return persist(() =>
        // A connection may count rows that changed, not rows that were found: nothing changed is no proof of absence.
        chain(dialect.change(sql.touch, [seenAt, expiresAt, id]), (changed) => changed > 0 || exists(id)),
      )
    },

    delete(id: string): Awaitable<boolean> {
      return persist(() => chain(dialect.change(sql.delete, [id]), (changed) => changed > 0))
    },

    list(user: string): Awaitable<readonly SessionInfo[]> {
      return persist(() => chain(dialect.rows(sql.list, [hashOf(user)]), infosOf))
    },

    page(cursor: string | null, limit: number): Awaitable<Page> {
      return persist(() =>
        chain(dialect.rows(sql.page + String(Math.trunc(limit) + 1), [cursor ?? '']), (rows) => {
          const shown = rows.slice(0, limit)
          return {
            sessions: infosOf(shown),
            next: rows.length > limit ? (shown.at(-1)?.['id'] as string) : null,
          }
        }),
      )
    },

    gc(now: number, signal?: AbortSignal): Awaitable<number> {
      const batch = dialect.immediate ? blockingSweepBatch : sweepBatch
      const step = (): Awaitable<number> =>
        signal?.aborted ? 0 : persist(() => dialect.change(dialect.sweep, [now]))
      async function rest(first: number): Promise<number> {
        let gone = first
        for (let last = first; last >= batch; gone += last) {
          await new Promise((resolve) => setImmediate(resolve))
          last = await step()
        }
        return gone
      }
      return chain(step(), (first) => (first < batch ? first : rest(first)))
    },

    migrate: dialect.migrate,

    attach(listener: (event: StoreEvent) => void): void {
      report = listener
    },
  }
}

/** The parts of a table's name, of which the last is the table; throws ERR_SESSION_CONFIG for a name that no database takes. */
export function nameParts(store: string, table: unknown, longest: number): readonly string[] {
  const parts = typeof table === 'string' ? table.split('.') : []
  const fits = (part: string): boolean =>
    part !== '' && !part.includes('\0') && Buffer.byteLength(part) <= longest
  if (parts.length >= 1 && parts.length <= 2 && parts.every(fits)) return parts
  throw new SessionError(
    'ERR_SESSION_CONFIG',
    `${store}: \`table\` must be a name such as 'hipflask_sessions' or 'schema.hipflask_sessions', each part 1 to ${longest} bytes long and without U+0000.`,
  )
}

/** A name that stands for itself in SQL, whatever characters it has. */
export function quoted(name: string, quote: '"' | '`'): string {
  return quote + name.replaceAll(quote, quote + quote) + quote
}

/** The error of a store that was given something else than the client it needs. */
export function wrongClient(store: string, needs: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `${store}: ${needs}`)
}

/** The user as an index can hold it, however long the name is: SHA-256 as base64url, as ids are. */
function hashOf(user: string): string {
  return createHash('sha256').update(user, 'utf8').digest('base64url')
}

function valuesOf(record: SessionRecord): Bound[] {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = record
  return [
    id,
    Buffer.from(data),
    user === null ? null : Buffer.from(user),
    user === null ? null : hashOf(user),
    label === null ? null : Buffer.from(label),
    createdAt,
    seenAt,
    expiresAt,
    endsAt,
    data.length,
  ]
}

/** Why a row is no record. */
class Unreadable extends Error {}

function common(row: Row): Omit<SessionInfo, 'size'> {
  const { id } = row
  if (typeof id !== 'string') throw new Unreadable('the column id holds no text')
  return {
    id,
    user: row['user_name'] === null ? null : text(row, 'user_name'),
    label: row['label'] === null ? null : text(row, 'label'),
    createdAt: whole(row, 'created_at'),
    seenAt: whole(row, 'seen_at'),
    expiresAt: whole(row, 'expires_at'),
    endsAt: whole(row, 'ends_at'),
  }
}

/** Text is stored as its UTF-8 bytes, because a database's text has no U+0000 and compares in ways of its own. */
function text(row: Row, column: string): string {
  const value = row[column]
  if (!(value instanceof Uint8Array) || !isUtf8(value))
    throw new Unreadable(`the column ${column} holds no UTF-8 bytes`)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
}

/** Drivers answer 64-bit integers as numbers, bigints or texts, as they are set. */
function whole(row: Row, column: string): number {
  const value = row[column]
  const number =
    typeof value === 'bigint' || (typeof value === 'string' && value !== '') ? Number(value) : value
  if (!Number.isSafeInteger(number)) throw new Unreadable(`the column ${column} holds no whole number`)
  return number as number
}
