import type { Serializer } from '../contracts/serializer.ts'
import type {
  Awaitable,
  Outcome,
  Page,
  Renewal,
  SessionIds,
  SessionInfo,
  SessionRecord,
  StoredRecord,
  StoreEvent,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { chain, isPromise } from '../lib/awaitable.ts'
import { nameParts, quoted, sweepBatch } from '../stores/sql.ts'
import type { Row, SqlStore } from '../stores/sql.ts'
import { layoutOf, serializerOf, timesOf, unlistable } from './layout.ts'
import type { FlaskFormat, FlaskLayoutOptions, Layout } from './layout.ts'
import { faultOf, sqlDatabase } from './sql-database.ts'
import type { SqlClient, SqlDatabase } from './sql-database.ts'

/** Options of `flaskSqlStore`. */
export interface FlaskSqlStoreOptions extends FlaskLayoutOptions {
  /** A `Pool` of pg, a pool of mysql2, or an open database of better-sqlite3 or node:sqlite: the database of the Flask app. */
  readonly client: SqlClient
  /** SESSION_SQLALCHEMY_TABLE, or `schema.table` with SESSION_SQLALCHEMY_SCHEMA. Default `sessions`. */
  readonly table?: string
  /** SESSION_SERIALIZATION_FORMAT: what is written; both are read. Default `msgpack`. */
  readonly format?: FlaskFormat
  /** Milliseconds for one statement, waiting for a connection included; SQLite needs none. Default 5000. */
  readonly timeout?: number
}

const owner = 'flaskSqlStore'
/** PostgreSQL's limit, the least of the three, in bytes. */
const longestName = 63
/** Any number, the same in every process: two sessions of PostgreSQL creating one table at once would fail. */
const migrationLock = '7161939212'

/** What one kind of database does its own way. */
interface Dialect {
  readonly quote: '"' | '`'
  readonly mark: (n: number) => string
  /** A bound text as a moment, which is UTC and says so nowhere. */
  readonly moment: (mark: string) => string
  /** The column `expiry` as such a text: drivers would take it for local time. */
  readonly expiry: string
  readonly sweep: (table: string) => string
  /** As SQLAlchemy creates the table. */
  readonly columns: readonly string[]
}

const dialects: Readonly<Record<SqlDatabase['kind'], Dialect>> = {
  sqlite: {
    quote: '"',
    mark: () => '?',
    moment: (mark) => mark,
    expiry: 'expiry',
    sweep: (table) =>
      `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE expiry <= ? LIMIT ${sweepBatch})`,
    columns: ['id INTEGER NOT NULL', 'data BLOB', 'expiry DATETIME'],
  },
  postgres: {
    quote: '"',
    mark: (n) => `$${n}`,
    moment: (mark) => `${mark}::timestamp`,
    expiry: `to_char(expiry, 'YYYY-MM-DD HH24:MI:SS.US')`,
    sweep: (table) =>
      `DELETE FROM ${table} WHERE expiry <= $1::timestamp AND id = ANY(ARRAY(` +
      `SELECT id FROM ${table} WHERE expiry <= $1::timestamp LIMIT ${sweepBatch} FOR UPDATE SKIP LOCKED))`,
    columns: ['id SERIAL NOT NULL', 'data BYTEA', 'expiry TIMESTAMP WITHOUT TIME ZONE'],
  },
  mysql: {
    quote: '`',
    mark: () => '?',
    moment: (mark) => mark,
    expiry: `DATE_FORMAT(expiry, '%Y-%m-%d %H:%i:%s.%f')`,
    sweep: (table) => `DELETE FROM ${table} WHERE expiry <= ? LIMIT ${sweepBatch}`,
    columns: ['id INTEGER NOT NULL AUTO_INCREMENT', 'data BLOB', 'expiry DATETIME'],
  },
}

/**
 * The sessions of Flask-Session 0.8 in its table in PostgreSQL, MySQL, MariaDB or SQLite: the Flask app's own rows. Throws
 * ERR_SESSION_CONFIG for a client or an option that cannot work; its methods reject with what the driver said.
 */
export function flaskSqlStore(options: FlaskSqlStoreOptions): SqlStore {
  const { client, table = 'sessions', timeout = 5_000 } = options
  const layout = layoutOf(options, owner)
  const names = nameParts(owner, table, longestName)
  const database = sqlDatabase(client, timeout, owner)
  return new FlaskSqlStore(database, names, layout, serializerOf(options.format, owner))
}

class FlaskSqlStore implements SqlStore {
  readonly kind: string
  readonly immediate: boolean | 'without renewal'
  readonly ids: SessionIds
  readonly serializer: Serializer
  readonly keepsTimes = false
  readonly flask: Layout['rules']
  readonly #database: SqlDatabase
  readonly #table: string
  readonly #prefix: string
  readonly #lifetime: number
  readonly #sql: ReturnType<typeof statements>
  #report: ((event: StoreEvent) => void) | null = null

  constructor(database: SqlDatabase, names: readonly string[], layout: Layout, serializer: Serializer) {
    const dialect = dialects[database.kind]
    this.kind = `flask-${database.kind}`
    // A renewal is a write, which waits without blocking where another process writes.
    this.immediate = database.kind === 'sqlite' ? 'without renewal' : false
    this.ids = layout.ids
    this.serializer = serializer
    this.flask = layout.rules
    this.#database = database
    this.#table = names.map((name) => quoted(name, dialect.quote)).join('.')
    this.#prefix = layout.prefix
    this.#lifetime = layout.lifetime
    this.#sql = statements(dialect, this.#table, Array.from(layout.prefix).length)
  }

  get(id: string, renewal?: Renewal): Awaitable<StoredRecord | null> {
    return chain(this.#row(id), (row) => {
      const record = this.#recordOf(id, row)
      if (renewal === undefined || record === null) return record
      const { seenBefore, seenAt, expiresAt } = renewal
      // What was seen long ago has little left to live.
      const isFresh = record.expiresAt - (expiresAt - seenAt) >= seenBefore
      if (isFresh || record.expiresAt <= seenAt) return record
      const { renew } = this.#sql
      const renewed = { ...record, ...timesOf(expiresAt, this.#lifetime, seenAt) }
      return chain(
        this.#change(renew, [momentOf(expiresAt), this.#keyOf(id), String(row!['expiry'])]),
        // Somebody was faster, and has renewed, changed or ended it.
        (changed) => (changed > 0 ? renewed : this.get(id)),
      )
    })
  }

  create(record: SessionRecord): Awaitable<boolean> {
    const values = [this.#keyOf(record.id), bytesOf(record.data), momentOf(record.expiresAt)]
    return unlessTaken(() => chain(this.#change(this.#sql.create, values), () => true), false)
  }

  update(record: SessionRecord, seen: Version): Awaitable<Outcome> {
    return this.#write(record.id, record, String(seen))
  }

  /** An update that gives the row its new id, so the old one dies in the same step. */
  rotate(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome> {
    return this.#write(from, record, String(seen))
  }

  touch(id: string, _seenAt: number, expiresAt: number): Awaitable<boolean> {
    return chain(
      this.#change(this.#sql.touch, [momentOf(expiresAt), this.#keyOf(id)]),
      // A connection may count rows that changed, not rows that were found: nothing changed is no proof of absence.
      (changed) => changed > 0 || chain(this.#row(id), (row) => row !== null),
    )
  }

  delete(id: string): Awaitable<boolean> {
    return chain(this.#change(this.#sql.delete, [this.#keyOf(id)]), (changed) => changed > 0)
  }

  list(): readonly SessionInfo[] {
    throw unlistable(owner)
  }

  page(cursor: string | null, limit: number): Awaitable<Page> {
    const sql = `${this.#sql.page}${Math.trunc(limit) + 1}`
    return chain(this.#rows(sql, [Number(cursor ?? 0), this.#prefix]), (rows) => {
      const shown = rows.slice(0, limit)
      const sessions = shown.flatMap((row) => this.#infoOf(row) ?? [])
      return { sessions, next: rows.length > limit ? String(Number(shown.at(-1)?.['id'])) : null }
    })
  }

  gc(now: number, signal?: AbortSignal): Awaitable<number> {
    const step = (): Awaitable<number> =>
      signal?.aborted ? 0 : this.#change(this.#sql.sweep, [momentOf(now)])
    async function rest(first: number): Promise<number> {
      let gone = first
      for (let last = first; last >= sweepBatch; gone += last) {
        await new Promise((resolve) => setImmediate(resolve))
        last = await step()
      }
      return gone
    }
    return chain(step(), (first) => (first < sweepBatch ? first : rest(first)))
  }

  /** Creates the table where it is missing, as SQLAlchemy does. */
  async migrate(): Promise<void> {
    const { columns } = dialects[this.#database.kind]
    const [id, data, expiry] = columns
    const create = `CREATE TABLE IF NOT EXISTS ${this.#table} (${id}, session_id VARCHAR(255), ${data}, ${expiry}, PRIMARY KEY (id), UNIQUE (session_id))`
    // Several statements in one message are one transaction.
    const lock = this.#database.kind === 'postgres' ? `SELECT pg_advisory_xact_lock(${migrationLock}); ` : ''
    await this.#database.run(lock + create)
  }

  attach(report: (event: StoreEvent) => void): void {
    this.#report = report
  }

  close(): void {
    this.#database.close()
  }

  #write(from: string, record: SessionRecord, seen: string): Awaitable<Outcome> {
    const data = bytesOf(record.data)
    const values = [
      this.#keyOf(record.id),
      data,
      momentOf(record.expiresAt),
      this.#keyOf(from),
      bytesOf(seen),
    ]
    const act = (): Awaitable<Outcome> =>
      chain(this.#change(this.#sql.write, values), (changed): Awaitable<Outcome> => {
        if (changed > 0) return 'done'
        return chain(this.#row(from), (row) => {
          if (row === null) return 'gone'
          // Nothing was there to change, or, where only changed rows are counted, nothing had to be.
          const isThere = from === record.id && record.data === seen && byteText(row['data']) === seen
          return isThere ? 'done' : 'conflict'
        })
      })
    return unlessTaken<Outcome>(act, 'conflict')
  }

  #row(id: string): Awaitable<Row | null> {
    return chain(this.#rows(this.#sql.read, [this.#keyOf(id)]), ([row]) =>
      // Some collations of MySQL take two ids for one that differ in case.
      row !== undefined && row['session_id'] === this.#keyOf(id) ? row : null,
    )
  }

  #recordOf(id: string, row: Row | null): StoredRecord | null {
    // Without an expiry it has expired, for Flask-Session too.
    if (row === null || row['expiry'] === null) return null
    const expiresAt = timeOf(row['expiry'])
    const data = byteText(row['data'])
    if (data !== null && expiresAt !== null)
      return { id, data, version: data, ...timesOf(expiresAt, this.#lifetime) }
    const column = data === null ? 'data' : 'expiry'
    this.#report?.({
      type: 'corrupt',
      id,
      reason: `the column ${column} holds what Flask-Session does not write`,
    })
    return null
  }

  #infoOf({ session_id: key, size, expiry }: Row): SessionInfo | null {
    const expiresAt = timeOf(expiry)
    if (typeof key !== 'string' || !key.startsWith(this.#prefix) || size === null || expiresAt === null)
      return null
    return { id: key.slice(this.#prefix.length), size: Number(size), ...timesOf(expiresAt, this.#lifetime) }
  }

  #rows(...[sql, values]: Parameters<SqlDatabase['rows']>): Awaitable<readonly Row[]> {
    return this.#explained(() => this.#database.rows(sql, values))
  }

  #change(...[sql, values]: Parameters<SqlDatabase['change']>): Awaitable<number> {
    return this.#explained(() => this.#database.change(sql, values))
  }

  #explained<T>(act: () => Awaitable<T>): Awaitable<T> {
    const explain = (error: unknown): never => {
      if (faultOf(error) !== 'missing') throw error
      throw new SessionError(
        'ERR_SESSION_STORE',
        `${owner}: the table ${this.#table} does not exist. Flask-Session creates it when the Flask app starts; without one, call the store's migrate().`,
        { cause: error },
      )
    }
    return settled(act, explain)
  }

  #keyOf(id: string): string {
    return this.#prefix + id
  }
}

function statements(dialect: Dialect, table: string, prefixLength: number) {
  const { mark, moment, expiry } = dialect
  return {
    read: `SELECT session_id, data, ${expiry} AS expiry FROM ${table} WHERE session_id = ${mark(1)}`,
    create: `INSERT INTO ${table} (session_id, data, expiry) VALUES (${mark(1)}, ${mark(2)}, ${moment(mark(3))})`,
    write:
      `UPDATE ${table} SET session_id = ${mark(1)}, data = ${mark(2)}, expiry = ${moment(mark(3))} ` +
      `WHERE session_id = ${mark(4)} AND data = ${mark(5)}`,
    renew: `UPDATE ${table} SET expiry = ${moment(mark(1))} WHERE session_id = ${mark(2)} AND expiry = ${moment(mark(3))}`,
    touch: `UPDATE ${table} SET expiry = ${moment(mark(1))} WHERE session_id = ${mark(2)}`,
    delete: `DELETE FROM ${table} WHERE session_id = ${mark(1)}`,
    page:
      `SELECT id, session_id, LENGTH(data) AS size, ${expiry} AS expiry FROM ${table} ` +
      `WHERE id > ${mark(1)} AND SUBSTR(session_id, 1, ${prefixLength}) = ${mark(2)} ORDER BY id LIMIT `,
    sweep: dialect.sweep(table),
  }
}

/** What `act` answers, or `taken` when the id is already there. */
function unlessTaken<T>(act: () => Awaitable<T>, taken: T): Awaitable<T> {
  return settled(act, (error) => {
    if (faultOf(error) === 'duplicate') return taken
    throw error
  })
}

/** What `act` answers now or later, or what `failed` makes of its error. */
function settled<T>(act: () => Awaitable<T>, failed: (error: unknown) => T): Awaitable<T> {
  try {
    const answer = act()
    return isPromise(answer) ? answer.catch(failed) : answer
  } catch (error) {
    return failed(error)
  }
}

/** As SQLAlchemy writes a moment in SQLite, and the others read it: UTC, six digits of a second's fraction. */
function momentOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 23).replace('T', ' ')}000`
}

/** The milliseconds of such a text, its fraction cut, or null. */
function timeOf(moment: unknown): number | null {
  const form = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{3})?)\d*$/.exec(
    typeof moment === 'string' ? moment : '',
  )
  const time = form === null ? Number.NaN : Date.parse(`${form[1]}T${form[2]}Z`)
  return Number.isNaN(time) ? null : time
}

function bytesOf(data: string): Buffer {
  return Buffer.from(data, 'latin1')
}

/** The bytes of a column as text, one character for each; null where it holds no bytes. */
function byteText(value: unknown): string | null {
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('latin1')
  return value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')
    : null
}
