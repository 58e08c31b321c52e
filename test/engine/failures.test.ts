import { describe, expect, test } from 'vitest'
import type { SessionError, SessionStore } from '../../src/index.ts'
import { createSessions } from '../../src/index.ts'
import { flaskMsgpack } from '../../src/serializers/flask-session.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { lab, type Lab, values, watched } from './visitor.ts'

/** A session in a store that can be told to fail or hang from now on. */
async function shaky(options = {}): Promise<{ app: Lab; trouble: { with: (call: string) => unknown } }> {
  const trouble = { with: (call: string): unknown => void call }
  const app = lab({ store: watched(memoryStore({ max: 100 }), (call) => trouble.with(call)), ...options })
  await app.request((s) => s.set('a', 1))
  app.events.length = 0
  return { app, trouble }
}

const down = (): never => {
  throw new Error('connect redis://user:canary-password@db')
}

describe('a store that fails', () => {
  test('reading: the request gets the error, and its cause; the message tells no connection string', async () => {
    const { app, trouble } = await shaky()
    trouble.with = down
    const error: SessionError = await app.visit().then(
      () => expect.unreachable(),
      (e) => e,
    )
    expect(error).toMatchObject({
      name: 'SessionError',
      code: 'ERR_SESSION_STORE',
      cause: { message: expect.stringContaining('canary') },
    })
    expect(error.message).not.toContain('canary')
    expect(app.events).toMatchObject([{ type: 'store_error', call: 'get' }])
  })
  test('writing: the end of the request fails, no cookie leaves, an error page can', async () => {
    const { app, trouble } = await shaky()
    for (const cookie of [app.jar, undefined]) {
      app.jar = cookie
      trouble.with = () => undefined
      const visit = await app.visit()
      visit.session.set('a', 2)
      trouble.with = down
      await expect((async () => visit.close())()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
      expect(visit.session.get('a')).toBe(2)
      visit.session.flash('the error page may do this, and it goes nowhere')
      expect(await visit.close()).toEqual({ setCookie: null, vary: true })
    }
  })
  test("onStoreError 'anonymous': served without a session, nothing is overwritten, saving is still an error", async () => {
    const { app, trouble } = await shaky({ onStoreError: 'anonymous' })
    trouble.with = down
    expect(await values(app)).toEqual({})
    const visit = await app.visit()
    expect(visit.session.get('a')).toBeUndefined()
    visit.session.set('a', 2)
    await expect((async () => visit.close())()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    const leaving = await app.visit()
    leaving.session.destroy()
    await expect((async () => leaving.close())()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    trouble.with = () => undefined
    expect(await values(app)).toEqual({ a: 1 })
  })
  test('a store that answers at once and fails throws at the line that looks', async () => {
    const inner = memoryStore({ max: 10 })
    const app = lab({ store: inner })
    await app.request((s) => s.set('a', 1))
    inner.get = down
    const visit = await app.visit()
    expect(() => visit.session['a']).toThrow(expect.objectContaining({ code: 'ERR_SESSION_STORE' }))
    expect(visit.session['a']).toBeUndefined()
    visit.session['a'] = 2
    expect(() => visit.close()).toThrow(expect.objectContaining({ code: 'ERR_SESSION_STORE' }))
  })
  test('failing among several cookies is failing', async () => {
    for (const immediate of [true, false]) {
      const inner = memoryStore({ max: 10 })
      const app = lab({ store: immediate ? inner : watched(inner, down) })
      inner.get = down
      const header = `__Host-session=${'A'.repeat(43)}; __Host-session=${'B'.repeat(42)}A`
      await expect((async () => (await app.visit(header)).session.get('a'))()).rejects.toMatchObject({
        code: 'ERR_SESSION_STORE',
      })
    }
  })
  test('paging and sweeping, too: an error that tells nothing, an event, and for a page a deadline', async () => {
    const { app, trouble } = await shaky({ deadline: 20 })
    trouble.with = down
    for (const work of [() => app.sessions.page(null, 10), () => app.sessions.gc()]) {
      const error: Error = await work().then(
        () => expect.unreachable(),
        (e) => e,
      )
      expect(error).toMatchObject({
        code: 'ERR_SESSION_STORE',
        cause: { message: expect.stringContaining('canary') },
      })
      expect(error.message).not.toContain('canary')
    }
    expect(app.events).toMatchObject([
      { type: 'store_error', call: 'page' },
      { type: 'store_error', call: 'gc' },
    ])
    trouble.with = () => new Promise(() => {})
    await expect(app.sessions.page(null, 10)).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
    expect(app.sessions.health().store.page).toMatchObject({ calls: 2, failures: 2 })
  })
  test('a SessionError of the store’s own passes as it is', async () => {
    const { app } = await shaky({ store: undefined })
    const { SessionError } = await import('../../src/index.ts')
    const error = new SessionError('ERR_SESSION_UNSUPPORTED', 'this store cannot list')
    app.store.list = () => {
      throw error
    }
    await expect(app.sessions.list('ann')).rejects.toBe(error)
  })
  test('a store that says immediate and answers a promise is told so', async () => {
    const store = { ...watched(memoryStore({ max: 10 })), immediate: true } as SessionStore
    const app = lab({ store })
    app.jar = `__Host-session=${'A'.repeat(43)}`
    const visit = await app.visit()
    expect(() => visit.session.get('a')).toThrow(/`immediate`/)
  })
})

describe('a store that hangs', () => {
  const forever = (): Promise<never> => new Promise(() => undefined)
  test('reading and writing end at the deadline, and a queue behind them does too', async () => {
    const { app, trouble } = await shaky({ deadline: 60 })
    trouble.with = forever
    await expect(app.visit()).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
    trouble.with = (call) => (call === 'update' ? forever() : undefined)
    const visits = await Promise.all(Array.from({ length: 10 }, () => app.visit()))
    const ends = await Promise.allSettled(
      visits.map(async (visit, i) => {
        visit.session.set(`k${i}`, i)
        return visit.close()
      }),
    )
    for (const end of ends)
      expect(end).toMatchObject({ status: 'rejected', reason: { name: 'SessionError' } })
    trouble.with = () => undefined
    expect(await values(app)).toEqual({ a: 1 })
    await app.request((s) => s.set('a', 2))
    expect(await values(app)).toEqual({ a: 2 })
  })
  test('what fails after the deadline fails unheard', async () => {
    const { app, trouble } = await shaky({ deadline: 20 })
    let reject: (error: Error) => void = () => undefined
    trouble.with = () => new Promise((_, no) => (reject = no))
    await expect(app.visit()).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
    reject(new Error('late'))
    await new Promise((resolve) => setTimeout(resolve, 10))
  })
  test('what is answered after the deadline does not make the store well', async () => {
    const { app, trouble } = await shaky({ deadline: 20 })
    let resolve: (record: null) => void = () => undefined
    trouble.with = () => new Promise((yes) => (resolve = yes))
    await expect(app.visit()).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
    resolve(null)
    await new Promise((done) => setTimeout(done, 10))
    expect(app.sessions.health().ok).toBe(false)
    trouble.with = () => undefined
    await values(app)
    expect(app.sessions.health().ok).toBe(true)
  })
  test('D13 endless conflicts end at the deadline with an error', async () => {
    const { app } = await shaky({ deadline: 80 })
    app.store.update = () => 'conflict'
    await expect(app.request((s) => s.set('a', 2))).rejects.toMatchObject({ code: 'ERR_SESSION_CONTENTION' })
  })
})

describe('a record that cannot be read', () => {
  test.each(['', '{', '[]', '5', 'null', '{"a":{" nothing":1}}', '\u0000'])(
    '%j: anonymous and an event, the record is left alone',
    async (data) => {
      const app = lab()
      await app.request((s) => s.set('a', 1))
      const { id } = (await app.store.page(null, 1)).sessions[0]!
      const record = (await app.store.get(id))!
      await app.store.update({ ...record, data }, record.version)
      const visit = await app.visit()
      expect(visit.session.toJSON()).toEqual({})
      expect((await visit.close()).setCookie).toBeNull()
      expect(app.events.at(-1)).toMatchObject({ type: 'corrupt', id })
      expect((await app.store.get(id))!.data).toBe(data)
      await app.request((s) => s.set('b', 2))
      expect(await values(app)).toEqual({ b: 2 })
    },
  )
  test('one that became unreadable while a request ran ends that request quietly', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const visit = await app.visit()
    visit.session.set('a', 2)
    const { id } = (await app.store.page(null, 1)).sessions[0]!
    const record = (await app.store.get(id))!
    await app.store.update({ ...record, data: 'torn' }, record.version)
    await visit.close()
    expect(app.types().slice(-2)).toEqual(['corrupt', 'gone'])
  })
})

describe('sizes', () => {
  test('a record that is bytes has as many as it has characters', async () => {
    const store = Object.assign(watched(memoryStore({ max: 10 })), { serializer: flaskMsgpack })
    const app = lab({ store, maxBytes: 1000 })
    const set = (length: number) => app.request((s) => s.set('a', new Uint8Array(length).fill(0xff)))
    await set(1000 - 6)
    await expect(set(1000 - 5)).rejects.toThrow('would be 1001 bytes')
  })

  test('over maxBytes the end of the request fails and the old record stays', async () => {
    const app = lab({ maxBytes: 1000 })
    await app.request((s) => s.set('a', 'x'.repeat(990)))
    for (const big of ['x'.repeat(1000), 'é'.repeat(500)]) {
      await expect(app.request((s) => s.set('a', big))).rejects.toMatchObject({
        code: 'ERR_SESSION_SIZE',
        message: expect.stringContaining('`maxBytes` is 1000'),
      })
    }
    expect((await values(app))['a']).toHaveLength(990)
  })
  test('the default is 256 KiB', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 'x'.repeat(262_144 - 8)))
    await expect(app.request((s) => s.set('a', 'x'.repeat(262_144 - 7)))).rejects.toMatchObject({
      code: 'ERR_SESSION_SIZE',
    })
  })
})

