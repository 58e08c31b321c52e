import { inspect } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { SessionStore, StoreEvent } from '../../src/contracts/store.ts'
import { SessionError } from '../../src/errors.ts'
import { redisStore } from '../../src/stores/redis.ts'
import type { RedisClient, RedisStoreOptions } from '../../src/stores/redis.ts'
import { CREATE, PEEK } from '../../src/stores/redis/scripts.ts'
import {
  alive,
  born,
  freshId,
  freshRecord,
  ids,
  plain,
  together,
} from '../../src/testing/store-cases/store-case.ts'
import { lab, values } from '../engine/visitor.ts'
import { alone, clustered, watched } from '../real/redis-clients.ts'
import type { Connect, Connected } from '../real/redis-clients.ts'
import { eventually, redisCli, redisProgram, startCluster, startRedis, startSentinel } from '../real/redis.ts'
import type { Server } from '../real/server.ts'
import type { Together } from '../real/redis.ts'

// Servers are started and stopped in these tests, beside whatever else the machine does.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** What a test opened, and ends with it. */
const toEnd: (() => unknown)[] = []

afterEach(async () => {
  for (const end of toEnd.splice(0).toReversed())
    await Promise.race([Promise.resolve(end()).catch(() => {}), pause(2000)])
})

async function connect(how: Connect, ...ports: number[]): Promise<Connected> {
  const connected = await how(ports)
  toEnd.push(connected.end)
  return connected
}

async function server(...options: string[]): Promise<Server> {
  const started = await startRedis(...options)
  toEnd.push(() => started.stop())
  return started
}

function heard(store: SessionStore): StoreEvent[] {
  const events: StoreEvent[] = []
  store.attach!((event) => void events.push(event))
  return events
}

/** How often each command was called, those of scripts included, since the statistics were reset. */
async function called(port: number): Promise<Record<string, number>> {
  const info = await redisCli(port, 'INFO', 'commandstats')
  const counts = [...info.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)].map(
    ([, name, n]) => [name!, Number(n)] as const,
  )
  return Object.fromEntries(
    counts.filter(([name]) => !/^(?:info|config|ping|client|hello|command)/.test(name)),
  )
}

