import { setMaxListeners } from 'node:events'
import type { SessionStore } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { newId, recordId } from '../lib/id.ts'
import { badUrl, parseAddress } from './store-address.ts'
import type { StoreAddress } from './store-address.ts'

/** A store together with the client that was opened for it. */
export interface OpenedStore extends SessionStore {
  /** Closes the store and its client, soon even where Redis does not answer; the store is of no use afterwards. */
  close(): Promise<void>
}

/** A store that was made, what makes it ready, and how to end what it stands on. */
interface Made {
  readonly store: SessionStore
  readonly start?: () => Promise<unknown>
  /** What the driver complained about last while it kept trying. */
  readonly lastError?: () => Error | undefined
  readonly end: () => unknown
}

/** How long (milliseconds) a server may take to answer when its store is opened. */
const OPEN_WITHIN = 5_000
/** How long (milliseconds) Redis may take to answer its last commands when its store is closed. */
const CLOSE_WITHIN = 2_000

const SCHEMES: Readonly<Record<string, (address: StoreAddress, url: string) => Promise<Made>>> = {
  memory: openMemory,
  file: openFile,
  sqlite: openSqlite,
  postgres: openPostgres,
  postgresql: openPostgres,
  mysql: openMysql,
  mariadb: openMysql,
  redis: openRedis,
  rediss: openRedis,
  'redis+cluster': openRedisCluster,
  'rediss+cluster': openRedisCluster,
  'redis+sentinel': openRedisSentinel,
  'rediss+sentinel': openRedisSentinel,
  memcached: openMemcached,
}

/**
 * The store that a URL names, ready for use: it has answered once, and tables are made where they are missing (unless
 * `?migrate=false`). Rejects with ERR_SESSION_CONFIG for a URL that cannot work or a driver that is not installed, and
 * with ERR_SESSION_STORE when the server does not answer. No message quotes the URL.
 */
export async function openStore(url: string): Promise<OpenedStore> {
  const address = parseAddress(url)
  const open = Object.hasOwn(SCHEMES, address.scheme) ? SCHEMES[address.scheme] : undefined
  if (open === undefined)
    throw badUrl(`\`${address.scheme}:\` is no kind of store. There are ${Object.keys(SCHEMES).join(', ')}`)
  const { store, start, lastError, end } = await open(address, url)
  const closeStore = store.close?.bind(store)
  let closed: Promise<void> | null = null
  const closing = async (): Promise<void> => {
    await closeStore?.()
    await end()
  }
  const close = (): Promise<void> => (closed ??= closing())
  try {
    if (start !== undefined) await answered(start, lastError)
    await answered(async () => store.get(recordId(newId())))
  } catch (error) {
    // What cannot be used can often not be closed in good order either.
    await close().catch(nothing)
    throw error
  }
  return Object.assign(store, { close })
}

async function openMemory({ options }: StoreAddress): Promise<Made> {
  const given = options.number('max')
  options.done()
  const { memoryStore } = await import('./memory.ts')
  return { store: memoryStore(given), end: nothing }
}

async function openFile({ hosts, path, options }: StoreAddress): Promise<Made> {
  const given = { ...options.flag('fsync'), ...options.number('timeout'), ...options.number('shardAfter') }
  options.done()
  const { fileStore } = await import('./file.ts')
  return { store: fileStore(localPath(hosts, path), given), end: nothing }
}

async function openSqlite({ hosts, path, options }: StoreAddress): Promise<Made> {
  const given = options.text('table')
  const { migrate = true } = options.flag('migrate')
  options.done()
  const file = localPath(hosts, path)
  const { sqliteStore } = await import('./sqlite.ts')
  type Database = Parameters<typeof sqliteStore>[0]['database'] & { close(): void }
  const { default: Database } = await driver<{ default: new (file: string) => Database }>(
    'better-sqlite3',
    'sqlite',
  )
  const database = new Database(file)
  try {
    const store = sqliteStore({ database, ...given })
    if (migrate) await store.migrate()
    return { store, end: () => database.close() }
  } catch (error) {
    database.close()
    throw error
  }
}

