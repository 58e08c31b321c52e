import path from 'node:path'
import { mariadbProgram, startMariadb } from './mariadb.ts'
import { memcachedProgram, startMemcached } from './memcached.ts'
import { postgresProgram, startPostgres } from './postgres.ts'
import { redisProgram, startCluster, startRedis } from './redis.ts'
import { Sqlite } from './sqlite.ts'

/** A store by its URL, on a real server where it needs one. */
export interface Place {
  readonly url: string
  readonly stop: () => unknown
}

/** A kind of place: what it is called, the program it needs (null: not on this machine), and how to start a fresh one. */
export type PlaceKind = readonly [name: string, program: unknown, start: () => Promise<Place>]

/** One of each kind that several processes can share; files go into `folder`. */
export function sharedPlaces(folder: string): PlaceKind[] {
  const postgres = postgresProgram()
  const mariadb = mariadbProgram()
  return [
    ['file', true, async () => here(`file:${path.join(folder, 'sessions')}?timeout=120000`)],
    ['sqlite', Sqlite, async () => here(`sqlite:${path.join(folder, 'sessions.db')}`)],
    [
      'redis',
      redisProgram,
      async () => served(await startRedis(), ({ port }) => `redis://127.0.0.1:${port}`),
    ],
    ['redis cluster', redisProgram, cluster],
    ['postgres', postgres, async () => served(await startPostgres(postgres!), ({ url }) => url)],
    ['mariadb', mariadb, async () => served(await startMariadb(mariadb!), ({ url }) => url)],
    [
      'memcached',
      memcachedProgram,
      async () => served(await startMemcached(), ({ port }) => `memcached://127.0.0.1:${port}`),
    ],
  ]
}

function here(url: string): Place {
  return { url, stop: () => undefined }
}

function served<S extends { stop(): unknown }>(server: S, url: (server: S) => string): Place {
  return { url: url(server), stop: () => server.stop() }
}

async function cluster(): Promise<Place> {
  const { servers, stop } = await startCluster()
  return { url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, stop }
}
