import { execFileSync } from 'node:child_process'
import { chownSync } from 'node:fs'
import mysql from 'mysql2/promise'
import { need } from './need.ts'
import { unprivileged } from './postgres.ts'
import { type Place, type Server, startServer } from './server.ts'

/** A running MariaDB. */
export interface MariadbServer extends Server {
  readonly url: string
  /** Runs SQL on a connection of its own. */
  query(sql: string, values?: unknown[]): Promise<any>
}

/** The server's program, or null where it is not installed. */
export function mariadbProgram(): string | null {
  return need('MariaDB', 'apt-get install mariadb-server', 'mariadbd', '/usr/sbin/mariadbd')
}

/** Starts a server with an empty database; `settings` are words of its command line. */
export async function startMariadb(
  program: string,
  settings: readonly string[] = [],
): Promise<MariadbServer> {
  async function query(
    { port }: Place,
    sql: string,
    values: unknown[] = [],
    database?: string,
  ): Promise<unknown> {
    const connection = await mysql.createConnection({
      host: '127.0.0.1',
      port,
      user: 'root',
      connectTimeout: 2_000,
      ...(database && { database }),
    })
    try {
      return (await connection.query(sql, values))[0]
    } finally {
      connection.destroy()
    }
  }
  const server = await startServer({
    command: program,
    args: ({ port, folder }) => [
      ...['--no-defaults', `--datadir=${folder}/data`, `--port=${port}`, '--bind-address=127.0.0.1'],
      ...[`--socket=${folder}/socket`, '--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=64M'],
      ...settings.map((setting) => `--${setting}`),
    ],
    prepare: ({ folder }) => {
      if (unprivileged) chownSync(folder, unprivileged.uid, unprivileged.gid)
      const words = ['--no-defaults', `--datadir=${folder}/data`, '--auth-root-authentication-method=normal']
      execFileSync('mariadb-install-db', [...words, '--skip-test-db'], {
        cwd: folder,
        env: { ...process.env, TMPDIR: folder },
        stdio: 'ignore',
        ...unprivileged,
      })
    },
    ready: (place) => query(place, 'CREATE DATABASE IF NOT EXISTS hipflask CHARACTER SET utf8mb4'),
    ...(unprivileged && { account: unprivileged }),
  })
  // Root may write even where nobody may.
  await query(server, "CREATE USER app@'%'")
  await query(server, "GRANT ALL ON `hipflask%`.* TO app@'%'")
  return Object.assign(server, {
    url: `mysql://app@127.0.0.1:${server.port}/hipflask`,
    query: (sql: string, values?: unknown[]) => query(server, sql, values, 'hipflask'),
  })
}
