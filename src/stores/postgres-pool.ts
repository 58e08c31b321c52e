import { SessionError } from '../errors.ts'
import { borrowing } from './sql-pool.ts'
import type { Borrow } from './sql-pool.ts'
import type { Row } from './sql.ts'

/** What the store needs of a `Pool` of the package `pg` (or `@neondatabase/serverless`). */
export interface PostgresPool {
  readonly totalCount: number
  connect(borrowed: (error: Error | undefined, client: PostgresClient | undefined) => void): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** What the store needs of a connection of that pool. */
export interface PostgresClient {
  query(statement: {
    text: string
    values?: unknown[]
    name?: string
    types?: { getTypeParser(oid: number): (text: string) => unknown }
  }): Promise<{ rows: Row[]; rowCount: number | null }>
  release(error?: Error | boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  /** Of `pg` 8.21 or newer: 'T' in a transaction. */
  getTransactionStatus?(): string | null
  /** Tells the same in all of `pg` 8. */
  readonly connection?: PostgresWire
}

interface PostgresWire {
  on(event: 'readyForQuery', listener: (message: { readonly status: string }) => void): unknown
  removeListener(event: 'readyForQuery', listener: (message: { readonly status: string }) => void): unknown
}

/** Lends connections of a pool for `timeout` milliseconds at most; throws ERR_SESSION_STORE for one that came with a transaction open. */
export function postgresBorrowing(pool: PostgresPool, timeout: number): Borrow<PostgresClient> {
  const borrow = borrowing<PostgresClient>(
    {
      // By callback, because a borrowed connection that breaks tells so by an event, which ends the process unless
      // somebody listens from the first moment on; a promise would hand it over a moment too late.
      borrow: () =>
        new Promise((resolve, reject) =>
          pool.connect((error, client) => {
            if (client === undefined) return reject(error!)
            client.on('error', ignore)
            resolve(client)
          }),
        ),
      giveBack: (client, broken) => {
        client.removeListener('error', ignore)
        client.release(broken ?? undefined)
      },
      survives,
    },
    timeout,
  )
  return (work) => borrow((client) => outsideTransactions(client, work))
}

async function outsideTransactions<T>(
  client: PostgresClient,
  work: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  let status: string | null = null
  const note = (message: { readonly status: string }): void => {
    status = message.status
  }
  const wire = client.getTransactionStatus === undefined ? client.connection : undefined
  wire?.on('readyForQuery', note)
  try {
    const answer = await work(client)
    // Asked afterwards, because a BEGIN that nobody waited for may still have been on its way.
    if ((client.getTransactionStatus?.() ?? status) === 'T')
      throw new SessionError(
        'ERR_SESSION_STORE',
        'The pool lent a connection with a transaction open, where a session that is read may be old and one that is written could be rolled back. Release connections after COMMIT or ROLLBACK only.',
      )
    return answer
  } finally {
    wire?.removeListener('readyForQuery', note)
  }
}

function ignore(): void {}

/**
 * An error with a severity is the server's answer; 57P.. ends the connection, 25006 says that it leads to no primary,
 * 25P02 that it came with a failed transaction, and 26000 that it forgot what was prepared.
 */
function survives(error: unknown): boolean {
  const code = codeOf(error)
  return code !== null && !code.startsWith('57P') && !['25006', '25P02', '26000'].includes(code)
}

/** The SQLSTATE of an error that is the server's answer, or null. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || error instanceof SessionError || !('severity' in error)) return null
  return 'code' in error && typeof error.code === 'string' ? error.code : null
}
