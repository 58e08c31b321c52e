import type { Serializer } from '../contracts/serializer.ts'
import type {
  Outcome,
  Page,
  Renewal,
  SessionIds,
  SessionInfo,
  SessionRecord,
  StoredRecord,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { MemcachedConnection } from '../stores/memcached-connection.ts'
import type { Reply } from '../stores/memcached-connection.ts'
import type { MemcachedStore } from '../stores/memcached.ts'
import { isFlaskId, layoutOf, serializerOf, timesOf, unlistable } from './layout.ts'
import type { FlaskFormat, FlaskLayoutOptions, Layout } from './layout.ts'

/** Options of `flaskMemcachedStore`. */
export interface FlaskMemcachedStoreOptions extends FlaskLayoutOptions {
  /** `host:port` or the path of a socket: one, for each Python client spreads sessions over several in a way of its own. Default `127.0.0.1:11211`. */
  readonly server?: string
  /** SESSION_SERIALIZATION_FORMAT: what is written; both are read. Default `msgpack`. */
  readonly format?: FlaskFormat
  /** How long (milliseconds) an answer may take before the connection is given up. Default 2000. */
  readonly timeout?: number
}

/** Beyond this (seconds) memcached takes a time for a date. */
const LONGEST_SPAN = 2_592_000
/** The last date memcached understands (seconds since 1970). */
const LAST_DATE = 2_147_483_647
/** A time that is over: a swap to it is a deletion under the condition that nobody was faster. */
const OVER = -1

/**
 * The sessions of Flask-Session 0.8 in memcached 1.5.3 or newer, over a connection of its own: the Flask app's own
 * records. Throws ERR_SESSION_CONFIG for options that cannot work; its methods reject when memcached fails.
 */
export function flaskMemcachedStore(options: FlaskMemcachedStoreOptions = {}): MemcachedStore {
  const { server = '127.0.0.1:11211', timeout = 2000 } = options
  const layout = layoutOf(options, owner)
  if (typeof server !== 'string' || !/^(?:\/.+|(?:\[[^\]]+\]|[^:\s]+):\d{1,5})$/.test(server))
    throw config('`server` must be one server, such as "127.0.0.1:11211" or "/run/memcached.sock"')
  if (!/^[!-~]{0,50}$/.test(layout.prefix))
    throw config('`prefix` must be at most 50 visible ASCII characters, such as "session:"')
  if (!Number.isFinite(timeout) || timeout <= 0)
    throw config('`timeout` must be a number of milliseconds above 0')
  const connection = new MemcachedConnection(server, timeout, 'latin1')
  return new FlaskMemcachedStore(connection, layout, serializerOf(options.format, owner))
}

const owner = 'flaskMemcachedStore'

class FlaskMemcachedStore implements MemcachedStore {
  readonly kind = 'flask-memcached'
  readonly ids: SessionIds
  readonly serializer: Serializer
  readonly keepsTimes = false
  readonly flask: Layout['rules']
  readonly #connection: MemcachedConnection
  readonly #prefix: string
  readonly #lifetime: number

  constructor(
    connection: MemcachedConnection,
    { ids, prefix, lifetime, rules }: Layout,
    serializer: Serializer,
  ) {
    this.ids = ids
    this.serializer = serializer
    this.flask = rules
    this.#connection = connection
    this.#prefix = prefix
    this.#lifetime = lifetime
  }

  /** memcached does not say when an item expires: a renewal always applies, and without one the latest time is answered. */
  async get(id: string, renewal?: Renewal): Promise<StoredRecord | null> {
    if (!isFlaskId(id)) return null
    const { item } = await this.#connection.request(
      renewal === undefined ? `gets ${this.#keyOf(id)}` : `gats ${lifeOf(renewal)} ${this.#keyOf(id)}`,
    )
    // Flask-Session takes an empty value for none.
    if (item === null || item.text === '') return null
    const times =
      renewal === undefined
        ? timesOf(Date.now() + this.#lifetime, this.#lifetime)
        : timesOf(renewal.expiresAt, this.#lifetime, renewal.seenAt)
    return { id, data: item.text, version: item.token, ...times }
  }

  async create(record: SessionRecord): Promise<boolean> {
    return (await this.#store('add', record.id, lifeOf(record), record.data)).line === 'STORED'
  }

  async update(record: SessionRecord, seen: Version): Promise<Outcome> {
    return outcomeOf(await this.#store('cas', record.id, lifeOf(record), record.data, String(seen)))
  }

  /** The new record first: its id is known to nobody until this has answered, so there are never two sessions. */
  async rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    if (!(await this.create(record))) return 'conflict'
    const outcome = outcomeOf(await this.#store('cas', from, OVER, '', String(seen)))
    if (outcome !== 'done') await this.delete(record.id)
    return outcome
  }

  async touch(id: string, seenAt: number, expiresAt: number): Promise<boolean> {
    if (!isFlaskId(id)) return false
    const { item } = await this.#connection.request(
      `gats ${lifeOf({ seenAt, expiresAt })} ${this.#keyOf(id)}`,
    )
    return item !== null
  }

  async delete(id: string): Promise<boolean> {
    if (!isFlaskId(id)) return false
    return (await this.#connection.request(`delete ${this.#keyOf(id)}`)).line === 'DELETED'
  }

  list(): readonly SessionInfo[] {
    throw unlistable(owner)
  }

  page(): Page {
    throw new SessionError(
      'ERR_SESSION_UNSUPPORTED',
      `${owner}: memcached cannot list what it holds, so no session there can be paged to, or revoked by its meta.id. Keep them in another store for that.`,
    )
  }

  /** memcached removes what expired by itself. */
  gc(): number {
    return 0
  }

  close(): void {
    this.#connection.close()
  }

  async #store(command: string, id: string, life: number, data: string, token: string = ''): Promise<Reply> {
    const line = `${command} ${this.#keyOf(id)} 0 ${life}`
    try {
      return await this.#connection.request(line, Buffer.from(data, 'latin1'), token)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('too large')) throw error
      throw new SessionError(
        'ERR_SESSION_SIZE',
        `${owner}: memcached refuses a session of ${data.length} bytes, which is more than its largest item (1 MB unless it was started with -I). Keep less in the session, or lower \`maxBytes\`.`,
        { cause: error },
      )
    }
  }

  #keyOf(id: string): string {
    return this.#prefix + id
  }
}

function outcomeOf({ line }: Reply): Outcome {
  return line === 'STORED' ? 'done' : line === 'EXISTS' ? 'conflict' : 'gone'
}

/** Seconds, or the date at which they are over where there are many; as Flask-Session counts. */
function lifeOf({ seenAt, expiresAt }: { readonly seenAt: number; readonly expiresAt: number }): number {
  const seconds = Math.max(1, Math.ceil((expiresAt - seenAt) / 1000))
  return seconds <= LONGEST_SPAN ? seconds : Math.min(LAST_DATE, Math.floor(Date.now() / 1000) + seconds)
}

function config(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `${owner}: ${problem}.`)
}
