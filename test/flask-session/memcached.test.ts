import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flaskMemcachedStore } from '../../src/flask/memcached.ts'
import type { FlaskMemcachedStoreOptions } from '../../src/flask/memcached.ts'
import { createSessions } from '../../src/index.ts'
import type { SessionEvent } from '../../src/index.ts'
import { flaskMsgpack } from '../../src/serializers/flask-session.ts'
import type { MemcachedStore } from '../../src/stores/memcached.ts'
import { vectors } from '../flask/vectors.ts'
import { memcachedProgram, startMemcached } from '../real/memcached.ts'
import type { Server } from '../real/server.ts'
import { contract, freshRecord } from './contract.ts'

/** The members of a session as they are written, sorted. */
function membersOf(data: string): string[] {
  return [...flaskMsgpack.decode(data)].map((member) => flaskMsgpack.encode(new Map([member]))).sort()
}

describe.skipIf(memcachedProgram === null)('Flask-Session in memcached', () => {
  let server: Server
  let used = 0
  const stores: MemcachedStore[] = []
  beforeAll(async () => {
    server = await startMemcached('-vv')
  })
  afterAll(async () => {
    for (const store of stores) store.close()
    await server?.stop()
  })

  function open(options: FlaskMemcachedStoreOptions = {}): MemcachedStore {
    const store = flaskMemcachedStore({
      server: `127.0.0.1:${server.port}`,
      prefix: `${++used}:`,
      ...options,
    })
    stores.push(store)
    return store
  }

  describe('the store contract', () => {
    contract({
      expiresItself: true,
      // memcached tells nobody how long a session still lives.
      except: ['a record that was renewed, touched or updated in time survives a sweep that races with it'],
      make() {
        const prefix = `${++used}:`
        return { store: open({ prefix }), reopen: () => open({ prefix }) }
      },
    })
  })

  test.each(vectors.flask_session_memcached)('$name', async (...[{ config, requests }]: any[]) => {
    const prefix = 'session:'
    const sessions = createSessions<any>({
      store: open({ prefix }),
      permanent: true,
      lifetime: config.PERMANENT_SESSION_LIFETIME * 1000,
      idle: config.PERMANENT_SESSION_LIFETIME * 1000,
    })
    const visit = await sessions.open(undefined, { secure: false })
    visit.session.user = 'ann'
    const cookie = (await visit.close()).setCookie!.split(';')[0]!
    const again = await sessions.open(cookie, { secure: false })
    expect(again.session.user).toBe('ann')
    await again.close()
    const [{ exptime, value_hex }] = requests[0].memcached_sets
    const key = prefix + cookie.slice('session='.length)
    const log = readFileSync(path.join(server.folder, 'output.log'), 'latin1')
    const [, life, size] = new RegExp(`add ${key} 0 (\\d+) (\\d+)`).exec(log)!
    const [, renewed] = new RegExp(`gats (\\d+) ${key}`).exec(log)!
    // Above 30 days memcached takes a date; the vectors were made at 1700000010.
    const due = exptime > 2_592_000 ? exptime - 1_700_000_010 + Math.floor(Date.now() / 1000) : exptime
    expect(Math.abs(Number(life) - due)).toBeLessThan(5)
    expect(Math.abs(Number(renewed) - due)).toBeLessThan(5)
    expect(Number(size)).toBe(value_hex.length / 2)
    const stored = (await open({ prefix }).get(key.slice(prefix.length)))!
    // In any order, which does not matter to Flask.
    expect(membersOf(stored.data)).toEqual(membersOf(Buffer.from(value_hex, 'hex').toString('latin1')))
  })

  test('what is no session is told, answered as nobody’s, and left as it is', async () => {
    const events: SessionEvent[] = []
    const store = open()
    await store.create(freshRecord({ id: 's1', data: '\x80\x05\x95junk.' }))
    await store.create(freshRecord({ id: 'empty', data: '' }))
    const sessions = createSessions<any>({ store, onEvent: (event) => void events.push(event) })
    const visit = await sessions.open('session=s1', { secure: false })
    expect({ ...visit.session }).toEqual({})
    await visit.close()
    expect(events.map(({ type }) => type)).toEqual(['corrupt'])
    expect((await store.get('s1'))!.data).toBe('\x80\x05\x95junk.')
    expect(await store.get('empty')).toBeNull()
  })

  test('what cannot be done is an error that says so', async () => {
    const store = open()
    for (const call of [() => store.list('anna'), () => store.page(null, 10)])
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_SESSION_UNSUPPORTED' }))
    const sessions = createSessions<any>({ store })
    const visit = await sessions.open(undefined, { secure: false })
    visit.session.name = 'Ann'
    await visit.close()
    await expect(sessions.revoke(visit.session.meta.id!)).rejects.toMatchObject({
      code: 'ERR_SESSION_UNSUPPORTED',
    })
    await expect(store.create(freshRecord({ data: 'x'.repeat(2_000_000) }))).rejects.toMatchObject({
      code: 'ERR_SESSION_SIZE',
    })
  })

  test.each([
    [{ server: '' }, 'server'],
    [{ server: 'a:1,b:2' }, 'server'],
    [{ prefix: 'a b' }, 'prefix'],
    [{ prefix: 'é:' }, 'prefix'],
    [{ format: 'pickle' }, 'format'],
    [{ timeout: 0 }, 'timeout'],
  ])('refused: %o', (options, named) => {
    expect(() => flaskMemcachedStore(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringContaining(named) }),
    )
  })
})
