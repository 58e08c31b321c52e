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
import { randomBytes } from '../lib/random.ts'
import { redisServers } from './redis/client.ts'
import type { RedisClient } from './redis/client.ts'
import { RedisCommands } from './redis/commands.ts'
import { isWrongType } from './redis/errors.ts'
import { decodeRecord, encodeRecord, MAGIC, ownerOf, time } from './stamped-record.ts'
import { pageOf } from './redis/pages.ts'
import { peekWith } from './redis/peek.ts'
import type { Peek } from './redis/peek.ts'
import { countOf, outcomeOf, textOf } from './redis/reply.ts'
import { CREATE, END, MARGIN, RENEW, ROTATE, TOUCH, UPDATE } from './redis/scripts.ts'
import { RedisUsers } from './redis/users.ts'

export type { RedisClient } from './redis/client.ts'

/** Options of `redisStore`. */
export interface RedisStoreOptions {
  /** A client the app made, connects and closes. */
  readonly client: RedisClient
  /** What the names of all keys begin with. Default `hipflask:`; one with a hash tag (`{app}:`) keeps a cluster's sessions in one slot. */
  readonly prefix?: string
  /** How many replicas must have a write before it is acknowledged; 0 (default) waits for none. */
  readonly waitReplicas?: number
  /** How long (milliseconds) replicas may take to confirm; then the write is an error. Default 500. */
  readonly waitTimeout?: number
}

/** How long (milliseconds) a new id may stand before the old one has ended, in a cluster; a rotation cut short is then as if it had not begun. */
const PROVISIONAL = 60_000

/**
 * A store in Redis 6.2 or newer or Valkey: one key per session, in a standalone server, behind Sentinel or in a cluster.
 * Throws ERR_SESSION_CONFIG for a client or an option that cannot work; its methods reject with what the client or Redis
 * said, nothing acknowledged.
 */
export function redisStore(options: RedisStoreOptions): SessionStore {
  const { client, prefix = 'hipflask:', waitReplicas = 0, waitTimeout = 500 } = options
  if (typeof prefix !== 'string' || /\p{Surrogate}/u.test(prefix))
    throw new SessionError('ERR_SESSION_CONFIG', 'redisStore: prefix must be text, such as "myapp:".')
  if (!Number.isInteger(waitReplicas) || waitReplicas < 0)
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'redisStore: waitReplicas must be a whole number, 0 or more.',
    )
  if (!Number.isInteger(waitTimeout) || waitTimeout <= 0)
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'redisStore: waitTimeout must be whole milliseconds above 0.',
    )
  const replicas = waitReplicas === 0 ? null : { count: waitReplicas, timeout: waitTimeout }
  return new RedisStore(new RedisCommands(redisServers(client), replicas), prefix)
}

class RedisStore implements SessionStore {
  readonly kind = 'redis'
  readonly #commands: RedisCommands
  readonly #prefix: string
  readonly #peek: Peek
  readonly #users: RedisUsers
  /** Whether two sessions may lie on two servers, which no script can change in one step. */
  readonly #apart: boolean
  #report: ((event: StoreEvent) => void) | null = null

