import { mysqlBorrowing, mysqlStatements, numberOf, watched } from './mysql-pool.ts'
import type { MysqlPool, MysqlPromisePool } from './mysql-pool.ts'
import { checkTimeout } from './sql-pool.ts'
import type { Dialect, Fault, Row, SqlStore } from './sql.ts'
import { nameParts, quoted, sqlStore, sweepBatch, wrongClient } from './sql.ts'

export type { MysqlConnection, MysqlPool, MysqlPromisePool, MysqlStatement } from './mysql-pool.ts'
export type { SqlStore } from './sql.ts'

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

/**
 * Sessions in an InnoDB table of MySQL, 8.0 or newer, or MariaDB, 10.6 or newer: one statement for a read, two when it
 * renews, one for a write. Call `migrate()` once. Throws ERR_SESSION_CONFIG if `pool` is no pool of `mysql2`.
 */
export function mysqlStore(options: MysqlStoreOptions): SqlStore {
  const { pool: given, table: name = defaultTable, timeout = 5_000 } = options
  if (typeof (given as MysqlPromisePool | undefined)?.getConnection !== 'function')
    throw wrongClient('mysqlStore', 'pass { pool: mysql.createPool({ uri }) } of the package mysql2.')
  const schema = mysqlSchema(name)
  const table = tableOf(name)
  const borrow = mysqlBorrowing(given, checkTimeout('mysqlStore', timeout))
  const execute = mysqlStatements(borrow, 'mysqlStore')

  const dialect: Dialect = {
    kind: 'mysql',
    immediate: false,
    table,
    mark: () => '?',
    least: 'LEAST',
    renewing: null,
    sweep: `DELETE FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ${sweepBatch}`,
    rows: async (sql, values) =>
      ((await execute(watched(sql), values)) as Row[]).filter((row) => row['id'] !== null),
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