describe.skipIf(redisProgram === null)('Redis, one server', () => {
  let redis: Server
  let client: RedisClient
  let end: () => unknown
  let prefixes = 0
  let prefix = ''
  beforeAll(async () => {
    redis = await startRedis()
    ;({ client, end } = await alone['redis 6']([redis.port]))
  })
  afterAll(async () => {
    await end()
    await redis.stop()
  })

  function open(options: Partial<RedisStoreOptions> = {}): SessionStore {
    prefixes += 1
    prefix = `${prefixes}:`
    return redisStore({ client, prefix, ...options })
  }

  const cli = (...words: string[]): Promise<string> => redisCli(redis.port, ...words)

  test('a read is one command, a write two, an anonymous request none, renewal none more', async () => {
    const visitor = lab({ store: open(), idle: '1 hour' })
    const plainVisitor = lab({ store: open() })
    for (const one of [visitor, plainVisitor]) {
      await one.request((session) => session.set('n', 1))
      await one.request((session) => session.set('n', 2))
      await one.request((session) => session.get('n'))
    }
    const during = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
      await cli('CONFIG', 'RESETSTAT')
      await work()
      return called(redis.port)
    }
    expect(await during(() => plainVisitor.request((session) => session.get('n')))).toEqual({ get: 1 })
    expect(await during(() => plainVisitor.request((session) => session.set('n', 3)))).toEqual({
      get: 1,
      evalsha: 1,
      ...{ getrange: 1, set: 1 }, // within the script
    })
    expect(await during(() => visitor.request((session) => session.get('n')))).toEqual({ evalsha: 1, get: 1 })
    visitor.now += 600_000
    expect(await during(() => visitor.request((session) => session.get('n')))).toEqual({
      evalsha: 1,
      ...{ get: 1, setrange: 1, pexpire: 1 },
    })
    const anonymous = async (): Promise<void> => {
      const visit = await plainVisitor.visit('')
      expect(visit.session.get('n')).toBeUndefined()
      await plainVisitor.leave(visit)
    }
    expect(await during(anonymous)).toEqual({})
    expect(await during(() => plainVisitor.request((session) => session.destroy()))).toEqual({
      get: 1,
      del: 1,
    })
  })

  test('every key has a time to live, whatever was done to it', async () => {
    const store = open()
    const ttl = async (key: string): Promise<number> => Number(await cli('PTTL', prefix + key))
    const within = async (id: string, milliseconds: number): Promise<void> => {
      const left = await ttl(id)
      expect(left).toBeGreaterThan(milliseconds)
      expect(left).toBeLessThanOrEqual(milliseconds + 60_000)
    }
    const record = freshRecord({ user: 'anna' })
    const life = record.expiresAt - record.seenAt
    await store.create(record)
    await within(record.id, life)
    await store.touch(record.id, record.seenAt, record.seenAt + 90_000)
    await within(record.id, 90_000)
    const renewal = {
      seenBefore: record.seenAt + 1,
      seenAt: record.seenAt + 1,
      expiresAt: record.seenAt + 150_001,
    }
    expect((await store.get(record.id, renewal))!.expiresAt).toBe(renewal.expiresAt)
    await within(record.id, 150_000)
    await store.update({ ...record, data: 'x' }, (await alive(store, record.id)).version)
    await within(record.id, life)
    const next = freshRecord({ user: 'anna', seenAt: record.seenAt, expiresAt: record.seenAt + 200_000 })
    expect(await store.rotate(record.id, next, (await alive(store, record.id)).version)).toBe('done')
    await within(next.id, 200_000)
    await store.touch(next.id, next.seenAt, next.seenAt - 5)
    await within(next.id, 0)
    for (const key of (await cli('KEYS', `${prefix}*`)).split('\n'))
      expect(Number(await cli('PTTL', key))).toBeGreaterThan(0)
  })

  test('the engine’s millisecond decides, not Redis: alive one before, dead from then on', async () => {
    const visitor = lab({ store: open(), idle: 5000 })
    await visitor.request((session) => session.set('n', 1))
    const born = visitor.now
    visitor.now = born + 4999
    expect(await values(visitor)).toEqual({ n: 1 }) // renewed until born + 9999
    visitor.now = born + 9999
    expect(await visitor.request((session) => session.get('n'))).toBeUndefined()
    expect(visitor.types()).toContain('expired')
  })

  test('scripts that were flushed are sent again', async () => {
    const store = open()
    const record = await born(store, { user: 'anna' })
    const steps = [
      () => store.get(record.id, { seenBefore: 0, seenAt: 0, expiresAt: 0 }),
      () => store.touch(record.id, record.seenAt, record.expiresAt),
      () => store.update({ ...plain(record), data: 'x' }, record.version),
      () => store.list('anna'),
      () => store.create(freshRecord()),
    ]
    for (const step of steps) {
      await cli('SCRIPT', 'FLUSH')
      expect(await step()).toBeTruthy()
      expect(await step()).toBeTruthy()
    }
    await cli('SCRIPT', 'FLUSH')
    const { version } = await alive(store, record.id)
    expect(await store.rotate(record.id, freshRecord(), version)).toBe('done')
  })

  test('FLUSHALL makes visitors anonymous, with an event, and a late write brings nothing back', async () => {
    const visitor = lab({ store: open() })
    await visitor.request((session) => session.set('n', 1))
    const late = await visitor.visit()
    late.session.set('n', 2)
    await cli('FLUSHALL')
    expect(await visitor.leave(late)).toContain('Max-Age=0')
    expect(visitor.types()).toContain('gone')
    expect(await cli('DBSIZE')).toBe('0')
    expect(await visitor.request((session) => session.get('n'))).toBeUndefined()
  })

  test('a value of another program under our key is told, answered as nothing, and left alone', async () => {
    const store = open()
    const events = heard(store)
    const whole = await born(store, { user: 'anna', data: 'ü'.repeat(50) })
    const text = await cli('--raw', 'GET', prefix + whole.id)
    const wrong: [string, ...string[]][] = [
      ['SET', ''],
      ['SET', '{"a":1}'],
      ['SET', text.slice(0, -1)],
      ['SET', `${text}x`],
      ['SET', text.slice(0, 100)],
      ['SET', text.replace('hipflask1', 'hipflask2')],
      ['SET', text.replace(/\d{16}/, 'x'.repeat(16))],
      ['HSET', 'a', '1'],
      ['RPUSH', 'a'],
      ['ZADD', '1', 'a'],
    ]
    for (const [command, ...words] of wrong) {
      const { id } = freshRecord()
      await cli(command, prefix + id, ...words)
      const before = await cli('DUMP', prefix + id)
      for (const renewal of [undefined, { seenBefore: 9e15, seenAt: whole.seenAt, expiresAt: 9e15 }]) {
        if (renewal !== undefined && command === 'SET' && words[0]!.startsWith('hipflask1')) continue
        expect(await store.get(id, renewal)).toBeNull()
        expect(events.splice(0)).toMatchObject([{ type: 'corrupt', id }])
      }
      expect(await store.create(freshRecord({ id }))).toBe(false)
      expect(await store.rotate(whole.id, freshRecord({ id }), whole.version)).toBe('conflict')
      if (command !== 'SET' || !words[0]!.startsWith('hipflask1')) {
        expect(await store.update({ ...plain(whole), id }, whole.version)).toBe('gone')
        expect(await store.rotate(id, freshRecord(), whole.version)).toBe('gone')
        expect(await store.touch(id, 1, 2)).toBe(false)
      }
      expect(await cli('DUMP', prefix + id)).toBe(before)
      await cli('DEL', prefix + id)
      events.length = 0
    }
    expect(await alive(store, whole.id)).toEqual(whole)
  })

  test('a foreign value in the walk and in a list is told, and not shown', async () => {
    const store = open()
    const events = heard(store)
    const mine = await born(store, { user: 'anna' })
    const other = await born(store, { user: 'anna' })
    await cli('SET', prefix + other.id, 'x')
    expect(ids((await store.page(null, 100)).sessions)).toEqual([mine.id])
    expect(ids(await store.list('anna'))).toEqual([mine.id])
    expect(events).toContainEqual(expect.objectContaining({ type: 'corrupt', id: other.id }))
  })

  test('what a client sends twice, because it lost the connection in between, counts once', async () => {
    const twice = {
      isOpen: true,
      sendCommand: async (words: readonly string[]) => {
        const send = (
          client as { sendCommand: (words: readonly string[]) => Promise<unknown> }
        ).sendCommand.bind(client)
        if (words[0]!.startsWith('EVAL')) await send(words)
        return send(words)
      },
    }
    const store = open({ client: twice })
    const record = freshRecord({ user: 'anna' })
    expect(await store.create(record)).toBe(true)
    const { version } = await alive(store, record.id)
    expect(await store.update({ ...record, data: 'x' }, version)).toBe('done')
    expect(await store.update({ ...record, data: 'y' }, version)).toBe('conflict')
    const next = freshRecord({ user: 'anna' })
    expect(await store.rotate(record.id, next, (await alive(store, record.id)).version)).toBe('done')
    expect(ids(await store.list('anna'))).toEqual([next.id])
  })

  test('keys of a million strangers do not slow a request, and a page looks at a bounded number of them', async () => {
    const store = open()
    await cli('EVAL', "for n = 1, 200000 do redis.call('SET', 'stranger:' .. n, '') end", '0')
    const records = await together(20, () => born(store))
    await cli('CONFIG', 'RESETSTAT')
    const { next } = await store.page(null, 1000)
    expect(next).not.toBeNull()
    expect((await called(redis.port))['scan']).toBeLessThanOrEqual(10)
    const walked: string[] = []
    let cursor: string | null = null
    let pages = 0
    do {
      const page: Awaited<ReturnType<SessionStore['page']>> = await store.page(cursor, 1000)
      walked.push(...page.sessions.map(({ id }) => id))
      cursor = page.next
      pages += 1
    } while (cursor !== null && pages < 1000)
    expect(walked.toSorted()).toEqual(ids(records))
    expect(await store.get(records[0]!.id)).not.toBeNull()
    expect((await called(redis.port))['keys']).toBeUndefined()
    await cli('FLUSHALL')
  })

  test.each([
    [150, 10],
    [999, 5],
    [20, 990],
  ])('pages of %i and %i in turns walk over every session once', async (...limits) => {
    const store = open()
    const records = await together(2_000, () => born(store))
    const walked: string[] = []
    let cursor: string | null = null
    for (let pages = 0; pages === 0 || cursor !== null; pages++) {
      const page: Awaited<ReturnType<SessionStore['page']>> = await store.page(cursor, limits[pages % 2]!)
      walked.push(...page.sessions.map(({ id }) => id))
      cursor = page.next
    }
    expect(walked.toSorted()).toEqual(ids(records))
    await cli('FLUSHALL')
  })

  test.each(['x', '', '0', 'a b', 'a 1x', 'a 1', 'a 1 b', ' '])(
    'page refuses the cursor %j',
    async (cursor) => {
      await expect(open().page(cursor, 10)).rejects.toMatchObject({ code: 'ERR_SESSION_USE' })
    },
  )

  describe('the index of a user', () => {
    const key = async (): Promise<string> => (await cli('KEYS', `${prefix}user:*`)).trim()

    test('an entry whose record never came is kept while it may still come, and taken out later', async () => {
      const store = open()
      const mine = await born(store, { user: 'anna' })
      const [young, old] = [freshId(), freshId()]
      await cli('ZADD', await key(), String(Date.now()), young, String(Date.now() - 700_000), old)
      for (let n = 0; n < 2; n++) expect(ids(await store.list('anna'))).toEqual([mine.id])
      expect(await cli('ZSCORE', await key(), old)).toBe('')
      expect(await cli('ZSCORE', await key(), young)).not.toBe('')
      const late = freshRecord({ id: young, user: 'anna' })
      await cli('ZADD', await key(), String(Date.now() - 500_000), young)
      expect(await store.create(late)).toBe(true)
      expect(ids(await store.list('anna'))).toEqual([mine.id, young].sort())
    })

    test('an old entry of a live session is never taken out', async () => {
      const store = open()
      const mine = await born(store, { user: 'anna' })
      await cli('ZADD', await key(), '5', mine.id, '5', freshId())
      for (let n = 0; n < 3; n++) expect(ids(await store.list('anna'))).toEqual([mine.id])
      expect(await cli('ZCARD', await key())).toBe('1')
    })

    test('thousands of logins without a listing do not fill it with the dead', async () => {
      const store = open()
      const living = await together(10, () => born(store, { user: 'anna' }))
      const name = await key()
      for (let n = 0; n < 640; n++) {
        const record = freshRecord({ user: 'anna' })
        await store.create(record)
        await store.delete(record.id)
        await (client as any).sendCommand(['ZADD', name, '5', record.id]) // entered long ago
      }
      expect(Number(await cli('ZCARD', name))).toBeLessThan(300)
      expect(ids(await store.list('anna'))).toEqual(ids(living))
      expect(await cli('ZCARD', name)).toBe('10')
    })

    test('it lives longer than its longest session', async () => {
      const store = open()
      const now = Date.now()
      await born(store, { user: 'anna', seenAt: now, endsAt: now + 10_000_000 })
      await born(store, { user: 'anna', seenAt: now, expiresAt: now + 1000, endsAt: now + 1000 })
      expect(Number(await cli('PTTL', await key()))).toBeGreaterThan(10_000_000 + 3_600_000)
      const longer = await born(store, { user: 'anna', seenAt: now, endsAt: now + 10_000_000 })
      await store.update({ ...plain(longer), endsAt: now + 50_000_000 }, longer.version)
      expect(Number(await cli('PTTL', await key()))).toBeGreaterThan(50_000_000)
    })

    test('keys tell nothing of the user', async () => {
      const store = open()
      await born(store, { user: 'anna@example.org' })
      expect(await cli('KEYS', '*')).not.toContain('anna')
    })
  })

  test('reaching maxmemory is an error, never a success, and what is stored stays', async () => {
    const small = await server('--maxmemory', '4mb', '--maxmemory-policy', 'noeviction')
    const { client } = await connect(alone['ioredis 6'], small.port)
    const store = redisStore({ client })
    const visitor = lab({ store })
    await visitor.request((session) => session.set('n', 1))
    const record = await born(store)
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 1000; n++) await born(store, { data: 'x'.repeat(50_000) })
    }
    await expect(fill()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE', message: /maxmemory/ as any })
    await redisCli(small.port, 'CONFIG', 'SET', 'maxmemory', '2mb')
    await expect(store.update({ ...plain(record), data: 'y' }, record.version)).rejects.toThrow(/maxmemory/)
    await expect(store.rotate(record.id, freshRecord(), record.version)).rejects.toThrow(/maxmemory/)
    expect(await alive(store, record.id)).toEqual(record)
    const visit = await visitor.visit()
    expect(visit.session.get('n')).toBe(1)
    visit.session.set('n', 2)
    await expect(visit.close()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    expect(await store.delete(record.id)).toBe(true)
  })

  test('a replica is refused by name', async () => {
    const replica = await server('--replicaof', '127.0.0.1', String(redis.port))
    await eventually('the replica is in step', async () =>
      (await redisCli(replica.port, 'INFO', 'replication')).includes('master_link_status:up'),
    )
    const { client } = await connect(alone['redis 6'], replica.port)
    const store = redisStore({ client })
    await expect(store.create(freshRecord())).rejects.toMatchObject({
      code: 'ERR_SESSION_STORE',
      message: /connected to a replica/ as any,
    })
    await expect(store.delete(freshId())).rejects.toThrow(/connected to a replica/)
  })

  test('neither a message nor an inspected error shows an id, a value or a password', async () => {
    const small = await server('--maxmemory', '1mb', '--maxmemory-policy', 'noeviction')
    for (const how of Object.values(alone)) {
      const { client } = await connect(how, small.port)
      const store = redisStore({ client, prefix: 'canary-prefix' })
      const record = freshRecord({ data: 'canary-value', user: 'canary-user' })
      const failures = await Promise.allSettled([
        store.create(record),
        store.create({ ...record, user: null }),
        store.update(record, 'canary-version'),
        store.rotate(record.id, record, 'canary-version'),
      ])
      const rejected = failures.filter(({ status }) => status === 'rejected')
      expect(rejected.length).toBeGreaterThan(0)
      const shown = inspect(rejected, { depth: 20, showHidden: true })
      expect(shown).not.toMatch(/canary/)
      expect(shown).not.toContain(record.id)
    }
  })
})

