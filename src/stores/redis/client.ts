import { SessionError } from '../../errors.ts'
import { explained } from './errors.ts'

/**
 * A client of the app: from `redis` 4 or newer (createClient, createCluster, createSentinel) or `ioredis` 5 or newer
 * (Redis, Cluster). Known by what it can do; neither package is imported.
 */
export type RedisClient =
  | { readonly sendCommand: (...words: never[]) => Promise<unknown> }
  | { readonly call: (...words: never[]) => unknown; readonly pipeline: (...commands: never[]) => unknown }

type Words = readonly string[]

/** One primary: `name` stays the same as long as the server does. */
export interface Primary {
  readonly name: string
  send(words: Words): Promise<unknown>
}

/** What the store needs of a client, whichever it is. Its errors quote no command. */
export interface RedisServers {
  /** Whether keys may lie on different servers. */
  readonly clustered: boolean
  /** The reply of the primary that has `key`. */
  send(key: string, words: Words): Promise<unknown>
  /** The replies to commands sent back to back over one connection to that primary; an Error where one was refused. */
  sequence(key: string, commands: readonly Words[]): Promise<readonly unknown[]>
  /** Every primary, in a fixed order. */
  primaries(): Promise<readonly Primary[]>
}

interface NodeRedis {
  readonly isOpen?: boolean
  readonly options?: { readonly legacyMode?: boolean }
  sendCommand(words: Words): Promise<unknown>
}

interface NodeRedisCluster {
  readonly isOpen?: boolean
  readonly masters: readonly { readonly address: string }[]
  sendCommand(key: string, isReadonly: boolean, words: Words): Promise<unknown>
  nodeClient(node: unknown): NodeRedis | Promise<NodeRedis>
  getNodeClientForKey?(key: string): Promise<NodeRedis>
}

interface NodeRedisSentinel {
  readonly isOpen?: boolean
  sendCommand(isReadonly: boolean, words: Words): Promise<unknown>
  use<T>(work: (lease: NodeRedisSentinel) => Promise<T>): Promise<T>
}

interface IoRedisPipeline {
  call(name: string, ...words: string[]): unknown
  exec(): Promise<readonly (readonly [Error | null, unknown])[]>
}

interface IoRedis {
  readonly isCluster?: boolean
  readonly status: string
  readonly options: {
    readonly keyPrefix?: string
    readonly scaleReads?: unknown
    readonly host?: string
    readonly port?: number
  }
  call(name: string, ...words: string[]): Promise<unknown>
  pipeline(): IoRedisPipeline
  nodes?(role: 'master'): readonly IoRedis[]
}

/** So many commands may wait for their replies; a dead server must not fill the memory with requests. */
const MOST_WAITING = 4096

/** Recognises a client; throws ERR_SESSION_CONFIG for what is none, or one whose options would break sessions. */
export function redisServers(client: RedisClient): RedisServers {
  const given: unknown = client
  if (typeof given === 'object' && given !== null) {
    if (isIoRedis(given)) return bounded(ioredis(given))
    if (isCluster(given)) return bounded(cluster(given))
    if (isSentinel(given)) return bounded(sentinel(given))
    if (isSingle(given)) return bounded(single(given))
  }
  throw config(
    '`client` is no Redis client. Pass what `createClient()` of the package `redis` (4 or newer) answers, or `new Redis()` of `ioredis`',
  )
}

function single(client: NodeRedis): RedisServers {
  if (client.options?.legacyMode === true)
    throw config('`client` is in legacyMode, which answers by callbacks. Create it without `legacyMode`')
  const send = (words: Words): Promise<unknown> => {
    demandOpen(client)
    return client.sendCommand(words)
  }
  return {
    clustered: false,
    send: (_, words) => send(words),
    sequence: (_, commands) => settled(commands.map(send)),
    primaries: async () => [{ name: '', send }],
  }
}

function cluster(client: NodeRedisCluster): RedisServers {
  return {
    clustered: true,
    send: (key, words) => {
      demandOpen(client)
      return client.sendCommand(key, false, words)
    },
    sequence: async (key, commands) => {
      demandOpen(client)
      if (client.getNodeClientForKey === undefined)
        throw config('`waitReplicas` on a cluster needs the package `redis` 6 or newer, or `ioredis`')
      const node = await client.getNodeClientForKey(key)
      return settled(commands.map((words) => node.sendCommand(words)))
    },
    primaries: async () => {
      demandOpen(client)
      const nodes = client.masters.map((node) => ({
        name: node.address,
        send: async (words: Words) => (await client.nodeClient(node)).sendCommand(words),
      }))
      return nodes.sort(byName)
    },
  }
}

