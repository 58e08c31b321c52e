import type { SessionInfo, SessionRecord } from '../../contracts/store.ts'
import { SessionError } from '../../errors.ts'
import { chunks } from './peek.ts'
import type { Peek } from './peek.ts'
import type { RedisCommands } from './commands.ts'
import { ownerOf } from '../stamped-record.ts'
import { countOf, textsOf } from './reply.ts'
import { DELIST, ENLIST } from './scripts.ts'

/** An index outlives its last session by so much (milliseconds), whatever the clocks of the app's machines say. */
const SPARE = 86_400_000
/** With every so many entries, twice as many are looked at, so that dead ones never outnumber the living for long. */
const TIDY_EVERY = 64
/** Rounds of a listing, each of which only goes on because a session was rotated during the one before. */
const MOST_ROUNDS = 20

/**
 * Which sessions a user has: a sorted set per user, in a slot of its own. An entry is made before its record and only
 * taken out when the record was found missing, ten minutes later at the earliest; so what is live is always in it, and
 * what is in it counts only if its record says so.
 */
export class RedisUsers {
  readonly #commands: RedisCommands
  readonly #prefix: string
  readonly #peek: Peek

  constructor(commands: RedisCommands, prefix: string, peek: Peek) {
    this.#commands = commands
    this.#prefix = `${prefix}user:`
    this.#peek = peek
  }

  /** Enters a session; to be done before its record is written. */
  async enlist({ id, user, seenAt, endsAt }: SessionRecord): Promise<void> {
    if (user === null) return
    const key = this.#keyOf(user)
    const ttl = Math.ceil(Math.max(0, endsAt - seenAt) + SPARE)
    const entries = countOf(await this.#commands.run(ENLIST, [key], id, String(ttl)))
    if (entries % TIDY_EVERY === 0) await this.#tidy(user, key)
  }

  /**
   * Reading index and records takes several steps, during which a session may move on to a new id. It is entered under
   * the new one first, so: what was missing is looked at again, until a second look at unchanged entries finds no more.
   */
  async list(user: string): Promise<readonly SessionInfo[]> {
    const key = this.#keyOf(user)
    const found = new Map<string, SessionInfo>()
    let known = new Set<string>()
    let missing: readonly string[] = []
    for (let round = 0, looks = 0; round < MOST_ROUNDS; round++) {
      const entries = await this.#entries('ZRANGE', key, '0', '-1')
      if (entries.some((id) => !known.has(id))) {
        known = new Set(entries)
        looks = 0
      }
      if (looks === 2) {
        await this.#delist(key, missing)
        return [...found.values()]
      }
      missing = await this.#look(
        user,
        entries.filter((id) => !found.has(id)),
        found,
      )
      if (missing.length === 0) return [...found.values()]
      looks += 1
    }
    throw new SessionError(
      'ERR_SESSION_CONTENTION',
      'redisStore: the sessions of a user changed their ids faster than they could be listed. List them again.',
    )
  }

  async #tidy(user: string, key: string): Promise<void> {
    const some = await this.#entries('ZRANDMEMBER', key, String(2 * TIDY_EVERY))
    await this.#delist(key, await this.#look(user, some, new Map()))
  }

  async #entries(command: string, key: string, ...words: string[]): Promise<readonly string[]> {
    return textsOf(await this.#commands.read(command, key, ...words))
  }

  /** Notes the user's own among `ids` in `found`, and answers the others. */
  async #look(
    user: string,
    ids: readonly string[],
    found: Map<string, SessionInfo>,
  ): Promise<readonly string[]> {
    const missing: string[] = []
    for (const [at, info] of (await this.#peek(ids)).entries()) {
      if (info !== null && info.user === user) found.set(info.id, info)
      else missing.push(ids[at]!)
    }
    return missing
  }

  async #delist(key: string, ids: readonly string[]): Promise<void> {
    for (const some of chunks(ids)) await this.#commands.ask(DELIST, [key], ...some)
  }

  #keyOf(user: string): string {
    return `${this.#prefix}${ownerOf(user)}`
  }
}
