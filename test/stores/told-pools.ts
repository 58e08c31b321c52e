import type mysql from 'mysql2'
import type pg from 'pg'
import type { MysqlPool } from '../../src/stores/mysql.ts'
import type { PostgresClient, PostgresPool } from '../../src/stores/postgres.ts'

/** Hears of every statement, and of the error it ended with (null: none). */
export type Tell = (text: string, error: unknown) => void

/** A pool of `pg` whose connections tell what they are asked; `lacking` stands for what they lack. */
export function toldPostgres(
  inner: pg.Pool,
  tell: Tell,
  lacking: Partial<PostgresClient> = {},
): PostgresPool {
  return {
    get totalCount() {
      return inner.totalCount
    },
    on: (event, listener) => inner.on(event, listener),
    removeListener: (event, listener) => inner.removeListener(event, listener),
    connect: (borrowed) =>
      inner.connect((error, client) => {
        if (client === undefined) return borrowed(error, undefined)
        borrowed(undefined, {
          on: (event, listener) => client.on(event, listener),
          removeListener: (event, listener) => client.removeListener(event, listener),
          release: (broken) => client.release(broken),
          connection: (client as { connection?: any }).connection,
          getTransactionStatus: () => client.getTransactionStatus(),
          query: (statement) => heard(statement.text, tell, () => client.query(statement)),
          ...lacking,
        })
      }),
  }
}

/** A pool of `mysql2` whose connections tell what they are asked. */
export function toldMysql(inner: mysql.Pool, tell: Tell): MysqlPool {
  return {
    getConnection: async () => {
      const connection = await inner.promise().getConnection()
      return {
        release: () => connection.release(),
        destroy: () => connection.destroy(),
        query: (statement) => connection.query(statement as never),
        execute: (statement) => heard(statement.sql, tell, () => connection.execute(statement as never)),
      }
    },
  }
}

async function heard<T>(text: string, tell: Tell, ask: () => Promise<T>): Promise<T> {
  try {
    const answer = await ask()
    tell(text, null)
    return answer
  } catch (error) {
    tell(text, error)
    throw error
  }
}