describe.skipIf(redisProgram === null)('a server that fails', () => {
  describe.each(Object.entries(alone))('%s', (_, how) => {
    test('killed between reading and writing: an error and no cookie; back again, the visitor can go on', async () => {
      const redis = await server()
      const { client } = await connect(how, redis.port)
      const visitor = lab({ store: redisStore({ client }), deadline: 300 })
      await visitor.request((session) => session.set('n', 1))
      const visit = await visitor.visit()
      expect(visit.session.get('n')).toBe(1)
      await redis.signal('SIGKILL')
      visit.session.set('n', 2)
      await expect(visit.close()).rejects.toMatchObject({
        code: expect.stringMatching(/_(?:STORE|TIMEOUT)$/),
      })
      expect(await visit.close()).toMatchObject({ setCookie: null })
      await redis.restart()
      await eventually('a request succeeds', async () => {
        await visitor.request((session) => session.set('n', 3))
        return true
      })
      expect(await visitor.request((session) => session.get('n'))).toBe(3)
    })

    test('halted: the deadline ends the request, and no answer reaches another caller', async () => {
      const redis = await server()
      const { client } = await connect(how, redis.port)
      const store = redisStore({ client })
      const records = await together(50, (n) => born(store, { data: `canary ${n}` }))
      const visitor = lab({ store, deadline: 100 })
      await visitor.request((session) => session.set('n', 1))
      await redis.signal('SIGSTOP')
      await expect(visitor.visit()).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
      const abandoned = Promise.allSettled(records.map(({ id }) => store.get(id)))
      await redis.signal('SIGCONT')
      for (let round = 0; round < 5; round++) {
        const some = records.toSorted(() => Math.random() - 0.5)
        const read = await Promise.all(some.map(({ id }) => store.get(id)))
        expect(read).toEqual(some)
      }
      for (const [n, one] of (await abandoned).entries())
        if (one.status === 'fulfilled') expect(one.value).toEqual(records[n])
      await eventually('a request succeeds', async () => (await values(visitor))['n'] === 1)
    })
  })

  test('a dead server does not gather requests without end', async () => {
    const redis = await server()
    const { client } = await connect(alone['redis 6'], redis.port)
    const store = redisStore({ client })
    await born(store)
    await redis.signal('SIGSTOP')
    const waiting = Array.from({ length: 4096 }, async () => store.get(freshId()))
    const over = Promise.all(waiting)
    await expect(store.get(freshId())).rejects.toThrow(/commands wait for Redis/)
    await redis.signal('SIGCONT')
    expect(await over).toEqual(waiting.map(() => null))
    expect(await store.get(freshId())).toBeNull()
  })
})