describe('a schema', () => {
  const schema = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        const { age } = value as { age?: unknown }
        return age === undefined || typeof age === 'number'
          ? { value }
          : {
              issues: [
                { message: `bad ${age}`, path: ['age', { key: 0 }] },
                { message: 'all', path: undefined },
              ],
            }
      },
    },
  }
  test('values that do not fit are not written, and the message names paths, not values', async () => {
    const app = lab({ schema })
    await app.request((s) => s.set('age', 7))
    const error: SessionError = await app
      .request((s) => s.set('age', 'canary'))
      .then(
        () => expect.unreachable(),
        (e) => e,
      )
    expect(error).toMatchObject({
      code: 'ERR_SESSION_SCHEMA',
      message: expect.stringContaining('age.0, its root'),
    })
    expect(error.message).not.toContain('canary')
    expect(await values(app)).toEqual({ age: 7 })
  })
  test('stored values that do not fit are not read: anonymous and an event', async () => {
    const store = memoryStore({ max: 10 })
    const before = lab({ store })
    await before.request((s) => s.set('age', 'old'))
    const app = lab({ store, schema })
    app.jar = before.jar
    expect(await values(app)).toEqual({})
    expect(app.events).toMatchObject([{ type: 'invalid', issues: ['age.0', 'its root'] }])
  })
  test('one that answers a promise is a mistake in the settings', async () => {
    const later = { '~standard': { ...schema['~standard'], validate: async (value: unknown) => ({ value }) } }
    await expect(lab({ schema: later }).request((s) => s.set('a', 1))).rejects.toMatchObject({
      code: 'ERR_SESSION_CONFIG',
    })
  })
})

