import { connect, createServer } from 'node:net'
import type { Server as NetServer, Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { SessionError } from '../../src/errors.ts'
import { MemcachedConnection } from '../../src/stores/memcached-connection.ts'
import { memcachedStore } from '../../src/stores/memcached.ts'
import type { MemcachedStore } from '../../src/stores/memcached.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { alive, born, freshRecord, plain } from '../../src/testing/store-cases/store-case.ts'
import { lab } from '../engine/visitor.ts'
import { memcachedProgram, startMemcached } from '../real/memcached.ts'
import type { Server } from '../real/server.ts'

// Servers are started and stopped in these tests, beside whatever else the machine does.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let prefixes = 0

function contract(servers: () => string | readonly string[]): void {
  storeSuite({
    test,
    lists: false,
    expiresItself: true,
    largest: 1_000_000,
    make: () => {
      prefixes += 1
      const open = (): MemcachedStore =>
        memcachedStore({ servers: servers(), prefix: `${prefixes}:`, timeout: 10_000 })
      return { store: open(), reopen: open }
    },
  })
}

const at = ({ port }: { port: number }): string => `127.0.0.1:${port}`

describe.skipIf(memcachedProgram === null)('memcached', () => {
  const servers: Server[] = []
  let one: Server
  beforeAll(async () => {
    servers.push(await startMemcached(), await startMemcached(), await startMemcached())
    one = servers[0]!
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  /** A store for one test, closed after it. */
  async function using(
    options: { servers?: string | readonly string[]; timeout?: number },
    work: (store: MemcachedStore, events: StoreEvent[]) => Promise<void>,
  ): Promise<void> {
    prefixes += 1
    const store = memcachedStore({ servers: at(one), prefix: `${prefixes}:`, ...options })
    const events: StoreEvent[] = []
    store.attach!((event) => void events.push(event))
    try {
      await work(store, events)
    } finally {
      store.close()
    }
  }

  describe('the store contract, one server', () => contract(() => at(one)))
  describe('the store contract, three servers', () => contract(() => servers.map(at)))

  test('what is no id never becomes a command', async () => {
    await using({}, async (store) => {
      const { id } = await born(store)
      for (const text of ['x\r\nflush_all\r\n', 'x y', '', 'a'.repeat(300), `${id}\n`]) {
        expect(await store.get(text)).toBeNull()
        expect(await store.delete(text)).toBe(false)
        expect(await store.touch(text, 1, 2)).toBe(false)
        expect(await store.update(freshRecord({ id: text }), '1')).toBe('gone')
        expect(await store.rotate(text, freshRecord(), '1')).toBe('gone')
        await expect(store.create(freshRecord({ id: text }))).rejects.toThrow('no id of a session')
      }
      expect(await store.get(id)).not.toBeNull()
    })
  })

  test('list and page say that memcached cannot do that', async () => {
    await using({}, async (store) => {
      for (const call of [() => store.list('anna'), () => store.page(null, 10)])
        expect(call).toThrow(expect.objectContaining({ code: 'ERR_SESSION_UNSUPPORTED' }))
    })
  })

  test('a session that is larger than an item is an error, and the old one stays', async () => {
    await using({}, async (store) => {
      const record = await born(store)
      const large = { ...plain(record), data: 'x'.repeat(1_200_000) }
      await expect(store.update(large, record.version)).rejects.toMatchObject({ code: 'ERR_SESSION_SIZE' })
      await expect(store.create({ ...large, id: freshRecord().id })).rejects.toMatchObject({
        code: 'ERR_SESSION_SIZE',
      })
      expect(await alive(store, record.id)).toEqual(record)
    })
  })

  test('a lifetime of more than 30 days is not taken for a date in 1970, nor one beyond 2038 refused', async () => {
    await using({}, async (store) => {
      const now = Date.now()
      for (const days of [29, 30, 31, 400, 5000, 36_500]) {
        const until = now + days * 86_400_000
        const record = freshRecord({ seenAt: now, expiresAt: until, endsAt: until })
        expect(await store.create(record)).toBe(true)
        expect(plain(await alive(store, record.id))).toEqual(record)
      }
    })
  })

  test('foreign and damaged values under our keys are told and answered as nothing, and are left alone', async () => {
    await using({}, async (store, events) => {
      const prefix = `${prefixes}:`
      const raw = new MemcachedConnection(at(one), 1000)
      const whole = await born(store)
      const { item } = await raw.request(`gets ${prefix}${whole.id}`)
      const wrong = [
        '',
        'x',
        '{"a":1}',
        item!.text.slice(0, -1),
        `${item!.text}x`,
        item!.text.replace('hip', 'hop'),
      ]
      for (const text of wrong) {
        const { id } = freshRecord()
        expect((await raw.request(`set ${prefix}${id} 0 60`, Buffer.from(text))).line).toBe('STORED')
        expect(await store.get(id)).toBeNull()
        expect(events.splice(0)).toMatchObject([{ type: 'corrupt', id }])
        expect(await store.update({ ...plain(whole), id }, whole.version)).toBe('gone')
        expect(await store.touch(id, whole.seenAt, whole.expiresAt)).toBe(false)
        expect(await store.create(freshRecord({ id }))).toBe(false)
        expect((await raw.request(`gets ${prefix}${id}`)).item!.text).toBe(text)
        events.length = 0
      }
      raw.close()
    })
  })

  test('an evicted or flushed session is gone, and not brought back by a late write', async () => {
    await using({}, async (store) => {
      const record = await born(store)
      const raw = new MemcachedConnection(at(one), 1000)
      expect((await raw.request('flush_all')).line).toBe('OK')
      raw.close()
      await pause(1100) // memcached flushes by its clock, which ticks once a second
      expect(await store.get(record.id)).toBeNull()
      expect(await store.update(plain(record), record.version)).toBe('gone')
      expect(await store.touch(record.id, record.seenAt, record.expiresAt)).toBe(false)
      expect(await store.get(record.id)).toBeNull()
    })
  })

  test('one read is one command, through the engine', async () => {
    await using({}, async (store) => {
      const { request, visit, events } = lab({ store })
      const counted = (): Promise<Record<string, number>> => stats(one)
      await request((session) => session.set('n', 1))
      const before = await counted()
      await request((session) => session.get('n'))
      const between = await counted()
      await request((session) => session.set('n', 2))
      const after = await counted()
      const anonymous = await visit('')
      expect(anonymous.session.get('n')).toBeUndefined()
      await anonymous.close()
      expect(between['cmd_get']! - before['cmd_get']!).toBe(1)
      expect(between['cmd_set']).toBe(before['cmd_set'])
      expect(after['cmd_get']! - between['cmd_get']!).toBe(2)
      expect(after['cmd_set']! - between['cmd_set']!).toBe(1)
      expect(await counted()).toMatchObject({ cmd_get: after['cmd_get'], cmd_set: after['cmd_set'] })
      expect(events.filter(({ type }) => type === 'store_error')).toEqual([])
    })
  })

  test('killed between reading and writing: an error, no cookie; after the restart the visitor is anonymous', async () => {
    const server = await startMemcached()
    try {
      await using({ servers: at(server) }, async (store) => {
        const visitor = lab({ store })
        await visitor.request((session) => session.set('n', 1))
        const visit = await visitor.visit()
        expect(visit.session.get('n')).toBe(1)
        await server.signal('SIGKILL')
        visit.session.set('n', 2)
        await expect(visit.close()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
        expect(await visit.close()).toMatchObject({ setCookie: null })
        await expect(visitor.visit()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
        await server.restart()
        expect(await visitor.request((session) => session.get('n'))).toBeUndefined()
        await visitor.request((session) => session.set('n', 3))
        expect(await visitor.request((session) => session.get('n'))).toBe(3)
      })
    } finally {
      await server.stop()
    }
  })

  test('halted: the deadline ends the request, the connection is given up, and no answer reaches another caller', async () => {
    const server = await startMemcached()
    try {
      await using({ servers: at(server), timeout: 300 }, async (store) => {
        const records = await Promise.all(
          Array.from({ length: 20 }, (_, n) => born(store, { data: `canary ${n}` })),
        )
        await server.signal('SIGSTOP')
        const visitor = lab({ store, deadline: 100 })
        const visit = await visitor.visit('')
        visit.session.set('n', 1)
        await expect(visit.close()).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
        const silent = await Promise.allSettled(records.map(({ id }) => store.get(id)))
        for (const one of silent)
          expect(one).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SESSION_STORE' } })
        await server.signal('SIGCONT')
        for (let round = 0; round < 3; round++) {
          const read = await Promise.all(records.toReversed().map(({ id }) => store.get(id)))
          expect(read.map((record) => record?.data)).toEqual(records.toReversed().map(({ data }) => data))
        }
      })
    } finally {
      await server.stop()
    }
  })

  test('out of memory without eviction is an error, never a success', async () => {
    const server = await startMemcached('-M', '-m', '2')
    try {
      await using({ servers: at(server) }, async (store) => {
        const kept: string[] = []
        const fill = async (): Promise<void> => {
          for (let n = 0; n < 200; n++) kept.push((await born(store, { data: 'x'.repeat(60_000) })).id)
        }
        await expect(fill()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
        for (const id of kept) expect((await alive(store, id)).data).toHaveLength(60_000)
      })
    } finally {
      await server.stop()
    }
  })
})

async function stats({ port }: Server): Promise<Record<string, number>> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write('stats\r\n')
  let text = ''
  for await (const some of socket) if ((text += some).endsWith('END\r\n')) break
  return Object.fromEntries(
    [...text.matchAll(/^STAT (\w+) (\d+)\r$/gm)].map(([, name, n]) => [name, Number(n)]),
  )
}

describe('the connection', () => {
  let server: NetServer
  let answer: (line: string, socket: Socket) => void
  let store: MemcachedStore
  const sockets = new Set<Socket>()
  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', (bytes) => answer(bytes.toString(), socket))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    store = memcachedStore({ servers: at(server.address() as { port: number }), timeout: 5000 })
  })
  afterAll(() => {
    store.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  test('an answer may come in any pieces', async () => {
    const record = freshRecord({ data: 'ü😀\r\nEND\r\nVALUE x 0 1 1\r\n'.repeat(20) })
    let value = Buffer.alloc(0)
    answer = (text, socket) => {
      value = Buffer.from(text.slice(text.indexOf('\r\n') + 2, -2))
      socket.write('STORED\r\n')
    }
    expect(await store.create(record)).toBe(true)
    answer = (text, socket) => {
      const key = text.slice(5, -2)
      const reply = Buffer.concat([
        Buffer.from(`VALUE ${key} 0 ${value.length} 7\r\n`),
        value,
        Buffer.from('\r\nEND\r\n'),
      ])
      void (async () => {
        for (let at = 0; at < reply.length; at += 97) {
          socket.write(reply.subarray(at, at + 97))
          await pause(0)
        }
      })()
    }
    expect(plain((await store.get(record.id))!)).toEqual(record)
  })

  test.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\nVALUE a b\r\n'],
    ['a value that is longer than announced', 'VALUE x 0 1 1\r\nabcdefghijkl\r\nEND\r\n'],
    ['an endless line', 'x'.repeat(5000)],
    ['an error', 'ERROR\r\n'],
    ['a client error', 'CLIENT_ERROR bad data chunk\r\nERROR\r\n'],
    ['a server error', 'SERVER_ERROR out of memory\r\n'],
    ['half an answer and the end', null],
  ])('%s is an error, and the next request has a connection of its own', async (_, reply) => {
    answer = (__, socket) => {
      if (reply === null) socket.end('VALUE x 0 100')
      else socket.write(reply)
    }
    const rejected = expect(store.touch(freshRecord().id, 0, 0)).rejects
    await rejected.toThrow()
    answer = (__, socket) => void socket.write('END\r\n')
    expect(await store.get(freshRecord().id)).toBeNull()
  })

  test.each<any>([
    { servers: [] },
    { servers: 'localhost' },
    { servers: [5] },
    { prefix: 'a b' },
    { prefix: 'é' },
    { prefix: 'x'.repeat(201) },
    { timeout: 0 },
    { timeout: '5' },
  ])('%j is refused', (options) => {
    const wrong = (): unknown => memcachedStore(options)
    expect(wrong).toThrow(SessionError)
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CONFIG' }))
  })
})
