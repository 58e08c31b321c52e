import { SessionError } from '../errors.ts'
import { borrowing, checkTimeout } from './sql-pool.ts'
import type { Bound, Dialect, Fault, Row, SqlStore } from './sql.ts'
import { nameParts, quoted, sqlStore, sweepBatch, wrongClient } from './sql.ts'

export type { SqlStore } from './sql.ts'

/** What the store needs of a pool of the package `mysql2`, of either flavour. */
export type MysqlPool = MysqlPromisePool | { getConnection: unknown; promise(): MysqlPromisePool }

/** What the store needs of a pool of `mysql2/promise`. */
export interface MysqlPromisePool {
  getConnection(): Promise<MysqlConnection>
}

/** What the store needs of a connection of that pool. */
export interface MysqlConnection {
  execute(statement: MysqlStatement): Promise<[answer: unknown, fields: unknown]>
  query(statement: MysqlStatement): Promise<[answer: unknown, fields: unknown]>
  release(): void
  destroy(): void
}

/** A statement as `mysql2` takes it. */
export interface MysqlStatement {
  sql: string
  values?: unknown[]
  rowsAsArray?: false
  nestTables?: false
  typeCast?: true
}

/** Options of `mysqlStore`. */
export interface MysqlStoreOptions {
  /** A pool of the package `mysql2` or `mysql2/promise`, connected to the primary, with `autocommit` on (the default). */
  readonly pool: MysqlPool
  /** The table, or `database.table`. Default `hipflask_sessions`. */
  readonly table?: string
  /** Milliseconds for one statement, waiting for a connection included. Default 5000. */
  readonly timeout?: number
}

const defaultTable = 'hipflask_sessions'
/** MySQL's limit is 64 characters. */
const longestName = 64
/** SERVER_STATUS_IN_TRANS: the statement belongs to a transaction that nobody will commit. */
const inTransaction = 1

/**
 * Sessions in an InnoDB table of MySQL, 8.0 or newer, or MariaDB, 10.6 or newer: one statement for a read, two when it
 * renews, one for a write. Call `migrate()` once. Throws ERR_SESSION_CONFIG if `pool` is no pool of `mysql2`.
 */
export function mysqlStore(options: MysqlStoreOptions): SqlStore {
  const { pool: given, table: name = defaultTable, timeout = 5_000 } = options
  if (typeof (given as MysqlPromisePool | undefined)?.getConnection !== 'function')
    throw wrongClient('mysqlStore', 'pass { pool: mysql.createPool({ uri }) } of the package mysql2.')
  const pool = 'promise' in given ? given.promise() : given
  const schema = mysqlSchema(name)
  const table = tableOf(name)
  const borrow = borrowing<MysqlConnection>(
    {
      borrow: () => pool.getConnection(),
      giveBack: (connection, broken) => {
        if (broken === null) connection.release()
        else connection.destroy()
      },
      survives,
    },
    checkTimeout('mysqlStore', timeout),
  )

  // Prepared statements: `query` would write the values into the text, in a way that a server's sql_mode can break.
  const execute = (sql: string, values: readonly Bound[]): Promise<unknown> =>
    borrow(async (connection) => {
      const [answer] = await connection.execute({ sql, values: [...values], ...plainRows })
      if (isUncommitted(answer)) throw uncommitted()
      return answer
    })

  const dialect: Dialect = {
    kind: 'mysql',
    immediate: false,
    table,
    mark: () => '?',
    least: 'LEAST',
    renewing: null,
    sweep: `DELETE FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ${sweepBatch}`,
    rows: async (sql, values) => (await execute(sql, values)) as Row[],
    change: async (sql, values) => ((await execute(sql, values)) as { affectedRows: number }).affectedRows,
    fault,
    migrate: async () => {
      await borrow((connection) => connection.query({ sql: schema }))
    },
  }
  return sqlStore(dialect)
}

/** The table and its indexes in SQL; what `migrate()` runs. */
export function mysqlSchema(table: string = defaultTable): string {
  return `CREATE TABLE IF NOT EXISTS ${tableOf(table)} (
  id CHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  data LONGBLOB NOT NULL,
  user_name LONGBLOB,
  user_hash CHAR(43) CHARACTER SET ascii COLLATE ascii_bin,
  label LONGBLOB,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  size INT NOT NULL,
  version BIGINT NOT NULL,
  KEY user_hash (user_hash),
  KEY expires_at (expires_at)
) ENGINE=InnoDB
`
}

function tableOf(name: string): string {
  return nameParts('mysqlStore', name, longestName)
    .map((part) => quoted(part, '`'))
    .join('.')
}

/** Rows as objects of plain values, however the pool was set. */
const plainRows = { rowsAsArray: false, nestTables: false, typeCast: true } as const

function isUncommitted(answer: unknown): boolean {
  return (
    !Array.isArray(answer) && ((answer as { serverStatus?: number }).serverStatus ?? 0) % 2 === inTransaction
  )
}

function uncommitted(): SessionError {
  return new SessionError(
    'ERR_SESSION_CONFIG',
    'mysqlStore: a statement was not committed, because the connections of the pool have autocommit off. Give the store a pool with autocommit on.',
  )
}

/** Numbers: MySQL's and MariaDB's manuals, "Server Error Message Reference". */
function fault(error: unknown): Fault {
  switch (numberOf(error)) {
    case 1062: // ER_DUP_ENTRY
      return 'duplicate'
    case 1020: // ER_CHECKREAD
    case 1205: // ER_LOCK_WAIT_TIMEOUT
    case 1213: // ER_LOCK_DEADLOCK
      return 'busy'
    case 1146: // ER_NO_SUCH_TABLE
      return 'missing'
    case 1054: // ER_BAD_FIELD_ERROR
      return 'foreign'
    default:
      return null
  }
}

/** An error with a number is the server's answer; 1290, 1792 and 1836 say that the connection leads to no primary. */
function survives(error: unknown): boolean {
  const number = numberOf(error)
  return number !== null && ![1290, 1792, 1836].includes(number)
}

function numberOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errno' in error) || 'fatal' in error) return null
  return typeof error.errno === 'number' && error.errno > 0 ? error.errno : null
}
