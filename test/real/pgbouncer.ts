import { chownSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { need } from './need.ts'
import { type PostgresServer, unprivileged } from './postgres.ts'
import { type Place, type Server, startServer } from './server.ts'

/** The pooler's program, or null where it is not installed. */
export function pgbouncerProgram(): string | null {
  return need('PgBouncer', 'apt-get install pgbouncer', 'pgbouncer', '/usr/sbin/pgbouncer')
}

/** Starts PgBouncer in transaction mode before `behind`, with `size` connections to it. */
export async function startPgbouncer(
  program: string,
  behind: PostgresServer,
  size: number,
): Promise<Server & { readonly url: string }> {
  const url = ({ port }: Place): string => `postgres://hipflask@127.0.0.1:${port}/postgres`
  const server = await startServer({
    command: program,
    args: ({ folder }) => ['-q', path.join(folder, 'pgbouncer.ini')],
    prepare: ({ folder, port }) => {
      if (unprivileged) chownSync(folder, unprivileged.uid, unprivileged.gid)
      const lines = [
        '[databases]',
        `* = host=127.0.0.1 port=${behind.port} user=hipflask`,
        '[pgbouncer]',
        'listen_addr = 127.0.0.1',
        `listen_port = ${port}`,
        'unix_socket_dir =',
        'auth_type = any',
        'pool_mode = transaction',
        `default_pool_size = ${size}`,
      ]
      writeFileSync(path.join(folder, 'pgbouncer.ini'), lines.join('\n'))
    },
    ready: async (place) => {
      const client = new pg.Client({ connectionString: url(place), connectionTimeoutMillis: 2_000 })
      client.on('error', () => undefined)
      try {
        await client.connect()
        await client.query('SELECT 1')
      } finally {
        await client.end()
      }
    },
    quit: 'SIGINT',
    ...(unprivileged && { account: unprivileged }),
  })
  return Object.assign(server, { url: url(server) })
}
