import { afterAll, beforeAll, describe, test } from 'vitest'
import { redisStore } from '../../src/stores/redis.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { alone, clustered, watched } from '../real/redis-clients.ts'
import type { Connect, Connected } from '../real/redis-clients.ts'
import { redisProgram, startCluster, startRedis, startSentinel } from '../real/redis.ts'

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
      contract(alone['redis 6'], ports, { prefix: '*?[a-z]^\\]{\0 \r\n"é😀' }))
  })

  describe('a cluster', () => {
    let cluster: Awaited<ReturnType<typeof startCluster>>
    beforeAll(async () => {
      cluster = await startCluster()
    })
    afterAll(() => cluster.stop())
    const ports = (): readonly number[] => cluster.servers.map(({ port }) => port)
    for (const [name, connect] of Object.entries(clustered)) describe(name, () => contract(connect, ports))
    describe('a prefix with a hash tag', () => contract(clustered['redis 6'], ports, { prefix: '{app}:' }))
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
