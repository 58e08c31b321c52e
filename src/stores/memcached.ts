import { hash } from 'node:crypto'
import type {
  Outcome,
  Page,
  Renewal,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreEvent,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { isId } from '../lib/id.ts'
import { randomBytes } from '../lib/random.ts'
import { MemcachedConnection } from './memcached-connection.ts'
import type { Reply } from './memcached-connection.ts'
import { decodeRecord, encodeRecord } from './stamped-record.ts'

/** Options of `memcachedStore`. */
export interface MemcachedStoreOptions {
  /** `host:port` or the path of a socket; several share the sessions among them. Default `127.0.0.1:11211`. */
  readonly servers?: string | readonly string[]
  /** What all keys begin with: at most 200 visible ASCII characters. Default `hipflask:`. */
  readonly prefix?: string
  /** How long (milliseconds) an answer may take before the connection is given up. Default 2000. */
  readonly timeout?: number
}

/** A store that lists nothing: `list` and `page` throw ERR_SESSION_UNSUPPORTED. */
export interface MemcachedStore extends SessionStore {
  close(): void
}

/** A record as it was read, with the token that a swap of it must name. */
interface Found {
  readonly record: StoredRecord
  readonly token: string
}

/** How long (seconds) a record stays after its `expiresAt`: the engine, not memcached's clock, decides who is dead. */
const MARGIN = 60
/** Beyond this (seconds) memcached takes a time for a date. */
const LONGEST_SPAN = 2_592_000
/** The last date memcached understands (seconds since 1970). */
const LAST_DATE = 2_147_483_647
/** A time that is over: a swap to it is a deletion under the condition that nobody was faster. */
const OVER = -1
/** So often a swap is tried again because somebody was faster; each time another one's went through. */
const MOST_TRIES = 200

/**
 * A store in memcached 1.4 or newer, over connections of its own. Sessions vanish when memcached is restarted or needs
 * the room; one of more than its largest item (1 MB by default) is ERR_SESSION_SIZE. Throws ERR_SESSION_CONFIG for
 * options that cannot work; its methods reject when memcached fails, nothing acknowledged.
 */
export function memcachedStore(options: MemcachedStoreOptions = {}): MemcachedStore {
  const { servers = '127.0.0.1:11211', prefix = 'hipflask:', timeout = 2000 } = options
  const names = typeof servers === 'string' ? [servers] : [...servers]
  if (
    names.length === 0 ||
    !names.every((name) => typeof name === 'string' && /^(?:\/.+|(?:\[[^\]]+\]|[^:\s]+):\d{1,5})$/.test(name))
  )
    throw config('servers must name at least one server, such as "127.0.0.1:11211" or "/run/memcached.sock"')
  if (typeof prefix !== 'string' || !/^[!-~]{0,200}$/.test(prefix))
    throw config('prefix must be at most 200 visible ASCII characters, such as "myapp:"')
  if (!Number.isFinite(timeout) || timeout <= 0)
    throw config('timeout must be a number of milliseconds above 0')
  return new Memcached(names, prefix, timeout)
}

class Memcached implements MemcachedStore {
  readonly kind = 'memcached'
  readonly #servers: readonly { readonly name: string; readonly connection: MemcachedConnection }[]
  readonly #prefix: string
  #report: ((event: StoreEvent) => void) | null = null

  constructor(names: readonly string[], prefix: string, timeout: number) {
    this.#servers = names.map((name) => ({ name, connection: new MemcachedConnection(name, timeout) }))
    this.#prefix = prefix
  }

