import { SessionError } from '../errors.ts'
import { borrowing } from './sql-pool.ts'
import type { Borrow } from './sql-pool.ts'
import type { Bound, Row } from './sql.ts'

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

/** SERVER_STATUS_IN_TRANS: the statement belongs to a transaction that nobody will commit. */
const inTransaction = 1
/** Rows as objects of plain values, however the pool was set. */
const plainRows = { rowsAsArray: false, nestTables: false, typeCast: true } as const

/** Lends connections of a pool of either flavour for `timeout` milliseconds at most. */
export function mysqlBorrowing(given: MysqlPool, timeout: number): Borrow<MysqlConnection> {
  const pool = 'promise' in given ? given.promise() : given
  return borrowing<MysqlConnection>(
    {
      borrow: () => pool.getConnection(),
      giveBack: (connection, broken) => {
        if (broken === null) connection.release()
        else connection.destroy()
      },
      survives,
    },
    timeout,
  )
}

/** Runs prepared statements and answers rows or what was changed; throws ERR_SESSION_CONFIG for what was written, or read by a `watched` statement, inside a transaction. */
export function mysqlStatements(
  borrow: Borrow<MysqlConnection>,
  owner: string,
): (sql: string, values: readonly Bound[]) => Promise<unknown> {
  // Prepared: `query` would write the values into the text, in a way that a server's sql_mode can break.
  return (sql, values) =>
    borrow(async (connection) => {
      const [answer] = await connection.execute({ sql, values: [...values], ...plainRows })
      if (isUncommitted(answer))
        throw new SessionError(
          'ERR_SESSION_CONFIG',
          `${owner}: the pool lent a connection with a transaction open or autocommit off, where a session that is read may be old and one that is written could be rolled back. Give the store a pool with autocommit on, and release connections after COMMIT or ROLLBACK only.`,
        )
      return answer
    })
}

/**
 * A SELECT of rows with an `id` as one that answers them in the order of their ids, and tells whether it ran inside a
 * transaction: the driver keeps the status that comes with rows to itself. Where there are none, a row without `id` tells.
 */
export function watched(select: string): string {
  return (
    // To MySQL, which has no such variable, the last condition is a comment.
    `SELECT answer.*, @@autocommit = 0 /*M! OR @@in_transaction */ AS uncommitted ` +
    `FROM (SELECT 1) AS single LEFT JOIN (${select}) AS answer ON TRUE ORDER BY id`
  )
}

function isUncommitted(answer: unknown): boolean {
  if (Array.isArray(answer)) return Number((answer[0] as Row | undefined)?.['uncommitted']) === 1
  return ((answer as { serverStatus?: number }).serverStatus ?? 0) % 2 === inTransaction
}

/**
 * An error with a number is the server's answer; 1290, 1792 and 1836 say that the connection leads to no primary, and
 * after 1153, a packet that is too large, the server closes it.
 */
function survives(error: unknown): boolean {
  const number = numberOf(error)
  return number !== null && ![1153, 1290, 1792, 1836].includes(number)
}

/** The number of an error that is the server's answer, or null. */
export function numberOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errno' in error) || 'fatal' in error) return null
  return typeof error.errno === 'number' && error.errno > 0 ? error.errno : null
}
