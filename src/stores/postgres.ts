import { createHash } from 'node:crypto'
import type { StoreEvent } from '../contracts/store.ts'
import { codeOf, postgresBorrowing } from './postgres-pool.ts'
import type { PostgresPool } from './postgres-pool.ts'
import { checkTimeout } from './sql-pool.ts'
import type { Bound, Dialect, Fault, Row, SqlStore } from './sql.ts'
import { nameParts, quoted, recordColumns, sqlStore, sweepBatch, wrongClient } from './sql.ts'

export type { PostgresClient, PostgresPool } from './postgres-pool.ts'
export type { SqlStore } from './sql.ts'

/** Options of `postgresStore`. */
export interface PostgresStoreOptions {
  /** A `Pool` of the package `pg`, connected to the primary. */
  readonly pool: PostgresPool
  /** The table, or `schema.table`. Default `hipflask_sessions`. */
  readonly table?: string
  /** Milliseconds for one statement, waiting for a connection included. Default 5000. */
  readonly timeout?: number
  /** Whether the server keeps each statement's plan, which spares it most of the work of a read. Not behind a PgBouncer before 1.21. Default false. */
  readonly prepare?: boolean
}

const defaultTable = 'hipflask_sessions'
/** PostgreSQL cuts longer names off without a word; what is left makes room for the names of the indexes. */
const longestName = 50
/** The type `bytea`. */
const byteaOid = 17
/** How values are read, whatever parsers the app has set for its own: bytes as bytes, all others as text. */
const types = {
  getTypeParser: (oid: number): ((text: string) => unknown) => (oid === byteaOid ? bytesOf : String),
}
/** Any number, the same in every process: two sessions of PostgreSQL creating one table at once would fail. */
const migrationLock = '7161939211'

/**
 * Sessions in a table of PostgreSQL, 12 or newer: one statement for a read, one for a write. Call `migrate()` once.
 * Throws ERR_SESSION_CONFIG if `pool` is no pool of `pg`.
 */
export function postgresStore(options: PostgresStoreOptions): SqlStore {
  const { pool, table: name = defaultTable, timeout = 5_000, prepare = false } = options
  if (typeof pool?.connect !== 'function' || typeof pool.totalCount !== 'number')
    throw wrongClient('postgresStore', 'pass { pool: new pg.Pool({ connectionString }) } of the package pg.')
  const schema = postgresSchema(name)
  const table = tableOf(name)
  const borrow = postgresBorrowing(pool, checkTimeout('postgresStore', timeout))

  // By default statements have no names: a named one lives in one connection of the server, which a pooler in
  // transaction mode hands to somebody else after each transaction.
  const names = new Map<string, string>()
  const nameOf = (text: string): string => {
    const known = names.get(text)
    if (known !== undefined) return known
    const name = `hipflask_${createHash('sha256').update(text).digest('base64url')}`
    names.set(text, name)
    return name
  }
  const query = (
    text: string,
    values: readonly Bound[],
  ): Promise<{ rows: Row[]; rowCount: number | null }> => {
    const statement = { text, values: [...values], types, ...(prepare && { name: nameOf(text) }) }
    return borrow((client) => client.query(statement))
  }

  const dialect: Dialect = {
    kind: 'postgres',
    immediate: false,
    table,
    mark: (n) => `$${n}`,
    least: 'LEAST',
    renewing:
      `WITH renewed AS (UPDATE ${table} SET seen_at = $3, expires_at = LEAST($4, ends_at) ` +
      `WHERE id = $1 AND seen_at < $2 AND expires_at > $3 RETURNING ${recordColumns}) ` +
      `SELECT * FROM renewed UNION ALL ` +
      `SELECT ${recordColumns} FROM ${table} WHERE id = $1 AND NOT EXISTS (SELECT FROM renewed)`,
    // ARRAY, so that the choice is made once; SKIP LOCKED, so that collectors and writers do not wait for each other.
    sweep:
      `DELETE FROM ${table} WHERE expires_at <= $1 AND id = ANY(ARRAY(` +
      `SELECT id FROM ${table} WHERE expires_at <= $1 LIMIT ${sweepBatch} FOR UPDATE SKIP LOCKED))`,
    rows: async (text, values) => (await query(text, values)).rows,
    change: async (text, values) => (await query(text, values)).rowCount ?? 0,
    fault,
    migrate: async () => {
      // Several statements in one message are one transaction, and one message survives any pooler.
      await borrow((client) =>
        client.query({ text: `SELECT pg_advisory_xact_lock(${migrationLock});\n${schema}` }),
      )
    },
  }

  const store = sqlStore(dialect)
  let report: ((event: StoreEvent) => void) | null = null
  // Nobody listening, the loss of an idle connection would end the process; the pool makes a new one by itself.
  const lost = ({ message }: Error): void =>
    report?.({ type: 'warning', message: `An idle connection to PostgreSQL was lost: ${message}` })
  pool.on('error', lost)
  return {
    ...store,
    attach(listener: (event: StoreEvent) => void): void {
      report = listener
      store.attach?.(listener)
    },
    close(): void {
      pool.removeListener('error', lost)
    },
  }
}

/** The table and its indexes in SQL; what `migrate()` runs. */
export function postgresSchema(table: string = defaultTable): string {
  const parts = nameParts('postgresStore', table, longestName)
  const index = (of: string): string => quoted(`${parts.at(-1)}_${of}`, '"')
  return `CREATE TABLE IF NOT EXISTS ${tableOf(table)} (
  id text COLLATE "C" PRIMARY KEY,
  data bytea NOT NULL,
  user_name bytea,
  user_hash text COLLATE "C",
  label bytea,
  created_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ends_at bigint NOT NULL,
  size integer NOT NULL,
  version bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS ${index('user')} ON ${tableOf(table)} (user_hash) WHERE user_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index('expiry')} ON ${tableOf(table)} (expires_at);
`
}

function tableOf(name: string): string {
  return nameParts('postgresStore', name, longestName)
    .map((part) => quoted(part, '"'))
    .join('.')
}

/** Formats: "Binary Data Types" of PostgreSQL's manual; which of the two a server writes is its `bytea_output`. */
function bytesOf(text: string): Buffer {
  if (text.startsWith(String.raw`\x`)) return Buffer.from(text.slice(2), 'hex')
  const bytes = text.replaceAll(/\\(\\|[0-7]{3})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  )
  return Buffer.from(bytes, 'latin1')
}

/** Codes: appendix A of PostgreSQL's manual. */
function fault(error: unknown): Fault {
  switch (codeOf(error)) {
    case '23505':
      return 'duplicate'
    case '40001': // serialization_failure
    case '40P01': // deadlock_detected
    case '55P03': // lock_not_available
    case '26000': // invalid_sql_statement_name: somebody forgot it for us (DEALLOCATE ALL)
    case '25P02': // in_failed_sql_transaction: somebody else's, and the next connection is another one
      return 'busy'
    case '42P01':
      return 'missing'
    case '42703':
      return 'foreign'
    default:
      return null
  }
}
