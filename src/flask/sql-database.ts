import { setTimeout as pause } from 'node:timers/promises'
import type { Awaitable } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import { mysqlBorrowing, mysqlStatements } from '../stores/mysql-pool.ts'
import type { MysqlPool } from '../stores/mysql-pool.ts'
import { postgresBorrowing } from '../stores/postgres-pool.ts'
import type { PostgresClient, PostgresPool } from '../stores/postgres-pool.ts'
import { checkTimeout } from '../stores/sql-pool.ts'
import type { Bound, Row } from '../stores/sql.ts'
import { wrongClient } from '../stores/sql.ts'
import type { SqliteDatabase, SqliteStatement } from '../stores/sqlite.ts'

/** A client of one of the three kinds of database that Flask-Session's table is used in. */
export type SqlClient = PostgresPool | MysqlPool | SqliteDatabase

/** A database, whichever it is. What is worth another try was tried for a second; then errors are the driver's own. */
export interface SqlDatabase {
  readonly kind: 'postgres' | 'mysql' | 'sqlite'
  readonly rows: (sql: string, values: readonly Bound[]) => Awaitable<readonly Row[]>
  /** Runs a statement that writes, and answers how many rows it found (in some drivers: changed). */
  readonly change: (sql: string, values: readonly Bound[]) => Awaitable<number>
  /** Runs statements that bind nothing. */
  readonly run: (sql: string) => Awaitable<unknown>
  /** Lets go of the client. */
  readonly close: () => void
}

/** What a driver's error means here; null is a failure. */
export type SqlFault = 'duplicate' | 'busy' | 'missing' | null

/** How long a call may block this process while another one writes to SQLite, in milliseconds. */
const BUSY_TIMEOUT = 50
/** How long deadlocks and locked databases are tried again, in milliseconds. */
const PATIENCE = 1_000
/** How often a read that may not wait tries a locked database. */
const READ_TRIES = 20

/** Recognises a client; throws ERR_SESSION_CONFIG for what is none. */
export function sqlDatabase(client: SqlClient, timeout: number, owner: string): SqlDatabase {
  const given = Object(client) as Record<string, unknown>
  checkTimeout(owner, timeout)
  if (typeof given['connect'] === 'function' && typeof given['totalCount'] === 'number')
    return insistent(postgres(client as PostgresPool, timeout))
  if (typeof given['getConnection'] === 'function')
    return insistent(mysql(client as MysqlPool, timeout, owner))
  if (typeof given['prepare'] === 'function' && typeof given['exec'] === 'function')
    return insistent(sqlite(client as SqliteDatabase, owner))
  throw wrongClient(
    owner,
    'pass { client }: a Pool of pg, a pool of mysql2, or an open database of better-sqlite3 or node:sqlite.',
  )
}

/** Sources: appendix A of PostgreSQL's manual, "Server Error Message Reference" of MySQL's and MariaDB's, "Result Codes" of SQLite's. */
export function faultOf(error: unknown): SqlFault {
  if (!(error instanceof Error) || error instanceof SessionError) return null
  const { code, errno, errcode } = error as { code?: unknown; errno?: unknown; errcode?: unknown }
  const sign = String(errcode ?? (typeof errno === 'number' ? errno : code))
  if (['23505', '1062', 'SQLITE_CONSTRAINT_UNIQUE', '2067'].includes(sign)) return 'duplicate'
  if (['25P02', '26000', '40001', '40P01', '55P03', '1020', '1205', '1213', '5', '6'].includes(sign))
    return 'busy'
  if (/^SQLITE_(?:BUSY|LOCKED)/.test(sign)) return 'busy'
  return ['42P01', '1146'].includes(sign) || error.message.startsWith('no such table: ') ? 'missing' : null
}

function postgres(pool: PostgresPool, timeout: number): SqlDatabase {
  const borrow = postgresBorrowing(pool, timeout)
  // Nobody listening, the loss of an idle connection would end the process; the pool makes a new one by itself.
  const lost = (): void => {}
  pool.on('error', lost)
  const query = (text: string, values: readonly Bound[]): ReturnType<PostgresClient['query']> =>
    borrow((client) => client.query({ text, values: [...values] }))
  return {
    kind: 'postgres',
    rows: async (sql, values) => (await query(sql, values)).rows,
    change: async (sql, values) => (await query(sql, values)).rowCount ?? 0,
    run: (text) => borrow((client) => client.query({ text })),
    close: () => void pool.removeListener('error', lost),
  }
}

function mysql(pool: MysqlPool, timeout: number, owner: string): SqlDatabase {
  const borrow = mysqlBorrowing(pool, timeout)
  const execute = mysqlStatements(borrow, owner)
  return {
    kind: 'mysql',
    rows: async (sql, values) => (await execute(sql, values)) as Row[],
    change: async (sql, values) => ((await execute(sql, values)) as { affectedRows: number }).affectedRows,
    run: (sql) => borrow((connection) => connection.query({ sql })),
    close: ignore,
  }
}

function sqlite(database: SqliteDatabase, owner: string): SqlDatabase {
  if ('syncUntil' in database)
    throw wrongClient(
      owner,
      'a database of libsql is refused, because after waiting for a lock it answers that a write is done and commits it later or never; pass { client } of better-sqlite3 or node:sqlite.',
    )
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`)
  const prepared = new Map<string, SqliteStatement>()
  const prepare = (sql: string): SqliteStatement => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    prepared.set(sql, statement)
    return statement
  }
  return {
    kind: 'sqlite',
    rows: (sql, values) => prepare(sql).all(...values) as Row[],
    change: (sql, values) => {
      if (database.inTransaction || database.isTransaction)
        throw new SessionError(
          'ERR_SESSION_STORE',
          `${owner}: a transaction is open on the database, and a session written now could be rolled back with it. Give the store a connection of its own; it may be to the same file.`,
        )
      return Number(prepare(sql).run(...values).changes)
    },
    run: (sql) => database.exec(sql),
    close: ignore,
  }
}

/** The same database, asked again where it was busy. */
function insistent(database: SqlDatabase): SqlDatabase {
  const { kind, rows, change, run, close } = database
  return {
    kind,
    close,
    rows:
      kind === 'sqlite'
        ? (sql, values) => insist(() => rows(sql, values))
        : (sql, values) => persist(() => rows(sql, values)),
    change: (sql, values) => persist(() => change(sql, values)),
    run: (sql) => persist(() => run(sql)),
  }
}

/** What `act` answers at once: where it is busy it has waited a little by itself. */
function insist<T>(act: () => T): T {
  for (let tries = 1; ; tries++) {
    try {
      return act()
    } catch (error) {
      if (faultOf(error) !== 'busy' || tries === READ_TRIES) throw error
    }
  }
}

function persist<T>(act: () => Awaitable<T>): Awaitable<T> {
  try {
    const answer = act()
    return isPromise(answer) ? answer.catch((error: unknown) => again(act, error)) : answer
  } catch (error) {
    if (faultOf(error) !== 'busy') throw error
    return again(act, error)
  }
}

async function again<T>(act: () => Awaitable<T>, first: unknown): Promise<T> {
  const end = performance.now() + PATIENCE
  let error = first
  for (let tries = 1; faultOf(error) === 'busy' && performance.now() < end; tries++) {
    await pause(Math.random() * Math.min(2 ** tries, 50))
    try {
      return await act()
    } catch (next) {
      error = next
    }
  }
  throw error
}

function ignore(): void {}
