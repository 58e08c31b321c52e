import { SessionError } from '../errors.ts'
import type { Renewal, StoredRecord } from '../contracts/store.ts'
import { setTimeout as pause } from 'node:timers/promises'
import type { Bound, Dialect, Fault, Row, SqlStore } from './sql.ts'
import { blockingSweepBatch, nameParts, quoted, sqlStore, wrongClient } from './sql.ts'

/** What the store needs of a database of `better-sqlite3` or `node:sqlite` (DatabaseSync). */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  /** Whether a transaction is open, as `better-sqlite3` names it. */
  readonly inTransaction?: boolean
  /** The same, as `node:sqlite` names it. */
  readonly isTransaction?: boolean
}

/** What the store needs of a statement of that database. */
export interface SqliteStatement {
  all(...values: Bound[]): unknown
  run(...values: Bound[]): { readonly changes: number | bigint }
  /** `node:sqlite` would throw on a number that is too large, were it not for this. */
  setReadBigInts?(enabled: boolean): unknown
}

/** Options of `sqliteStore`. */
export interface SqliteStoreOptions {
  /** An open database, best a connection of the store's own: the store sets its busy timeout, and needs it outside of transactions. */
  readonly database: SqliteDatabase
  /** The table, or `schema.table`. Default `hipflask_sessions`. */
  readonly table?: string
}

/** A store that reads without promises, and writes without them while no other process is writing. */
export interface SqliteStore extends SqlStore {
  readonly immediate: true
  get(id: string, renewal?: Renewal): StoredRecord | null
}

const defaultTable = 'hipflask_sessions'
/** SQLite takes longer ones; nobody needs them. */
const longestName = 255
/** How long a call may block this process while another one writes, in milliseconds; after that it waits without blocking. */
const busyTimeout = 50
/** How long `migrate` waits for a database that others use, in milliseconds. */
const migrationPatience = 10_000

/**
 * Sessions in a table of a SQLite database (3.37 or newer), shared by all processes of one machine: a read is answered at
 * once. Call `migrate()` once. Throws ERR_SESSION_CONFIG if `database` is no open, synchronous SQLite database.
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { database, table: name = defaultTable } = options
  const schema = sqliteSchema(name)
  const table = tableOf(name)
  if (!answers(database))
    throw wrongClient(
      'sqliteStore',
      "pass { database }, an open database of better-sqlite3 (new Database('sessions.db')) or node:sqlite (new DatabaseSync('sessions.db')).",
    )
  if ('syncUntil' in database)
    throw wrongClient(
      'sqliteStore',
      'a database of libsql is refused, because after waiting for a lock it answers that a write is done and commits it later or never; pass { database } of better-sqlite3 or node:sqlite.',
    )
  database.exec(`PRAGMA busy_timeout = ${busyTimeout}`)

  const prepared = new Map<string, SqliteStatement>()
  const prepare = (sql: string): SqliteStatement => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    statement.setReadBigInts?.(true)
    prepared.set(sql, statement)
    return statement
  }

  const dialect: Dialect = {
    kind: 'sqlite',
    immediate: true,
    table,
    mark: () => '?',
    least: 'MIN',
    renewing: null,
    sweep: `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE expires_at <= ? LIMIT ${blockingSweepBatch})`,
    rows: (sql, values) => prepare(sql).all(...values) as Row[],
    change: (sql, values) => {
      if (database.inTransaction || database.isTransaction) throw insideTransaction()
      return Number(prepare(sql).run(...values).changes)
    },
    fault,
    migrate: async () => {
      const end = performance.now() + migrationPatience
      for (;;) {
        try {
          // With a write-ahead log readers never wait for a writer. The file remembers it.
          database.prepare('PRAGMA journal_mode = WAL').all()
          return void database.exec(schema)
        } catch (error) {
          if (fault(error) !== 'busy' || performance.now() > end) throw error
        }
        await pause(Math.random() * 20)
      }
    },
  }
  return sqlStore(dialect) as SqliteStore
}

/** The table and its indexes in SQL; what `migrate()` runs after setting `journal_mode = WAL`. */
export function sqliteSchema(table: string = defaultTable): string {
  const parts = nameParts('sqliteStore', table, longestName)
  const bare = quoted(parts.at(-1)!, '"')
  const index = (of: string): string =>
    [...parts.slice(0, -1), `${parts.at(-1)}_${of}`].map((part) => quoted(part, '"')).join('.')
  return `CREATE TABLE IF NOT EXISTS ${tableOf(table)} (
  id TEXT NOT NULL PRIMARY KEY,
  data BLOB NOT NULL,
  user_name BLOB,
  user_hash TEXT,
  label BLOB,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ${index('user')} ON ${bare} (user_hash) WHERE user_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index('expiry')} ON ${bare} (expires_at);
`
}

function tableOf(name: string): string {
  return nameParts('sqliteStore', name, longestName)
    .map((part) => quoted(part, '"'))
    .join('.')
}

/** Whether it is a database that answers at once: others have methods of the same names. */
function answers(database: SqliteDatabase | undefined): boolean {
  try {
    const rows = database?.prepare('SELECT 1 AS one').all()
    return Array.isArray(rows) && Number((rows[0] as Row)['one']) === 1
  } catch {
    return false
  }
}

function insideTransaction(): SessionError {
  return new SessionError(
    'ERR_SESSION_STORE',
    'sqliteStore: a transaction is open on the database, and a session written now could be rolled back with it. Give the store a connection of its own; it may be to the same file.',
  )
}

/** Codes: "Result and Error Codes" of SQLite's manual. The drivers name them or answer their number, each in its own field. */
function fault(error: unknown): Fault {
  if (!(error instanceof Error)) return null
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  const named = typeof code === 'string' ? code : ''
  const numbered = typeof errcode === 'number' ? errcode : 0
  // The low byte is the code, the rest says more: 5 is SQLITE_BUSY, 6 SQLITE_LOCKED.
  if (/SQLITE_(BUSY|LOCKED)/.test(named) || [5, 6].includes(numbered % 256)) return 'busy'
  if (named === 'SQLITE_CONSTRAINT_PRIMARYKEY' || numbered === 1555) return 'duplicate'
  if (error.message.startsWith('no such table: ')) return 'missing'
  if (/^no such column: | has no column named /.test(error.message)) return 'foreign'
  return null
}