function sentinel(client: NodeRedisSentinel): RedisServers {
  const send = (words: Words): Promise<unknown> => {
    demandOpen(client)
    return client.sendCommand(false, words)
  }
  return {
    clustered: false,
    send: (_, words) => send(words),
    sequence: async (_, commands) => {
      demandOpen(client)
      return client.use((lease) => settled(commands.map((words) => lease.sendCommand(false, words))))
    },
    primaries: async () => [{ name: '', send }],
  }
}

function ioredis(client: IoRedis): RedisServers {
  const { keyPrefix, scaleReads } = client.options
  if (keyPrefix !== undefined && keyPrefix !== '')
    throw config('`client` has a `keyPrefix`. Give redisStore the `prefix` instead, and a client without one')
  if (client.isCluster === true && scaleReads !== undefined && scaleReads !== 'master')
    throw config('`client` reads from replicas (`scaleReads`), which may still know sessions that have ended')
  const demandAlive = (): void => {
    if (client.status === 'end') throw unconnected('The ioredis client was closed; create a new one.')
  }
  const sendTo = (node: IoRedis, [name, ...words]: Words): Promise<unknown> => {
    demandAlive()
    return node.call(name!, ...words)
  }
  return {
    clustered: client.isCluster === true,
    send: (_, words) => sendTo(client, words),
    sequence: async (_, commands) => {
      demandAlive()
      const pipeline = client.pipeline()
      for (const [name, ...words] of commands) pipeline.call(name!, ...words)
      const replies = await pipeline.exec()
      return replies.map(([error, reply]) => error ?? reply)
    },
    primaries: async () => {
      const nodes = client.nodes?.('master') ?? [client]
      return nodes
        .map((node) => ({
          name: `${node.options.host}:${node.options.port}`,
          send: (words: Words) => sendTo(node, words),
        }))
        .sort(byName)
    },
  }
}

/** Puts a bound on what waits, and explains errors. */
function bounded(servers: RedisServers): RedisServers {
  let waiting = 0
  async function turn<T>(work: () => Promise<T>): Promise<T> {
    if (waiting >= MOST_WAITING)
      throw new SessionError(
        'ERR_SESSION_STORE',
        `redisStore: ${MOST_WAITING} commands wait for Redis to answer, so no more are sent. Look at the server.`,
      )
    waiting += 1
    try {
      return await work()
    } catch (error) {
      throw explained(error)
    } finally {
      waiting -= 1
    }
  }
  return {
    clustered: servers.clustered,
    send: (key, words) => turn(() => servers.send(key, words)),
    sequence: (key, commands) => turn(() => servers.sequence(key, commands)),
    primaries: async () => {
      const primaries = await turn(() => servers.primaries())
      return primaries.map((one) => ({ name: one.name, send: (words) => turn(() => one.send(words)) }))
    },
  }
}

async function settled(replies: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(replies)
  return settled.map((reply) => (reply.status === 'fulfilled' ? reply.value : reply.reason))
}

function demandOpen(client: { readonly isOpen?: boolean }): void {
  if (client.isOpen === false)
    throw unconnected(
      'The redis client is not connected: `await client.connect()` once, before the first request.',
    )
}

function unconnected(problem: string): SessionError {
  return new SessionError('ERR_SESSION_STORE', `redisStore: ${problem}`)
}

function config(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `redisStore: ${problem}.`)
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

function isIoRedis(client: object): client is IoRedis {
  return has(client, 'call') && has(client, 'pipeline')
}

function isCluster(client: object): client is NodeRedisCluster {
  return has(client, 'sendCommand') && has(client, 'nodeClient')
}

function isSentinel(client: object): client is NodeRedisSentinel {
  return has(client, 'sendCommand') && has(client, 'getSentinelNode')
}

function isSingle(client: object): client is NodeRedis {
  return has(client, 'sendCommand') && 'isOpen' in client
}

function has(client: object, method: string): boolean {
  return typeof Reflect.get(client, method) === 'function'
}