describe('settings that cannot work are refused when they are made', () => {
  const store = memoryStore({ max: 10 })
  const codec = {
    serializer: null,
    keepsTimes: true,
    fixedName: false,
    open: () => ({ ok: false, reason: 'malformed' }),
    seal: () => '',
  }
  test.each([
    [undefined, /takes an object/],
    [{}, /either `store` or `codec`/],
    [{ store, codec }, /either `store` or `codec`/],
    [{ store: {} }, /`store` is no session store/],
    [{ codec: {} }, /`codec` is no session codec/],
    [{ store, resave: true }, /`resave` is no option/],
    [{ store, lifetime: '5 fortnights' }, /`lifetime`/],
    [{ store, idle: '2 days', lifetime: '1 day' }, /`idle` is longer/],
    [{ store, deadline: 0 }, /`deadline`/],
    [{ store, maxBytes: 0.5 }, /`maxBytes`/],
    [{ store, userOf: 'user' }, /`userOf` must be a function/],
    [{ codec, userOf: () => 'x' }, /`userOf` needs a store/],
    [{ store, schema: {} }, /`schema` must be/],
    [{ store, onEvent: 1 }, /`onEvent`/],
    [{ store, onClash: 'both' }, /`onClash`/],
    [{ store, onStoreError: 'ignore' }, /`onStoreError`/],
    [{ store, cookie: { name: 'a b' } }, /cookie\.name/],
    [{ store, cookie: { maxAge: 3600 } }, /cookie\.maxAge is no option/],
  ])('%j', (options, message) => {
    expect(() => createSessions(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringMatching(message) }),
    )
  })
  test.each([{}, true, 'half of \ud83d'])('userOf that answers %j is named', async (user) => {
    await expect(lab({ userOf: (() => user) as never }).request((s) => s.set('a', 1))).rejects.toMatchObject({
      code: 'ERR_SESSION_CONFIG',
      message: expect.stringContaining('`userOf`'),
    })
  })
})

