import { SessionError } from '../../errors.ts'
import type { Primary, RedisServers } from './client.ts'
import { explained, isNoScript } from './errors.ts'
import { countOf, textOf } from './reply.ts'
import type { Script } from './scripts.ts'

/** How many replicas must have a write before it counts, and how long (milliseconds) to wait for them. */
export interface Replicas {
  readonly count: number
  readonly timeout: number
}

/** Commands and scripts, sent to the primary of their first key; writes wait for replicas where that is asked for. */
export class RedisCommands {
  readonly servers: RedisServers
  readonly #replicas: Replicas | null

  constructor(servers: RedisServers, replicas: Replicas | null) {
    this.servers = servers
    this.#replicas = replicas
  }

  /** The reply to a command that changes nothing. */
  read(name: string, key: string, ...words: string[]): Promise<unknown> {
    return this.servers.send(key, [name, key, ...words])
  }

  /** The reply to a command that changes `key`. */
  write(name: string, key: string, ...words: string[]): Promise<unknown> {
    return this.#write(key, [name, key, ...words])
  }

  /** The answer of a script that changes nothing that must last. */
  ask(script: Script, keys: readonly [string, ...string[]], ...args: string[]): Promise<unknown> {
    return this.#run(script, keys, args, (words) => this.servers.send(keys[0], words))
  }

  /** The answer of a script that writes. */
  run(script: Script, keys: readonly [string, ...string[]], ...args: string[]): Promise<unknown> {
    return this.#run(script, keys, args, (words) => this.#write(keys[0], words))
  }

  primaries(): Promise<readonly Primary[]> {
    return this.servers.primaries()
  }

  /** By its hash; in full where the server does not have it: new, restarted, or after SCRIPT FLUSH. */
  async #run(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    send: (words: readonly string[]) => Promise<unknown>,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await send(['EVALSHA', script.sha, ...rest])
    } catch (error) {
      if (!isNoScript(error)) throw error
      return send(['EVAL', script.source, ...rest])
    }
  }

  #write(key: string, words: readonly string[]): Promise<unknown> {
    return this.#replicas === null ? this.servers.send(key, words) : this.#lasting(key, words, this.#replicas)
  }

  /**
   * WAIT speaks of the writes of its own connection. Where the client reconnects in between, to a server that took over,
   * it would speak of nothing and agree: so the connection is named before and after.
   */
  async #lasting(key: string, words: readonly string[], { count, timeout }: Replicas): Promise<unknown> {
    const who = ['CLIENT', 'INFO']
    const wait = ['WAIT', String(count), String(timeout)]
    const [before, reply, had, after] = await this.servers.sequence(key, [who, words, wait, who])
    if (reply instanceof Error) throw explained(reply)
    for (const failed of [before, had, after]) if (failed instanceof Error) throw explained(failed)
    const connection = nameOf(before)
    if (connection === null || connection !== nameOf(after))
      throw new SessionError(
        'ERR_SESSION_STORE',
        'redisStore: the connection changed while replicas were to confirm a write; nothing is known of its outcome.',
      )
    const confirmed = countOf(had)
    if (confirmed >= count) return reply
    throw new SessionError(
      'ERR_SESSION_STORE',
      `redisStore: ${confirmed} of ${count} replicas confirmed a write within ${timeout} ms, so it may not outlive the primary.`,
    )
  }
}

function nameOf(info: unknown): string | null {
  return /\bid=\d+ addr=\S+ laddr=\S+/.exec(textOf(info) ?? '')?.[0] ?? null
}