  constructor(commands: RedisCommands, prefix: string) {
    this.#commands = commands
    this.#prefix = prefix
    this.#apart = commands.servers.clustered && !/^[^{]*\{[^}]+\}/.test(prefix)
    this.#peek = peekWith({
      commands,
      apart: this.#apart,
      keyOf: (id) => this.#keyOf(id),
      corrupt: (id, text) => this.#corrupt(id, reasonFor(text)),
    })
    this.#users = new RedisUsers(commands, prefix, this.#peek)
  }

  async get(id: string, renewal?: Renewal): Promise<StoredRecord | null> {
    const key = this.#keyOf(id)
    let reply: unknown
    try {
      reply =
        renewal === undefined
          ? await this.#commands.read('GET', key)
          : await this.#commands.ask(
              RENEW,
              [key],
              time(renewal.seenBefore),
              time(renewal.seenAt),
              time(renewal.expiresAt),
            )
    } catch (error) {
      if (!isWrongType(error)) throw error
      return this.#corrupt(id, 'the key holds another type than a string')
    }
    const text = textOf(reply)
    if (text === null) return null
    return decodeRecord(id, text) ?? this.#corrupt(id, reasonFor(text))
  }

  async create(record: SessionRecord): Promise<boolean> {
    await this.#users.enlist(record)
    return this.#create(record, ttlOf(record))
  }

  async update(record: SessionRecord, seen: Version): Promise<Outcome> {
    const stamp = newStamp()
    const send = (owner: string): Promise<unknown> =>
      this.#commands.run(
        UPDATE,
        [this.#keyOf(record.id)],
        encodeRecord(record, stamp),
        ttlOf(record),
        stamp,
        String(seen),
        owner,
        time(record.endsAt),
      )
    const reply = await send(record.user === null ? '' : ownerOf(record.user))
    if (textOf(reply) !== 'unlisted') return outcomeOf(reply)
    await this.#users.enlist(record)
    return outcomeOf(await send(''))
  }

  async rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    await this.#users.enlist(record)
    return this.#apart ? this.#rotateApart(from, record, seen) : this.#rotate(from, record, seen)
  }

  async touch(id: string, seenAt: number, expiresAt: number): Promise<boolean> {
    return countOf(await this.#commands.run(TOUCH, [this.#keyOf(id)], time(seenAt), time(expiresAt))) === 1
  }

  async delete(id: string): Promise<boolean> {
    return countOf(await this.#commands.write('DEL', this.#keyOf(id))) === 1
  }

  list(user: string): Promise<readonly SessionInfo[]> {
    return this.#users.list(user)
  }

  async page(cursor: string | null, limit: number): Promise<Page> {
    const primaries = await this.#commands.primaries()
    return pageOf({ primaries, prefix: this.#prefix, ids: '?'.repeat(43), peek: this.#peek }, cursor, limit)
  }

  /** Redis removes what expired by itself, and an index is tidied by those who write and read it. */
  gc(): number {
    return 0
  }

  attach(report: (event: StoreEvent) => void): void {
    this.#report = report
  }

  async #create(record: SessionRecord, ttl: string): Promise<boolean> {
    const stamp = newStamp()
    const text = encodeRecord(record, stamp)
    return countOf(await this.#commands.run(CREATE, [this.#keyOf(record.id)], text, ttl, stamp)) === 1
  }

  async #rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    const stamp = newStamp()
    const keys = [this.#keyOf(from), this.#keyOf(record.id)] as const
    const text = encodeRecord(record, stamp)
    return outcomeOf(await this.#commands.run(ROTATE, keys, text, ttlOf(record), stamp, String(seen)))
  }

  /** Over two servers: born for a minute, then the old one ends, which decides it, then the new one is given its time. */
  async #rotateApart(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    if (!(await this.#create(record, String(PROVISIONAL)))) return 'conflict'
    const ended = outcomeOf(await this.#commands.run(END, [this.#keyOf(from)], String(seen)))
    if (ended !== 'done') {
      await this.delete(record.id)
      return ended
    }
    const stays = countOf(await this.#commands.write('PEXPIRE', this.#keyOf(record.id), ttlOf(record))) === 1
    return stays ? 'done' : 'gone'
  }

  #corrupt(id: string, reason: string): null {
    this.#report?.({ type: 'corrupt', id, reason })
    return null
  }

  #keyOf(id: string): string {
    return this.#prefix + id
  }
}

/** From the record's own times, so that no difference between this machine's clock and Redis's can shorten a life. */
function ttlOf({ seenAt, expiresAt }: SessionRecord): string {
  return String(Math.ceil(Math.max(0, expiresAt - seenAt)) + MARGIN)
}

function newStamp(): string {
  return randomBytes(12).toString('base64url')
}

function reasonFor(text: string): string {
  return text.startsWith(MAGIC) ? 'the record is damaged' : 'the value is not a session'
}