test('what a store tells on its own becomes an event', async () => {
  const app = lab({ store: memoryStore({ max: 1 }) })
  await app.request((s) => s.set('a', 1))
  app.jar = undefined
  await app.request((s) => s.set('a', 1))
  expect(app.types()).toContain('evicted')
  let report: Parameters<NonNullable<SessionStore['attach']>>[0] = () => undefined
  const other = lab({ store: { ...watched(memoryStore({ max: 1 })), attach: (to) => void (report = to) } })
  report({ type: 'warning', message: 'disk nearly full' })
  expect(other.events).toMatchObject([
    { type: 'warning', code: 'store', id: null, message: 'disk nearly full' },
  ])
})

describe('the circuit breaker and health', () => {
  test('after five failures in a row calls fail at once; a probe closes it again', async () => {
    const { app, trouble } = await shaky()
    const store = app.store as SessionStore & { calls: string[] }
    expect(app.sessions.health()).toMatchObject({
      ok: true,
      breaker: 'closed',
      lastError: null,
      store: { create: { calls: 1, failures: 0 } },
    })
    store.calls.length = 0
    trouble.with = down
    for (let i = 0; i < 20; i++)
      await expect(app.visit()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    expect(store.calls).toHaveLength(5)
    expect(app.sessions.health()).toMatchObject({
      ok: false,
      breaker: 'open',
      lastError: { code: 'ERR_SESSION_STORE', at: app.now },
      store: { get: { calls: 20, failures: 20 } },
    })
    trouble.with = () => undefined
    let tries = 0
    while (app.sessions.health().breaker !== 'closed' && tries++ < 200) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      await app.visit().catch(() => undefined)
    }
    expect(await values(app)).toEqual({ a: 1 })
    expect(app.sessions.health()).toMatchObject({ ok: true, breaker: 'closed' })
  })
  test('while it probes, others fail at once; a failed probe opens it again', async () => {
    const { app, trouble } = await shaky({ deadline: 50 })
    trouble.with = () => new Promise(() => undefined)
    await Promise.allSettled(Array.from({ length: 5 }, () => app.visit()))
    await new Promise((resolve) => setTimeout(resolve, 510))
    const probe = app.visit()
    expect(app.sessions.health().breaker).toBe('probing')
    await expect(app.visit()).rejects.toMatchObject({ message: expect.stringContaining('probed') })
    await expect(probe).rejects.toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
    expect(app.sessions.health().breaker).toBe('open')
  })
  test('failures between successes, and what a store cannot do by its nature, open nothing', async () => {
    const { app, trouble } = await shaky()
    for (let i = 0; i < 10; i++) {
      trouble.with = (call) => (call === 'update' ? down() : undefined)
      await expect(app.request((s) => s.set('a', i + 5))).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    }
    expect(app.sessions.health().breaker).toBe('closed')
    const { SessionError } = await import('../../src/index.ts')
    app.store.list = () => {
      throw new SessionError('ERR_SESSION_UNSUPPORTED', 'this store cannot list')
    }
    for (let i = 0; i < 10; i++)
      await expect(app.sessions.list('ann')).rejects.toMatchObject({ code: 'ERR_SESSION_UNSUPPORTED' })
    for (const code of ['ERR_SESSION_SIZE', 'ERR_SESSION_USE'] as const) {
      trouble.with = (call) => {
        if (call === 'update') throw new SessionError(code, 'more than an item may have, or of another kind')
      }
      for (let i = 0; i < 10; i++)
        await expect(app.request((s) => s.set('a', i + 50))).rejects.toMatchObject({ code })
    }
    expect(app.sessions.health()).toMatchObject({ ok: true, breaker: 'closed' })
  })
  test('health counts merges, and says that cookies have no store', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const [one, two] = [await app.visit(), await app.visit()]
    one.session.set('b', 1)
    two.session.set('c', 1)
    await one.close()
    await two.close()
    expect(app.sessions.health().merged).toBe(1)
    const codec = {
      serializer: null,
      keepsTimes: true,
      fixedName: false,
      open: () => ({ ok: false, reason: 'malformed' }) as const,
      seal: () => '',
    }
    expect(createSessions({ codec }).health()).toEqual({
      ok: true,
      breaker: null,
      lastError: null,
      merged: 0,
      store: {},
    })
  })
})