async function openPostgres({ options }: StoreAddress, url: string): Promise<Made> {
  const given = { ...options.text('table'), ...options.number('timeout') }
  const { migrate = true } = options.flag('migrate')
  const { postgresStore } = await import('./postgres.ts')
  type Pool = Parameters<typeof postgresStore>[0]['pool'] & { end(): Promise<void> }
  const { default: pg } = await driver<{ default: { Pool: new (options: object) => Pool } }>('pg', 'postgres')
  const connectionString = withQuery(url, options.rest())
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: OPEN_WITHIN })
  const store = postgresStore({ pool, ...given })
  return { store, ...(migrate && { start: () => store.migrate() }), end: () => pool.end() }
}

async function openMysql({ options }: StoreAddress, url: string): Promise<Made> {
  const given = { ...options.text('table'), ...options.number('timeout') }
  const { migrate = true } = options.flag('migrate')
  const { mysqlStore } = await import('./mysql.ts')
  type Pool = Parameters<typeof mysqlStore>[0]['pool'] & { end(): Promise<void> }
  const { createPool } = await driver<{ createPool: (options: object) => Pool }>(
    'mysql2',
    'mysql',
    '/promise',
  )
  const uri = withQuery(url, options.rest()).replace(/^mariadb:/i, 'mysql:')
  const pool = understood(() => createPool({ uri, connectTimeout: OPEN_WITHIN }))
  const store = mysqlStore({ pool, ...given })
  return { store, ...(migrate && { start: () => store.migrate() }), end: () => pool.end() }
}

/** What is used of the package `redis`. */
interface RedisPackage {
  readonly createClient: (options: object) => RedisConnection
  readonly createCluster: (options: object) => RedisConnection
  readonly createSentinel: (options: object) => RedisConnection
}

interface RedisConnection {
  readonly isOpen: boolean
  readonly isReady: boolean
  on(event: 'error', listener: (error: Error) => void): unknown
  connect(): Promise<unknown>
  close(): Promise<unknown>
  destroy(): unknown
  /** Of a cluster. */
  readonly masters?: readonly { readonly client?: { destroy(): unknown } }[]
  sendCommand(...words: never[]): Promise<unknown>
}

async function openRedis(address: StoreAddress, url: string): Promise<Made> {
  const driverUrl = withQuery(url, '')
  return connected(address, ({ createClient }, signal) =>
    createClient({ url: driverUrl, socket: { signal } }),
  )
}

async function openRedisCluster(address: StoreAddress): Promise<Made> {
  const { scheme, hosts } = address
  if (hosts.length === 0)
    throw badUrl('it needs at least one server of the cluster, as in redis+cluster://a:6379,b:6379')
  return connected(address, ({ createCluster }, signal) =>
    createCluster({
      rootNodes: hosts.map((host) => ({ url: `${scheme.slice(0, -'+cluster'.length)}://${host}` })),
      defaults: { ...login(address), socket: socketOptions(address, signal) },
    }),
  )
}

async function openRedisSentinel(address: StoreAddress): Promise<Made> {
  const { hosts, path } = address
  if (hosts.length === 0)
    throw badUrl('it needs at least one Sentinel, as in redis+sentinel://a:26379,b:26379/mymaster')
  return connected(address, ({ createSentinel }, signal) =>
    createSentinel({
      name: path.slice(1) || 'mymaster',
      sentinelRootNodes: hosts.map((host) => hostAndPort(host, 26_379)),
      nodeClientOptions: { ...login(address), socket: socketOptions(address, signal) },
      sentinelClientOptions: { socket: socketOptions(address, signal) },
    }),
  )
}

function login({ user, password }: StoreAddress): object {
  return {
    ...(user === '' ? {} : { username: user }),
    ...(password === '' ? {} : { password }),
  }
}

function socketOptions({ scheme }: StoreAddress, signal: AbortSignal): object {
  return scheme.startsWith('rediss') ? { tls: true, signal } : { signal }
}

