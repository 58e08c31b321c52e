import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient, createCluster, createSentinel } from 'redis'
import { createClient as createClient4, createCluster as createCluster4 } from 'redis4'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import type { RedisClient } from '../../src/stores/redis.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { redisProgram, startCluster, startRedis, startSentinel } from '../real/redis.ts'

/** A client that is connected, and how to end it. */
interface Connected {
  readonly client: RedisClient
  readonly end: () => unknown
}

type Connect = (ports: readonly number[]) => Promise<Connected> | Connected

const address = (port: number): string => `redis://127.0.0.1:${port}`
const node = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port })

async function opened(client: {
  on(event: 'error', heard: () => void): unknown
  connect(): Promise<unknown>
}): Promise<void> {
  client.on('error', () => {})
  await client.connect()
}

const alone: Record<string, Connect> = {
  'redis 6': async ([port]) => {
    const client = createClient({ url: address(port!) })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'redis 6 that answers Buffers': async ([port]) => {
    const client = createClient({ url: address(port!), commandOptions: { typeMapping: { [36]: Buffer } } })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'redis 5': async ([port]) => {
    const client = createClient5({ url: address(port!) })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'redis 4': async ([port]) => {
    const client = createClient4({ url: address(port!) })
    await opened(client)
    return { client, end: () => client.quit() }
  },
  'ioredis 6': ([port]) => {
    const client = new Redis(address(port!))
    return { client, end: () => client.quit() }
  },
  'ioredis 6, pipelining by itself': ([port]) => {
    const client = new Redis(address(port!), { enableAutoPipelining: true })
    return { client, end: () => client.quit() }
  },
  'ioredis 5': ([port]) => {
    const client = new Redis5(address(port!))
    return { client, end: () => client.quit() }
  },
}

const clustered: Record<string, Connect> = {
  'redis 6': async (ports) => {
    const client = createCluster({ rootNodes: ports.map((port) => ({ url: address(port) })) })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'redis 5': async (ports) => {
    const client = createCluster5({ rootNodes: ports.map((port) => ({ url: address(port) })) })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'redis 4': async (ports) => {
    const client = createCluster4({ rootNodes: ports.map((port) => ({ url: address(port) })) })
    await opened(client)
    return { client, end: () => client.quit() }
  },
  'ioredis 6': (ports) => {
    const client = new Cluster(ports.map(node))
    return { client, end: () => client.quit() }
  },
  'ioredis 6, pipelining by itself': (ports) => {
    const client = new Cluster(ports.map(node), { enableAutoPipelining: true })
    return { client, end: () => client.quit() }
  },
  'ioredis 5': (ports) => {
    const client = new Cluster5(ports.map(node))
    return { client, end: () => client.quit() }
  },
}

const watched: Record<string, Connect> = {
  'redis 6': async ([port]) => {
    const client = createSentinel({ name: 'mymaster', sentinelRootNodes: [node(port!)] })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'redis 5': async ([port]) => {
    const client = createSentinel5({ name: 'mymaster', sentinelRootNodes: [node(port!)] })
    await opened(client)
    return { client, end: () => client.close() }
  },
  'ioredis 6': ([port]) => {
    const client = new Redis({ sentinels: [node(port!)], name: 'mymaster' })
    return { client, end: () => client.quit() }
  },
}

let prefixes = 0

/** The contract on two clients, each with a store of its own on the same keys; every case has keys of its own. */
function contract(connect: Connect, ports: () => readonly number[], options: { prefix?: string } = {}): void {
  let one: Connected
  let two: Connected
  beforeAll(async () => {
    one = await connect(ports())
    two = await connect(ports())
  })
  afterAll(async () => {
    await one.end()
    await two.end()
  })
  storeSuite({
    test,
    expiresItself: true,
    make: () => {
      prefixes += 1
      const prefix = `${options.prefix ?? ''}${prefixes}:`
      return {
        store: redisStore({ client: one.client, prefix }),
        reopen: () => redisStore({ client: two.client, prefix }),
      }
    },
  })
}

describe.skipIf(redisProgram === null)('the store contract', () => {
  describe('one server', () => {
    let server: Awaited<ReturnType<typeof startRedis>>
    beforeAll(async () => {
      server = await startRedis()
    })
    afterAll(() => server.stop())
    const ports = (): readonly number[] => [server.port]
    for (const [name, connect] of Object.entries(alone)) describe(name, () => contract(connect, ports))
    describe('a hostile prefix', () =>
      contract(alone['redis 6']!, ports, { prefix: '*?[a-z]^\\]{\0 \r\n"é😀' }))
  })

  describe('a cluster', () => {
    let cluster: Awaited<ReturnType<typeof startCluster>>
    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterAll(() => cluster.stop())
    const ports = (): readonly number[] => cluster.servers.map(({ port }) => port)
    for (const [name, connect] of Object.entries(clustered)) describe(name, () => contract(connect, ports))
    describe('a prefix with a hash tag', () => contract(clustered['redis 6']!, ports, { prefix: '{app}:' }))
  })

  describe('behind a Sentinel', () => {
    let set: Awaited<ReturnType<typeof startSentinel>>
    beforeAll(async () => {
      set = await startSentinel()
    })
    afterAll(() => set.stop())
    const ports = (): readonly number[] => [set.sentinel.port]
    for (const [name, connect] of Object.entries(watched)) describe(name, () => contract(connect, ports))
  })
})
