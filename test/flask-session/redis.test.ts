import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from 'redis'
import { flaskRedisStore } from '../../src/flask/redis.ts'
import { createSessions } from '../../src/index.ts'
import type { SessionEvent, SessionStore } from '../../src/index.ts'
import type { Serializer } from '../../src/contracts/serializer.ts'
import { vectors } from '../flask/vectors.ts'
import { alone, clustered, watched } from '../real/redis-clients.ts'
import type { Connected } from '../real/redis-clients.ts'
import { redisCli, redisProgram, startCluster, startRedis, startSentinel } from '../real/redis.ts'
import type { Server } from '../real/server.ts'
import { contract } from './contract.ts'
import { live, typed } from './typed.ts'
import type { Typed } from './typed.ts'

const DAY = 86_400_000

function valuesOf({ decode, live }: Serializer, data: string): Typed {
  return ['dict', [...decode(data)].map(([key, kept]) => [typed(key), typed(live(kept))])]
}

function textOf(serializer: Serializer, [, members]: Typed): string {
  return serializer.encode(
    new Map(members.map(([[, key], value]: [Typed, Typed]) => [key, serializer.keep(live(value), key)])),
  )
}

describe.skipIf(redisProgram === null)('Flask-Session in Redis', () => {
  let server: Server
  let raw: ReturnType<typeof createClient>
  let bytes: { sendCommand(words: (string | Buffer)[]): Promise<unknown> }
  let used = 0
  const freshPrefix = (): string => `${++used}:`

  beforeAll(async () => {
    server = await startRedis()
    raw = createClient({ url: `redis://127.0.0.1:${server.port}` })
    await raw.connect()
    bytes = { sendCommand: (words) => raw.sendCommand(words, { typeMapping: { 36: Buffer } }) }
  })
  afterAll(async () => {
    await raw?.close()
    await server?.stop()
  })

  const stored = async (key: string): Promise<string> =>
    ((await bytes.sendCommand(['GET', key])) as Buffer).toString('hex')

  describe.each(Object.keys(alone) as (keyof typeof alone)[])('the store contract, %s', (name) => {
    let connected: Connected
    beforeAll(async () => {
      connected = await alone[name]([server.port])
    })
    afterAll(() => connected?.end())
    contract({
      expiresItself: true,
      // Redis keeps how long a session lives, not until when.
      except: ['a record that was renewed, touched or updated in time survives a sweep that races with it'],
      make() {
        const prefix = freshPrefix()
        const open = (): SessionStore => flaskRedisStore({ client: connected.client, prefix })
        return { store: open(), reopen: open }
      },
    })
  })

  test('behind a Sentinel and in a cluster, with every client', { timeout: 180_000 }, async () => {
    const [sentinel, cluster] = [await startSentinel(), await startCluster()]
    const connected: Connected[] = []
    try {
      for (const connect of Object.values(watched)) connected.push(await connect([sentinel.sentinel.port]))
      const ports = cluster.servers.map(({ port }) => port)
      for (const connect of Object.values(clustered)) connected.push(await connect(ports))
      for (const { client } of connected) await lives(flaskRedisStore({ client, prefix: 'é:' }))
    } finally {
      for (const { end } of connected) await end()
      await sentinel.stop()
      await cluster.stop()
    }
  })

  /** A session's life, under two ids that lie on different servers of a cluster. */
  async function lives(store: SessionStore): Promise<void> {
    const [one, two] = ['a', 'b'].map((id) => record(id, `\x81\xa1${id}\xc3`))
    expect(await store.create(one!)).toBe(true)
    expect(await store.create({ ...one!, data: '\x80' })).toBe(false)
    expect(await store.get('a')).toMatchObject({ data: one!.data })
    expect(await store.update({ ...one!, data: '\x81\xa1a\xc2' }, one!.data)).toBe('done')
    expect(await store.rotate('a', two!, one!.data)).toBe('conflict')
    expect(await store.get('b')).toBeNull()
    expect(await store.rotate('a', two!, '\x81\xa1a\xc2')).toBe('done')
    expect(await store.get('a')).toBeNull()
    expect((await store.get('b'))!.expiresAt).toBeGreaterThan(Date.now() + DAY - 60_000)
    const walked: string[] = []
    let cursor: string | null = null
    for (let pages = 0; pages < 100; pages++) {
      const { sessions, next }: Awaited<ReturnType<SessionStore['page']>> = await store.page(cursor, 10)
      walked.push(...sessions.map(({ id }) => id))
      cursor = next
      if (cursor === null) break
    }
    expect(walked).toEqual(['b'])
    expect(await store.delete('b')).toBe(true)
    expect(await store.get('b')).toBeNull()
  }

  function record(id: string, data: string, life: number = DAY): Parameters<SessionStore['create']>[0] {
    const now = Date.now()
    return {
      id,
      data,
      user: null,
      label: null,
      createdAt: now,
      seenAt: now,
      expiresAt: now + life,
      endsAt: now + life,
    }
  }

  function store(options: Partial<Parameters<typeof flaskRedisStore>[0]> = {}): SessionStore {
    return flaskRedisStore({ client: raw, prefix: freshPrefix(), ...options })
  }

  describe('records that Flask-Session has left', () => {
    const left = vectors.flask_session_redis.flatMap(({ name, config, requests, preloaded = [] }: any) =>
      requests.flatMap(({ store_after }: any, n: number) =>
        (store_after ?? [])
          .filter(
            ({ key, value_hex }: any) =>
              !preloaded.some((one: any) => one.key === key && one.value_hex === value_hex),
          )
          .map((one: any) => Object.assign({ title: `${name}, request ${n + 1}`, config }, one)),
      ),
    )
    test.each(left)('$title', async (...[{ config, key, value_hex, value }]: any[]) => {
      const format = config.SESSION_SERIALIZATION_FORMAT ?? 'msgpack'
      const prefix = config.SESSION_KEY_PREFIX ?? 'session:'
      const redis = store({ format, prefix })
      const id = key.slice(prefix.length)
      await bytes.sendCommand(['SET', key, Buffer.from(value_hex, 'hex'), 'EX', '1000'])
      const read = (await redis.get(id))!
      expect(valuesOf(redis.serializer!, read.data)).toEqual(value)
      expect(read.expiresAt - Date.now()).toBeGreaterThan(990_000)
      await raw.del(key)
      expect(await redis.create({ ...record(id, textOf(redis.serializer!, value), 2_678_400_000) })).toBe(
        true,
      )
      expect(await stored(key)).toBe(value_hex)
      expect(await raw.ttl(key)).toBeGreaterThan(2_678_390)
      await raw.del(key)
    })
  })

  test('what is no session is told, answered as nobody’s, and left as it is', async () => {
    for (const hex of [
      'c0',
      '920102',
      'ffff2067617262616765',
      '80059520000000000000007d94288c0a5f7065726d616e656e7494888c0475736572948c03616e6e94752e',
    ]) {
      const events: SessionEvent[] = []
      const prefix = freshPrefix()
      const sessions = createSessions<any>({
        store: store({ prefix }),
        onEvent: (event) => void events.push(event),
      })
      await bytes.sendCommand(['SET', `${prefix}s1`, Buffer.from(hex, 'hex')])
      const visit = await sessions.open('session=s1', { secure: false })
      expect({ ...visit.session }).toEqual({})
      visit.session.user = 'ann'
      const { setCookie } = await visit.close()
      expect(events.map(({ type }) => type)).toEqual(['corrupt', 'created'])
      expect(setCookie).not.toContain('s1')
      expect(await stored(`${prefix}s1`)).toBe(hex)
    }
    const events: unknown[] = []
    const prefix = freshPrefix()
    const redis = store({ prefix })
    redis.attach!((event) => void events.push(event))
    await raw.lPush(`${prefix}list`, 'x')
    expect(await redis.get('list')).toBeNull()
    expect(events).toMatchObject([{ type: 'corrupt', id: 'list' }])
    expect(await redis.update(record('list', '\x80'), '\x80')).toBe('gone')
    expect(await redis.page(null, 100)).toEqual({ sessions: [], next: null })
    await raw.set(`${prefix}empty`, '')
    expect(await redis.get('empty')).toBeNull()
  })

  test('a read that renews sets the time to live when little is left, and touches nothing else', async () => {
    const prefix = freshPrefix()
    const redis = store({ prefix })
    await redis.create(record('s1', '\x81\xa1a\x01', 10_000))
    const now = Date.now()
    const renewal = { seenBefore: now - 1000, seenAt: now, expiresAt: now + 10_000 }
    const ttl = (): Promise<number> => raw.pTTL(`${prefix}s1`)
    await redis.get('s1', renewal)
    expect(await ttl()).toBeLessThanOrEqual(10_000)
    await raw.pExpire(`${prefix}s1`, 8_500)
    const read = (await redis.get('s1', renewal))!
    expect(await ttl()).toBeGreaterThan(8_600)
    expect(read.expiresAt - Date.now()).toBeGreaterThan(8_600)
    expect(read.version).toBe('\x81\xa1a\x01')
    await raw.pExpire(`${prefix}s1`, 8_500)
    await redis.get('s1')
    expect(await ttl()).toBeLessThanOrEqual(8_500)
    expect(await redis.touch('s1', now, now + 60_000)).toBe(true)
    expect(await ttl()).toBeGreaterThan(50_000)
    await raw.persist(`${prefix}s1`)
    expect((await redis.get('s1', renewal))!.expiresAt).toBe(8_640_000_000_000_000)
    expect(await ttl()).toBe(-1)
    expect(await stored(`${prefix}s1`)).toBe('81a16101')
  })

  test('signed ids are Flask-Session’s: made with SECRET_KEY, and refused without touching the store', () => {
    const signed = vectors.flask_session_redis.find(({ name }: any) => name === 'signer ignores fallbacks')
    expect(signed.config.SECRET_KEY).toBe('new')
    const { ids } = store({ secret: 'old' })
    expect(ids!.record('s1.WqQAHYArCAmVlWUeZtfs-nBQAuA')).toBe('s1')
    for (const token of ['s1', 's1.', '.WqQAHYArCAmVlWUeZtfs-nBQAuA', 's2.WqQAHYArCAmVlWUeZtfs-nBQAuA', ''])
      expect(ids!.record(token)).toBeNull()
    expect(store({ secret: 'new' }).ids!.record('s1.WqQAHYArCAmVlWUeZtfs-nBQAuA')).toBeNull()
    const token = ids!.next()
    expect(token).toMatch(/^[\w-]{43}\.[\w-]{27}$/)
    expect(ids!.record(token)).toBe(token.slice(0, 43))
  })

  test('ids: any that Flask-Session ever made, none that could mean something to a store', () => {
    const { ids } = store({ idLength: 16 })
    expect(ids!.next()).toMatch(/^[\w-]{22}$/)
    for (const id of ['s1', '0f2525ae-c58d-f671-36bc-c5e79ecd2853', 'x'.repeat(200)])
      expect(ids!.record(id)).toBe(id)
    for (const id of ['', '../x y', 'a:b', 'a*', 'é', 'a\0', 'a\r\nDEL', 'x'.repeat(201)])
      expect(ids!.record(id)).toBeNull()
  })

  test.each([
    [{ client: null }, 'client'],
    [{ client: {} }, 'client'],
    [{ format: 'pickle' }, 'format'],
    [{ format: '__proto__' }, 'format'],
    [{ prefix: 5 }, 'prefix'],
    [{ idLength: 8 }, 'idLength'],
    [{ lifetime: 'long' }, 'lifetime'],
  ])('refused: %o', (options, named) => {
    expect(() => store(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringContaining(named) }),
    )
  })

  test('the sessions of a user cannot be listed, and the error says why', () => {
    expect(() => store().list('anna')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_UNSUPPORTED' }))
  })

  test('through the engine: one round trip for a read, two for a write, and no value of Flask’s is lost', async () => {
    const prefix = freshPrefix()
    const sessions = createSessions<any>({
      store: store({ prefix }),
      permanent: true,
      lifetime: '1 hour',
      idle: '1 hour',
    })
    const members = [
      'aa5f7065726d616e656e74c3',
      'a17ad7ffa1dcd42065937d25',
      'a16b8101c0',
      'a166cb3ff0000000000000',
      'a16e',
    ]
    const hex = `85${members.join('')}`
    await bytes.sendCommand(['SET', `${prefix}s1`, Buffer.from(`${hex}01`, 'hex'), 'EX', '3600'])
    await (await sessions.open('session=s1', { secure: false })).close()
    await redisCli(server.port, 'CONFIG', 'RESETSTAT')
    const scripts = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redisCli(server.port, 'INFO', 'commandstats'))![1])
    const visit = await sessions.open('session=s1', { secure: false })
    expect(visit.session.z.toISOString()).toBe('2024-01-02T03:04:05.678Z')
    expect(await scripts()).toBe(1)
    visit.session.update('n', (n: number) => n + 1)
    expect((await visit.close()).setCookie).toContain('session=s1')
    expect(await scripts()).toBe(2)
    expect(await stored(`${prefix}s1`)).toBe(`${hex}02`)
  })
})