describe('clients that cannot work', () => {
  const config = expect.objectContaining({
    code: 'ERR_SESSION_CONFIG',
    message: expect.stringMatching(/redisStore: /),
  })

  test.each<any>([
    undefined,
    null,
    'redis://127.0.0.1',
    5,
    {},
    () => {},
    { get: () => {}, set: () => {} },
    { send_command: () => {}, connected: true },
    { sendCommand: 5, isOpen: true },
    Promise.resolve(),
    { isOpen: true, options: { legacyMode: true }, sendCommand: () => {} },
    { call: () => {}, pipeline: () => {}, status: 'ready', options: { keyPrefix: 'x' } },
    {
      call: () => {},
      pipeline: () => {},
      status: 'ready',
      isCluster: true,
      options: { scaleReads: 'slave' },
    },
  ])('%j', (client) => {
    const wrong = (): unknown => redisStore({ client })
    expect(wrong).toThrow(SessionError)
    expect(wrong).toThrow(config)
  })

  const client = { isOpen: true, sendCommand: async () => null }
  test.each<any>([
    { prefix: 5 },
    { prefix: '\ud800' },
    { waitReplicas: -1 },
    { waitReplicas: 1.5 },
    { waitReplicas: '1' },
    { waitTimeout: 0 },
    { waitTimeout: Number.NaN },
  ])('%j', (options) => {
    expect(() => redisStore({ client, ...options })).toThrow(config)
  })

  test('one that transforms replies is told apart from an empty Redis', async () => {
    for (const reply of [undefined, {}, [], true, 'OK', 'nonsense']) {
      const store = redisStore({ client: { isOpen: true, sendCommand: async () => reply } as any })
      await expect(store.update(freshRecord(), 'x')).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
      if (typeof reply !== 'string')
        await expect(store.get(freshId())).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    }
  })

  test.skipIf(redisProgram === null)('not connected yet, or any more: an error says what to do', async () => {
    const redis = await server()
    const { createClient } = await import('redis')
    const early = createClient({ url: `redis://127.0.0.1:${redis.port}` })
    const store = redisStore({ client: early })
    await expect(store.get(freshId())).rejects.toMatchObject({
      code: 'ERR_SESSION_STORE',
      message: /await client\.connect\(\)/ as any,
    })
    await early.connect()
    expect(await store.get(freshId())).toBeNull()
    await early.close()
    await expect(store.create(freshRecord())).rejects.toThrow(/not connected/)
    const { Redis } = await import('ioredis')
    const over = new Redis(redis.port)
    const other = redisStore({ client: over })
    expect(await other.get(freshId())).toBeNull()
    await over.quit()
    await eventually('the client has ended', async () => over.status === 'end')
    await expect(other.get(freshId())).rejects.toMatchObject({
      message: /was closed; create a new one/ as any,
    })
  })
})

