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
  }): Promise<{ rows: Row[]; rowCount: number | null }>
  release(error?: Error | boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** Lends connections of a pool for `timeout` milliseconds at most. */
export function postgresBorrowing(pool: PostgresPool, timeout: number): Borrow<PostgresClient> {
  return borrowing<PostgresClient>(
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
}

function ignore(): void {}

/** An error with a severity is the server's answer; 57P.. ends the connection, and 25006 says that it leads to no primary. */
function survives(error: unknown): boolean {
  const code = codeOf(error)
  return code !== null && !code.startsWith('57P') && code !== '25006'
}

/** The SQLSTATE of an error that is the server's answer, or null. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || error instanceof SessionError || !('severity' in error)) return null
  return 'code' in error && typeof error.code === 'string' ? error.code : null
}
