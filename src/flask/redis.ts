import type {
  Outcome,
  Page,
  Renewal,
  SessionIds,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreEvent,
  Version,
} from '../contracts/store.ts'
import type { Serializer } from '../contracts/serializer.ts'
import { toUtf8 } from '../lib/byte-text.ts'
import { cachelibRedis } from '../serializers/cachelib.ts'
import { redisServers } from '../stores/redis/client.ts'
import { RedisCommands } from '../stores/redis/commands.ts'
import { isWrongType } from '../stores/redis/errors.ts'
import { pageOf } from '../stores/redis/pages.ts'
import { countOf, outcomeOf, textOf } from '../stores/redis/reply.ts'
import type { RedisClient } from '../stores/redis.ts'
import { isFlaskId, layoutOf, serializerOf, timesOf, unlistable } from './layout.ts'
import type { FlaskFormat, FlaskLayoutOptions, Layout } from './layout.ts'
import { inBytes } from './redis-bytes.ts'
import { CREATE, END, READ, ROTATE, UPDATE } from './redis-scripts.ts'

/** Options of `flaskRedisStore`. */
export interface FlaskRedisStoreOptions extends FlaskLayoutOptions {
  /** A client of the package `redis` or `ioredis` that the app made, connects and closes. */
  readonly client: RedisClient
  /** SESSION_SERIALIZATION_FORMAT: what is written; `msgpack` and `json` read each other. `cachelib`: its RedisCache, alone. Default `msgpack`. */
  readonly format?: FlaskFormat | 'cachelib'
}

/** How long (milliseconds) a new id may stand before the old one has ended, in a cluster. */
const PROVISIONAL = 60_000

/**
 * The sessions of Flask-Session 0.8 in Redis 6.2 or newer, or Valkey: the Flask app's own records, read and written by
 * both. Throws ERR_SESSION_CONFIG for a client or an option that cannot work; its methods reject with what Redis said.
 */
export function flaskRedisStore(options: FlaskRedisStoreOptions): SessionStore {
  const { client, format = 'msgpack' } = options
  const layout = layoutOf(options, owner)
  const serializer = format === 'cachelib' ? cachelibRedis : serializerOf(format, owner)
  // Whether it is a client is asked of the client itself, not of the view.
  redisServers(client)
  return new FlaskRedisStore(new RedisCommands(redisServers(inBytes(client)), null), layout, serializer)
}

const owner = 'flaskRedisStore'

class FlaskRedisStore implements SessionStore {
  readonly kind = 'flask-redis'
  readonly ids: SessionIds
  readonly serializer: Serializer
  readonly keepsTimes = false
  readonly flask: Layout['rules']
  readonly #commands: RedisCommands
  readonly #prefix: string
  readonly #lifetime: number
  /** Whether two sessions may lie on two servers, which no script can change in one step. */
  readonly #apart: boolean
  #report: ((event: StoreEvent) => void) | null = null

  constructor(commands: RedisCommands, { ids, prefix, lifetime, rules }: Layout, serializer: Serializer) {
    this.ids = ids
    this.serializer = serializer
    this.flask = rules
    this.#commands = commands
    this.#prefix = toUtf8(prefix)
    this.#lifetime = lifetime
    this.#apart = commands.servers.clustered && !/^[^{]*\{[^}]+\}/.test(prefix)
  }

  async get(id: string, renewal?: Renewal): Promise<StoredRecord | null> {
    const [least, ttl] = bounds(renewal)
    let reply: unknown
    try {
      reply = await this.#commands.ask(READ, [this.#keyOf(id)], least, ttl)
    } catch (error) {
      if (!isWrongType(error)) throw error
      this.#report?.({ type: 'corrupt', id, reason: 'the key holds another type than a string' })
      return null
    }
    const [value, left]: readonly unknown[] = Array.isArray(reply) ? reply : []
    const data = value === undefined ? null : textOf(value)
    // Flask-Session takes an empty value for none.
    if (data === null || data === '') return null
    const isRenewed = renewal !== undefined && countOf(left) === Number(ttl)
    const times = isRenewed ? timesOf(renewal.expiresAt, 0, renewal.seenAt) : this.#times(countOf(left))
    return { id, data, version: data, ...times }
  }