describe.skipIf(redisProgram === null)('a rotation that is cut short, in a cluster', () => {
  let cluster: Together
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.stop())

  const ports = (): number[] => cluster.servers.map(({ port }) => port)

  /** A client of the cluster whose connections break before, or after, the `at`th command. */
  function breaking(client: any, at: number, executed: boolean): RedisClient {
    let sent = 0
    return {
      isOpen: true,
      nodeClient: () => {},
      sendCommand: async (...words: unknown[]) => {
        sent += 1
        if (sent > at) throw new Error('the connection is broken')
        if (sent === at && !executed) throw new Error('the connection broke')
        const reply = await client.sendCommand(...words)
        if (sent === at) throw new Error('the connection broke')
        return reply
      },
    } as any
  }

  // 1 index, 2 birth, 3 the old one's end, 4 the new one's time
  const cases = [1, 2, 3, 4].flatMap((at) => [false, true].map((executed) => ({ at, executed })))
  test.each(cases)('at command $at, executed: $executed', async ({ at, executed }) => {
    const { client } = await connect(clustered['redis 6'], ...ports())
    const prefix = `${at}${executed}:`
    const whole = redisStore({ client, prefix })
    // Scripts are known already, so that a command is one command.
    const first = await born(whole, { user: 'anna' })
    const old = freshRecord({ user: 'anna' })
    await whole.rotate(first.id, old, first.version)
    const { version } = await alive(whole, old.id)
    const next = freshRecord({ user: 'anna' })
    const cut = redisStore({ client: breaking(client, at, executed), prefix })
    // A server that has not seen a script yet costs a command more: then the cut comes a step earlier.
    await expect(cut.rotate(old.id, next, version)).rejects.toThrow(/the connection/)

    const [stays, came] = [await whole.get(old.id), await whole.get(next.id)]
    const listed = ids(await whole.list('anna'))
    if (stays === null) expect(at).toBeGreaterThanOrEqual(3)
    else {
      expect(listed).toContain(old.id)
      expect(await whole.update({ ...old, data: 'goes on' }, version)).toBe('done')
    }
    if (came !== null) {
      expect(listed).toContain(next.id)
      const ttl = await ttlOf(client, prefix + next.id)
      expect(ttl).toBeGreaterThan(0)
      // Whoever answered nothing leaves nothing behind: unless all was done, it is over in a minute.
      if (!(at === 4 && executed)) expect(ttl).toBeLessThanOrEqual(60_000)
    }
    if (stays !== null) {
      const again = freshRecord({ user: 'anna' })
      const { version } = await alive(whole, old.id)
      expect(await whole.rotate(old.id, again, version)).toBe('done')
      expect(await whole.get(old.id)).toBeNull()
    }
  })

  async function ttlOf(client: any, key: string): Promise<number> {
    return Number(await client.sendCommand(key, false, ['PTTL', key]))
  }

  test.each([1, 2].flatMap((at) => [false, true].map((executed) => ({ at, executed }))))(
    'nor is a birth that is cut short at command $at, executed: $executed, a session out of sight',
    async ({ at, executed }) => {
      const { client } = await connect(clustered['redis 6'], ...ports())
      const prefix = `birth${at}${executed}:`
      const whole = redisStore({ client, prefix })
      for (let n = 0; n < 20; n++) await born(whole, { user: `warm ${n}` })
      const record = freshRecord({ user: 'anna' })
      const cut = redisStore({ client: breaking(client, at, executed), prefix })
      await expect(cut.create(record)).rejects.toThrow(/the connection/)
      const isThere = (await whole.get(record.id)) !== null
      expect(isThere).toBe(at === 2 && executed)
      expect(ids(await whole.list('anna'))).toEqual(isThere ? [record.id] : [])
    },
  )

  test('one that loses leaves no new session behind', async () => {
    const { client } = await connect(clustered['redis 6'], ...ports())
    const store = redisStore({ client, prefix: 'loser:' })
    const old = await born(store, { user: 'anna' })
    await store.update({ ...plain(old), data: 'x' }, old.version)
    const next = freshRecord({ user: 'anna' })
    expect(await store.rotate(old.id, next, old.version)).toBe('conflict')
    expect(await ttlOf(client, `loser:${next.id}`)).toBe(-2)
    expect(ids(await store.list('anna'))).toEqual([old.id])
  })

  test('one that happens between a listing’s looks at the new id and at the old one does not hide the session', async () => {
    const { client } = await connect(clustered['redis 6'], ...ports())
    const real = client as any
    const prefix = 'hidden:'
    const store = redisStore({ client, prefix })
    const old = await born(store, { user: 'anna' })
    const next = freshRecord({ user: 'anna' })
    const watching = (before: (words: string[]) => Promise<void>): RedisClient =>
      ({
        isOpen: true,
        nodeClient: () => {},
        sendCommand: async (key: string, isReadonly: boolean, words: string[]) => {
          await before(words)
          return real.sendCommand(key, isReadonly, words)
        },
      }) as any
    let entered = (): void => {}
    let goOn = (): void => {}
    const isEntered = new Promise<void>((resolve) => (entered = resolve))
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
    const rotating = watching(async (words) => {
      if (words[1] !== CREATE.sha) return
      entered()
      await mayGoOn
    })
    const rotation = redisStore({ client: rotating, prefix }).rotate(old.id, next, old.version)
    await isEntered
    let looked = false
    const listing = watching(async (words) => {
      if (looked || words[1] !== PEEK.sha || words[3] !== prefix + old.id) return
      looked = true
      expect(await store.get(next.id)).toBeNull()
      await pause(50) // the look at the new id, sent together with this one, finds nothing
      goOn()
      expect(await rotation).toBe('done')
    })
    expect(ids(await redisStore({ client: listing, prefix }).list('anna'))).toEqual([next.id])
    expect(looked).toBe(true)
  })

  test('one that a revocation of all sessions overtakes ends, and leaves nothing alive', async () => {
    const { client } = await connect(clustered['redis 6'], ...ports())
    const real = client as any
    const prefix = 'revoked:'
    const store = redisStore({ client, prefix })
    for (const before of [3, 4]) {
      const warm = await born(store, { user: 'anna' })
      const old = freshRecord({ user: 'anna' })
      await store.rotate(warm.id, old, warm.version)
      let sent = 0
      const slow = redisStore({
        prefix,
        client: {
          isOpen: true,
          nodeClient: () => {},
          sendCommand: async (...words: unknown[]) => {
            sent += 1
            if (sent === before) for (const { id } of await store.list('anna')) await store.delete(id)
            return real.sendCommand(...words)
          },
        } as any,
      })
      const next = freshRecord({ user: 'anna' })
      expect(await slow.rotate(old.id, next, (await alive(store, old.id)).version)).toBe('gone')
      expect(await store.get(old.id)).toBeNull()
      expect(await store.get(next.id)).toBeNull()
      expect(await store.list('anna')).toEqual([])
    }
  })
})