  async get(id: string, renewal?: Renewal): Promise<StoredRecord | null> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const found = await this.#find(id)
      if (found === null) return null
      const { record } = found
      if (renewal === undefined || record.seenAt >= renewal.seenBefore || record.expiresAt <= renewal.seenAt)
        return record
      const renewed = { ...record, ...timesWithin(record, renewal.seenAt, renewal.expiresAt) }
      const outcome = await this.#swap(renewed, String(record.version), found.token)
      if (outcome === 'done') return renewed
      if (outcome === 'gone') return null
    }
    throw contended()
  }

  async create(record: SessionRecord): Promise<boolean> {
    if (!isId(record.id)) {
      throw new SessionError('ERR_SESSION_USE', 'memcachedStore: `record.id` is no id of a session.')
    }
    const { line } = await this.#put('add', record, newStamp())
    return line === 'STORED'
  }

  async update(record: SessionRecord, seen: Version): Promise<Outcome> {
    const stamp = newStamp()
    return this.#while(record.id, seen, (token) => this.#swap(record, stamp, token))
  }

  /** The new record first: its id is known to nobody until this has answered, so there are never two sessions. */
  async rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    const found = await this.#find(from)
    if (found === null) return 'gone'
    if (found.record.version !== seen || !(await this.create(record))) return 'conflict'
    const outcome = await this.#while(from, seen, (token) => this.#end(from, token))
    if (outcome !== 'done') await this.delete(record.id)
    return outcome
  }

  async touch(id: string, seenAt: number, expiresAt: number): Promise<boolean> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const found = await this.#find(id)
      if (found === null) return false
      const { record, token } = found
      const touched = { ...record, ...timesWithin(record, seenAt, expiresAt) }
      const outcome = await this.#swap(touched, String(record.version), token)
      if (outcome !== 'conflict') return outcome === 'done'
    }
    throw contended()
  }

  async delete(id: string): Promise<boolean> {
    if (!isId(id)) return false
    const { line } = await this.#request(id, `delete ${this.#prefix}${id}`)
    return line === 'DELETED'
  }

  list(): readonly SessionInfo[] {
    throw unlistable()
  }

  page(): Page {
    throw unlistable()
  }

  /** memcached removes what expired by itself. */
  gc(): number {
    return 0
  }

  attach(report: (event: StoreEvent) => void): void {
    this.#report = report
  }

  close(): void {
    for (const { connection } of this.#servers) connection.close()
  }

  /** Repeats `change` as long as it fails although the record is still the version seen: only its times were renewed. */
  async #while(id: string, seen: Version, change: (token: string) => Promise<Outcome>): Promise<Outcome> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const found = await this.#find(id)
      if (found === null) return 'gone'
      if (found.record.version !== seen) return 'conflict'
      const outcome = await change(found.token)
      if (outcome !== 'conflict') return outcome
    }
    throw contended()
  }

  async #find(id: string): Promise<Found | null> {
    // An id stands in the protocol's line: what is none must not get there.
    if (!isId(id)) return null
    const { item } = await this.#request(id, `gets ${this.#prefix}${id}`)
    if (item === null) return null
    const record = decodeRecord(id, item.text)
    if (record !== null) return { record, token: item.token }
    this.#report?.({ type: 'corrupt', id, reason: 'the value is not a session, or damaged' })
    return null
  }

  async #swap(record: SessionRecord, stamp: string, token: string): Promise<Outcome> {
    return outcomeOf(await this.#put('cas', record, stamp, token))
  }

  async #end(id: string, token: string): Promise<Outcome> {
    return outcomeOf(await this.#store('cas', id, OVER, '', token))
  }

  #put(command: 'add' | 'cas', record: SessionRecord, stamp: string, token?: string): Promise<Reply> {
    return this.#store(command, record.id, lifeOf(record), encodeRecord(record, stamp), token)
  }

  /** The protocol's order is: command, key, flags, time, length, token. */
  async #store(command: string, id: string, life: number, text: string, token = ''): Promise<Reply> {
    const value = Buffer.from(text)
    try {
      return await this.#request(id, `${command} ${this.#prefix}${id} 0 ${life}`, value, token)
    } catch (error) {
      throw explained(error, value.length)
    }
  }

  #request(id: string, line: string, value?: Buffer, token?: string): Promise<Reply> {
    return this.#serverOf(id).request(line, value, token)
  }

  /** Rendezvous hashing: each server keeps its sessions when others come or go. */
  #serverOf(id: string): MemcachedConnection {
    let [chosen] = this.#servers
    if (this.#servers.length > 1) {
      let highest = ''
      for (const server of this.#servers) {
        const rank = hash('sha256', `${id} ${server.name}`, 'hex')
        if (rank > highest) [highest, chosen] = [rank, server]
      }
    }
    return chosen!.connection
  }
}

function timesWithin(
  { endsAt }: SessionRecord,
  seenAt: number,
  expiresAt: number,
): { seenAt: number; expiresAt: number } {
  return { seenAt, expiresAt: Math.min(expiresAt, endsAt) }
}

function outcomeOf({ line }: Reply): Outcome {
  return line === 'STORED' ? 'done' : line === 'EXISTS' ? 'conflict' : 'gone'
}

/** From the record's own times; the clock is asked only because memcached wants a date for what lasts longer than 30 days. */
function lifeOf({ seenAt, expiresAt }: SessionRecord): number {
  const seconds = Math.ceil(Math.max(0, expiresAt - seenAt) / 1000) + MARGIN
  return seconds <= LONGEST_SPAN ? seconds : Math.min(LAST_DATE, Math.floor(Date.now() / 1000) + seconds)
}

function newStamp(): string {
  return randomBytes(12).toString('base64url')
}

function explained(error: unknown, bytes: number): unknown {
  if (!(error instanceof Error) || error instanceof SessionError) return error
  if (error.message.includes('too large'))
    return new SessionError(
      'ERR_SESSION_SIZE',
      `memcachedStore: memcached refuses a session of ${bytes} bytes, which is more than its largest item (1 MB unless it was started with -I). Keep less in the session, or lower \`maxBytes\`.`,
      { cause: error },
    )
  return new SessionError(
    'ERR_SESSION_STORE',
    'memcachedStore: memcached could not store a session; `cause` is its answer. Look at its memory limit (-m).',
    { cause: error },
  )
}

function unlistable(): SessionError {
  return new SessionError(
    'ERR_SESSION_UNSUPPORTED',
    'memcachedStore: memcached cannot list what it holds, so sessions kept there can be neither listed nor ended by user. Use another store for that.',
  )
}

function contended(): SessionError {
  return new SessionError(
    'ERR_SESSION_CONTENTION',
    'memcachedStore: others renewed this session faster than this request could write it. Try again.',
  )
}

function config(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `memcachedStore: ${problem}.`)
}
