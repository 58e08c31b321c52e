import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { createClient, createCluster, createSentinel } from 'redis'
import { createClient as createClient4, createCluster as createCluster4 } from 'redis4'
import {
  createClient as createClient5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from 'redis5'
import type { RedisClient } from '../../src/stores/redis.ts'

/** A client that is connected, and how to end it. */
export interface Connected {
  readonly client: RedisClient
  readonly end: () => unknown
}

/** Connects a client to the servers at these ports of 127.0.0.1. */
export type Connect = (ports: readonly number[]) => Promise<Connected> | Connected

type AloneName =
  | 'redis 6'
  | 'redis 6 that answers Buffers'
  | 'redis 5'
  | 'redis 4'
  | 'ioredis 6'
  | 'ioredis 6, pipelining by itself'
  | 'ioredis 5'
type ClusteredName = Exclude<AloneName, 'redis 6 that answers Buffers'>
type WatchedName = 'redis 6' | 'redis 5' | 'ioredis 6'

const address = (port: number): string => `redis://127.0.0.1:${port}`
const node = (port: number): { host: string; port: number } => ({ host: '127.0.0.1', port })

async function opened(client: {
  on(event: 'error', heard: () => void): unknown
  connect(): Promise<unknown>
}): Promise<void> {
  client.on('error', () => {})
  await client.connect()
}

/** Every client, for one server. */
export const alone: Record<AloneName, Connect> = {
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

/** Every client, for a cluster. */
export const clustered: Record<ClusteredName, Connect> = {
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

/** Every client that knows Sentinels; the port is a Sentinel's. */
export const watched: Record<WatchedName, Connect> = {
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