  async create(record: SessionRecord): Promise<boolean> {
    return this.#create(record, ttlOf(record))
  }

  async update(record: SessionRecord, seen: Version): Promise<Outcome> {
    const key = this.#keyOf(record.id)
    return outcomeOf(await this.#commands.run(UPDATE, [key], record.data, ttlOf(record), String(seen)))
  }

  async rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    if (this.#apart) return this.#rotateApart(from, record, String(seen))
    const keys = [this.#keyOf(from), this.#keyOf(record.id)] as const
    return outcomeOf(await this.#commands.run(ROTATE, keys, record.data, ttlOf(record), String(seen)))
  }

  async touch(id: string, seenAt: number, expiresAt: number): Promise<boolean> {
    return countOf(await this.#commands.write('PEXPIRE', this.#keyOf(id), ttlOf({ seenAt, expiresAt }))) === 1
  }

  async delete(id: string): Promise<boolean> {
    return countOf(await this.#commands.write('DEL', this.#keyOf(id))) === 1
  }

  list(): readonly SessionInfo[] {
    throw unlistable(owner)
  }

  async page(cursor: string | null, limit: number): Promise<Page> {
    const primaries = await this.#commands.primaries()
    const peek = (ids: readonly string[]): Promise<(SessionInfo | null)[]> =>
      Promise.all(ids.map((id) => this.#peek(id)))
    return pageOf({ primaries, prefix: this.#prefix, ids: '*', peek }, cursor, limit)
  }

  /** Redis removes what expired by itself. */
  gc(): number {
    return 0
  }

  attach(report: (event: StoreEvent) => void): void {
    this.#report = report
  }

  async #create(record: SessionRecord, ttl: string): Promise<boolean> {
    return countOf(await this.#commands.run(CREATE, [this.#keyOf(record.id)], record.data, ttl)) === 1
  }

  /** Over two servers: born for a minute, then the old one ends, which decides it, then the new one is given its time. */
  async #rotateApart(from: string, record: SessionRecord, seen: string): Promise<Outcome> {
    if (!(await this.#create(record, String(PROVISIONAL)))) return 'conflict'
    const ended = outcomeOf(await this.#commands.run(END, [this.#keyOf(from)], seen))
    if (ended !== 'done') {
      await this.delete(record.id)
      return ended
    }
    return (await this.touch(record.id, record.seenAt, record.expiresAt)) ? 'done' : 'gone'
  }

  async #peek(id: string): Promise<SessionInfo | null> {
    if (!isFlaskId(id)) return null
    const key = this.#keyOf(id)
    try {
      const [size, left] = await Promise.all([
        this.#commands.read('STRLEN', key),
        this.#commands.read('PTTL', key),
      ])
      // Expired, or empty: no session, as for `get`.
      return countOf(left) === -2 || countOf(size) === 0
        ? null
        : { id, size: countOf(size), ...this.#times(countOf(left)) }
    } catch (error) {
      if (isWrongType(error)) return null
      throw error
    }
  }

  #times(left: number): Omit<SessionInfo, 'id' | 'size'> {
    return timesOf(left < 0 ? never : Date.now() + left, this.#lifetime)
  }

  #keyOf(id: string): string {
    return this.#prefix + id
  }
}

/** The last moment that a Date can name: for keys without an expiry. */
const never = 8_640_000_000_000_000

/** How little time may be left before it is renewed, and to what. What was seen long ago has little left. */
function bounds(renewal: Renewal | undefined): [least: string, ttl: string] {
  if (renewal === undefined) return ['0', '0']
  const { seenBefore, seenAt, expiresAt } = renewal
  return [String(Math.ceil(expiresAt - seenAt - (seenAt - seenBefore))), ttlOf(renewal)]
}

/** A length of time, so that no difference between this machine's clock and Redis's can shorten a life. */
function ttlOf({ seenAt, expiresAt }: { readonly seenAt: number; readonly expiresAt: number }): string {
  return String(Math.max(1, Math.ceil(expiresAt - seenAt)))
}