describe.skipIf(redisProgram === null)('waiting for replicas', () => {
  test('a write counts when a replica has it; without one it is an error', async () => {
    const set = await startSentinel()
    toEnd.push(() => set.stop())
    const waiting = async (how: Connect, port: number, waitTimeout: number): Promise<SessionStore> => {
      const { client } = await connect(how, port)
      return redisStore({ client, waitReplicas: 1, waitTimeout })
    }
    const { primary, sentinel } = set
    const stores = await Promise.all([
      ...Object.values(alone).map((how) => waiting(how, primary.port, 5000)),
      ...Object.values(watched).map((how) => waiting(how, sentinel.port, 5000)),
    ])
    for (const store of stores) {
      const record = await born(store, { user: 'anna' })
      expect(await store.update({ ...plain(record), data: 'x' }, record.version)).toBe('done')
      expect(await store.update({ ...plain(record), data: 'y' }, record.version)).toBe('conflict')
      const next = freshRecord({ user: 'anna' })
      expect(await store.rotate(record.id, next, (await alive(store, record.id)).version)).toBe('done')
      const raw = await redisCli(set.replica.port, 'GET', `hipflask:${next.id}`)
      expect(raw).toMatch(/^hipflask1 /)
      expect(await store.touch(next.id, next.seenAt, next.expiresAt)).toBe(true)
      expect(await store.delete(next.id)).toBe(true)
      expect(await redisCli(set.replica.port, 'EXISTS', `hipflask:${next.id}`)).toBe('0')
    }
    const record = await born(stores[0]!)
    for (const end of toEnd.splice(1)) await end()
    await sentinel.signal('SIGKILL')
    await set.replica.signal('SIGSTOP')
    for (const how of Object.values(alone)) {
      const store = await waiting(how, primary.port, 100)
      await expect(store.create(freshRecord())).rejects.toMatchObject({
        code: 'ERR_SESSION_STORE',
        message: /0 of 1 replicas/ as any,
      })
      await expect(store.delete(freshId())).rejects.toThrow(/replicas/)
      expect(await store.get(record.id)).toEqual(record)
    }
    await set.replica.signal('SIGCONT')
  })

  test('a client that reconnects while it waits must not believe the new connection, which has nothing to wait for', async () => {
    const set = await startSentinel()
    toEnd.push(() => set.stop())
    await set.sentinel.signal('SIGKILL')
    for (const how of Object.values(alone)) {
      const { client } = await connect(how, set.primary.port)
      const store = redisStore({ client, waitReplicas: 1, waitTimeout: 20_000 })
      const first = await born(store)
      await store.update({ ...plain(first), data: 'w' }, first.version) // the server knows the script from now on
      const record = await alive(store, first.id)
      await set.replica.signal('SIGSTOP')
      const outcome = Promise.allSettled([store.update({ ...plain(record), data: 'x' }, record.version)])
      await eventually('the server waits', async () =>
        /^blocked_clients:1/m.test(await redisCli(set.primary.port, 'INFO', 'clients')),
      )
      await redisCli(set.primary.port, 'CLIENT', 'KILL', 'TYPE', 'normal')
      await set.replica.signal('SIGCONT')
      const [told] = await outcome
      expect(told.status).toBe('rejected')
      await eventually('the store works again', async () => (await store.get(record.id)) !== null)
    }
  })

  test('a WAIT that another connection answered than the one that wrote confirms nothing', async () => {
    let connection = 1
    const replies: Record<string, () => unknown> = {
      CLIENT: () => `id=${connection} addr=127.0.0.1:5000 laddr=127.0.0.1:6379 age=0`,
      EVALSHA: () => 'done',
      WAIT: () => 1,
    }
    const client = { isOpen: true, sendCommand: async ([name]: string[]) => replies[name!]!() }
    const store = redisStore({ client: client as any, waitReplicas: 1 })
    expect(await store.update(freshRecord(), 'x')).toBe('done')
    replies['WAIT'] = () => connection++
    await expect(store.update(freshRecord(), 'x')).rejects.toThrow(/the connection changed/)
    replies['CLIENT'] = () => 'OK'
    await expect(store.update(freshRecord(), 'x')).rejects.toThrow(/the connection changed/)
  })

  test('in a cluster', async () => {
    const cluster = await startCluster(1)
    toEnd.push(() => cluster.stop())
    const ports = cluster.servers.map(({ port }) => port)
    for (const name of ['redis 6', 'ioredis 6', 'ioredis 6, pipelining by itself', 'ioredis 5'] as const) {
      const { client } = await connect(clustered[name], ...ports)
      const store = redisStore({ client, waitReplicas: 1, waitTimeout: 1000 })
      for (let n = 0; n < 8; n++) {
        const record = await born(store, { user: 'anna' })
        expect(await store.update({ ...plain(record), data: 'x' }, record.version)).toBe('done')
        const next = freshRecord({ user: 'anna' })
        expect(await store.rotate(record.id, next, (await alive(store, record.id)).version)).toBe('done')
        expect(await store.delete(next.id)).toBe(true)
      }
    }
    for (const name of ['redis 5', 'redis 4'] as const) {
      const { client } = await connect(clustered[name], ...ports)
      const store = redisStore({ client, waitReplicas: 1 })
      await expect(store.create(freshRecord())).rejects.toMatchObject({ code: 'ERR_SESSION_CONFIG' })
    }
  })

  test.each(Object.entries(watched))(
    '%s: what was acknowledged outlives the primary, and what had ended stays so',
    async (_, how) => {
      const set = await startSentinel()
      toEnd.push(() => set.stop())
      const { client } = await connect(how, set.sentinel.port)
      const store = redisStore({ client, waitReplicas: 1, waitTimeout: 1000 })
      const kept = new Map<string, string>()
      const ended = new Set<string>()
      const work = { over: false }
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 0; n < 5000 && !work.over; n++) {
          const record = freshRecord({ data: `${writer} ${n}` })
          try {
            if (!(await store.create(record))) continue
            if (n % 3 === 0) {
              await store.delete(record.id)
              ended.add(record.id)
            } else kept.set(record.id, record.data)
          } catch {
            await pause(20) // the failover; what failed was not acknowledged
          }
        }
      })
      await eventually('writes are acknowledged', async () => kept.size > 100)
      await set.primary.signal('SIGKILL')
      await eventually('the replica takes over', async () => (await set.current()) === set.replica.port)
      work.over = true
      await Promise.race([Promise.all(writers), pause(1000)])
      const there = await redisCli(set.replica.port, '--raw', 'KEYS', 'hipflask:*')
      const stored = new Set(there.split('\n').map((key) => key.slice('hipflask:'.length)))
      expect([...kept.keys()].filter((id) => !stored.has(id))).toEqual([])
      expect([...ended].filter((id) => stored.has(id))).toEqual([])
    },
  )
})
