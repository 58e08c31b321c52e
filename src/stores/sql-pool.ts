import { SessionError } from '../errors.ts'

/** How connections are borrowed from a pool. */
export interface Lender<Connection> {
  readonly borrow: () => Promise<Connection>
  /** Takes a connection back; `broken` tells why it must be closed instead of used again. */
  readonly giveBack: (connection: Connection, broken: Error | null) => void
  /** Whether a connection can go on after this error, which the server answered in good order. */
  readonly survives: (error: unknown) => boolean
}

/** Does some work on a borrowed connection. */
export type Borrow<Connection> = <T>(work: (connection: Connection) => Promise<T>) => Promise<T>

/**
 * Lends a connection for one statement at a time. After `timeout` milliseconds, waiting for the connection included, the
 * call is given up: what was not sent is never sent, and a connection that still owes an answer is closed, not used again.
 */
export function borrowing<Connection>(lender: Lender<Connection>, timeout: number): Borrow<Connection> {
  async function use<T>(
    connection: Connection,
    work: (connection: Connection) => Promise<T>,
    over: Promise<never>,
  ): Promise<T> {
    try {
      const answer = await Promise.race([work(connection), over])
      lender.giveBack(connection, null)
      return answer
    } catch (error) {
      lender.giveBack(connection, lender.survives(error) ? null : (error as Error))
      throw error
    }
  }

  return async (work) => {
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isOver = true
        reject(
          new SessionError(
            'ERR_SESSION_TIMEOUT',
            `The database did not answer within ${timeout} ms; nothing is known of the outcome. Look at the database, or raise the store's \`timeout\`.`,
          ),
        )
      }, timeout)
    })
    const done = lender.borrow().then((connection) => {
      if (!isOver) return use(connection, work, over)
      lender.giveBack(connection, null)
      return over
    })
    try {
      return await Promise.race([done, over])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Throws ERR_SESSION_CONFIG unless `timeout` is a number of milliseconds that a timer takes. */
export function checkTimeout(store: string, timeout: unknown): number {
  if (typeof timeout === 'number' && timeout >= 1 && timeout <= 2_147_483_647) return timeout
  throw new SessionError(
    'ERR_SESSION_CONFIG',
    `${store}: \`timeout\` must be a number of milliseconds from 1 to 2147483647.`,
  )
}
