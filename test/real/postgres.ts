import { execFileSync } from 'node:child_process'
import { chownSync, readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { need } from './need.ts'
import { type Place, type Program, type Server, startServer } from './server.ts'

/** A running PostgreSQL. */
export interface PostgresServer extends Server {
  readonly url: string
  /** Stops every process of the server where it is: connections stay open and nothing answers. */
  halt(): void
  /** Lets all of them go on. */
  proceed(): void
  /** Runs SQL on a connection of its own. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

/** PostgreSQL refuses root. */
export const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined

/** The server's program, or null where it is not installed. */
export function postgresProgram(): string | null {
  return need('PostgreSQL', 'apt-get install postgresql', '/usr/lib/postgresql/*/bin/postgres', 'postgres')
}

/** Starts a server with an empty database; `settings` are words of its command line. */
export async function startPostgres(
  program: string,
  settings: readonly string[] = [],
): Promise<PostgresServer> {
  const url = ({ port }: Place): string => `postgres://hipflask@127.0.0.1:${port}/postgres`
  async function query(
    place: Place,
    sql: string,
    values: unknown[] = [],
  ): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url(place), connectionTimeoutMillis: 2_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return (await client.query(sql, values)).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }
  const definition: Program = {
    command: program,
    args: ({ port, folder }) => [
      ...['-D', path.join(folder, 'data'), '-p', String(port), '-h', '127.0.0.1'],
      ...['-c', 'unix_socket_directories=', '-c', 'fsync=off', '-c', 'max_connections=150'],
      ...settings.flatMap((setting) => ['-c', setting]),
    ],
    prepare: ({ folder }) => {
      if (unprivileged) chownSync(folder, unprivileged.uid, unprivileged.gid)
      const words = [
        '-D',
        path.join(folder, 'data'),
        '-U',
        'hipflask',
        '--auth=trust',
        '--no-sync',
        '-E',
        'UTF8',
      ]
      execFileSync(path.join(path.dirname(program), 'initdb'), [...words, '--locale=C'], {
        cwd: folder,
        stdio: 'ignore',
        ...unprivileged,
      })
    },
    ready: (place) => query(place, 'SELECT 1'),
    // An immediate shutdown: nobody needs this data afterwards, and a start after it proves the recovery.
    quit: 'SIGQUIT',
    ...(unprivileged && { account: unprivileged }),
  }
  const server = await startServer(definition)
  let halted: number[] = []
  return Object.assign(server, {
    url: url(server),
    halt(): void {
      const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
      halted = [server.pid, ...children.trim().split(' ').map(Number)]
      for (const pid of halted) process.kill(pid, 'SIGSTOP')
    },
    proceed(): void {
      for (const pid of halted) process.kill(pid, 'SIGCONT')
      halted = []
    },
    query: (sql: string, values?: unknown[]) => query(server, sql, values),
  })
}