async function connected(
  { options }: StoreAddress,
  make: (redis: RedisPackage, signal: AbortSignal) => RedisConnection,
): Promise<Made> {
  const given = {
    ...options.text('prefix'),
    ...options.number('waitReplicas'),
    ...options.number('waitTimeout'),
  }
  options.done()
  const { redisStore } = await import('./redis.ts')
  const redis = await driver<RedisPackage>('redis', 'redis')
  const stop = new AbortController()
  // As many as there are connections, which Node would take for a leak.
  setMaxListeners(0, stop.signal)
  const client = understood(() => make(redis, stop.signal))
  const store = redisStore({ client, ...given })
  // Each command tells its own failure; but without a listener Node would end the process.
  let last: Error | undefined
  client.on('error', (error) => {
    last = error
  })
  const start = async (): Promise<void> => {
    await client.connect()
    // Node lets go of no socket that ever listened; from here on the client knows all of its own.
    stop.signal.addEventListener = nothing
  }
  return { store, start, lastError: () => last, end: () => ended(client, stop) }
}

/** Closes a client once its last commands are answered, and ends all of its connections where they are not. */
async function ended(client: RedisConnection, stop: AbortController): Promise<void> {
  // A cluster that is closing has forgotten its nodes already.
  const parts = [client, ...(client.masters ?? []).map((node) => node.client)]
  const isClosed =
    client.isReady &&
    (await within(CLOSE_WITHIN, async () => client.close()).then(
      () => true,
      () => false,
    ))
  if (isClosed) return
  // Settled, because `redis` 5 complains about a client that is closing, after it has ended it.
  const destroyed = Promise.allSettled(parts.map(async (part) => part?.destroy()))
  // The connections over which it looks for a cluster's nodes or asks Sentinels it does not end by itself, and waits for.
  stop.abort()
  await destroyed
}

async function openMemcached({ hosts, path, options }: StoreAddress): Promise<Made> {
  const given = { ...options.text('prefix'), ...options.number('timeout') }
  options.done()
  const { memcachedStore } = await import('./memcached.ts')
  const servers =
    hosts.length === 0 ? [path] : hosts.map((host) => (/:\d+$/.test(host) ? host : `${host}:11211`))
  return { store: memcachedStore({ servers, ...given }), end: nothing }
}

/** Waits for a server's first answer; what goes wrong is told as the cause, because a driver's words may say too much. */
async function answered<T>(work: () => Promise<T>, lastError?: () => Error | undefined): Promise<T> {
  try {
    return await within(OPEN_WITHIN, work, lastError)
  } catch (error) {
    if (error instanceof SessionError) throw error
    throw new SessionError(
      'ERR_SESSION_STORE',
      "openStore: the store's server could not be used; `cause` is what its driver said. Look at the address, the login and the server.",
      { cause: error },
    )
  }
}

async function within<T>(
  ms: number,
  work: () => Promise<T>,
  lastError?: () => Error | undefined,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const silence = new Error(`no answer within ${ms} ms`)
    timer = setTimeout(() => reject(lastError?.() ?? silence), ms)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Loads a driver by its name, so that bundlers and installs do without the ones that are not used. */
async function driver<Package>(name: string, scheme: string, door: string = ''): Promise<Package> {
  try {
    return (await import(name + door)) as Package
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      `openStore: a ${scheme}: URL needs the package ${name}, which is not installed: npm install ${name}`,
      { cause: error },
    )
  }
}

function localPath(hosts: readonly string[], path: string): string {
  if (hosts.length > 0)
    throw badUrl('a path has one or three slashes before it, as in file:sessions or file:///var/lib/sessions')
  if (path === '') throw badUrl('it names no path, as in file:flask_session or sqlite:sessions.db')
  return path
}

/** The URL for a driver, with our own options gone. A driver's complaint would quote it, so it is tried here first. */
function withQuery(url: string, query: string): string {
  const rest = url.replace(/\?.*$/s, '') + query
  // Without a host, PostgreSQL's socket is among the options.
  if (!URL.canParse(rest.replace('@/', '@host/')))
    throw badUrl('it has no host or port that can be understood')
  return rest
}

/** What a driver makes of the URL; its complaint, which may quote it, is not passed on. */
function understood<Client>(make: () => Client): Client {
  try {
    return make()
  } catch {
    throw badUrl('its driver does not understand the path or an option')
  }
}

function hostAndPort(address: string, port: number): { host: string; port: number } {
  const [, host = address, given] = /^(.+):(\d+)$/.exec(address) ?? []
  return { host, port: given === undefined ? port : Number(given) }
}

function nothing(): void {}
