import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import { recordId } from '../../src/lib/id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { lab, type Lab, type LabOptions, values, watched } from './visitor.ts'

const token = (cookie: string): string => cookie.slice(cookie.indexOf('=') + 1)

describe('nothing for nothing', () => {
  test('J01 a visitor who stores nothing costs no store call, no cookie, no Vary', async () => {
    const store = watched(memoryStore({ max: 10 }))
    const app = lab({ store })
    const visit = await app.visit(undefined)
    expect(visit.close()).toEqual({ setCookie: null, vary: false })
    const looking = await app.visit(undefined)
    expect(looking.session['a']).toBeUndefined()
    expect(looking.close()).toEqual({ setCookie: null, vary: true })
    const cleaning = await app.visit(undefined)
    cleaning.session.clear()
    cleaning.session.pop('a')
    cleaning.session.flashes()
    cleaning.session.permanent = true
    cleaning.session.regenerate()
    expect(await cleaning.close()).toEqual({ setCookie: null, vary: true })
    expect(store.calls).toEqual([])
    expect(app.events).toEqual([])
  })
  test('J02 an anonymous logout stores nothing', async () => {
    const store = watched(memoryStore({ max: 10 }))
    const app = lab({ store })
    await app.request((s) => s.destroy())
    expect(store.calls).toEqual([])
    expect(app.jar).toBeUndefined()
  })
  test('a read costs one store call, a write two, a birth one', async () => {
    const store = watched(memoryStore({ max: 10 }))
    const app = lab({ store, idle: '1 hour' })
    await app.request((s) => s.set('a', 1))
    expect(store.calls.splice(0)).toEqual(['create'])
    await app.request((s) => s.get('a'))
    expect(store.calls.splice(0)).toEqual(['get'])
    app.now += 30 * 60_000
    await app.request((s) => s.get('a'))
    expect(store.calls.splice(0)).toEqual(['get'])
    await app.request((s) => s.set('a', 2))
    expect(store.calls.splice(0)).toEqual(['get', 'update'])
    await app.request((s) => s.regenerate())
    expect(store.calls.splice(0)).toEqual(['get', 'rotate'])
    await app.request((s) => s.destroy())
    expect(store.calls.splice(0)).toEqual(['get', 'delete'])
  })
  test('with a store that answers at once, a session nobody looks at is not even read', async () => {
    const inner = memoryStore({ max: 10 })
    let reads = 0
    const store = {
      ...bound(inner),
      immediate: true,
      get: (...args: Parameters<typeof inner.get>) => (reads++, inner.get(...args)),
    }
    const app = lab({ store })
    await app.request((s) => s.set('a', 1))
    const visit = await app.visit()
    expect(visit.close()).toEqual({ setCookie: null, vary: false })
    expect(reads).toBe(0)
    expect(await values(app)).toEqual({ a: 1 })
    expect(reads).toBe(1)
  })
  test('one that answers at once but for renewals is read late only where nothing idles', async () => {
    for (const idle of [undefined, '1 hour'] as const) {
      const inner = memoryStore({ max: 10 })
      let reads = 0
      const get = (...args: Parameters<typeof inner.get>): ReturnType<typeof inner.get> => (
        reads++,
        inner.get(...args)
      )
      const store = { ...bound(inner), immediate: 'without renewal' as const, get }
      const app = lab({ store, ...(idle && { idle }) })
      await app.request((s) => s.set('a', 1))
      await app.request(() => undefined)
      expect(reads).toBe(idle === undefined ? 0 : 1)
    }
  })
  test('assigning what is there already writes nothing', async () => {
    const store = watched(memoryStore({ max: 10 }))
    const app = lab({ store })
    await app.request((s) => Object.assign(s, { theme: 'dark', cart: { items: [1] } }))
    store.calls.length = 0
    await app.request((s) => {
      s['theme'] = 'dark'
      s['cart'] = { items: [1] }
      s['cart'].items.push(2)
      s['cart'].items.pop()
      s.set('gone', 1)
      s.pop('gone')
      s.update('theme', (t) => t)
    })
    expect(store.calls).toEqual(['get'])
  })
  test('I02 any look is a look', async () => {
    const looks: ((s: any) => unknown)[] = [
      (s) => s['x'],
      (s) => s.get('x'),
      (s) => 'x' in s,
      (s) => Object.keys(s),
      (s) => ({ ...s }),
      (s) => JSON.stringify(s),
      (s) => s.permanent,
      (s) => s.meta,
      (s) => s.flashes(),
      (s) => Object.hasOwn(s, 'x'),
      (s) => s.toJSON(),
    ]
    for (const look of looks) {
      const visit = await lab().visit(undefined)
      look(visit.session)
      expect(await visit.close(), look.toString()).toEqual({ setCookie: null, vary: true })
    }
  })
})

function bound(store: ReturnType<typeof memoryStore>): typeof store {
  return new Proxy({} as typeof store, {
    get: (_, key) => {
      const member = store[key as keyof typeof store] as unknown
      return typeof member === 'function' ? member.bind(store) : member
    },
    ownKeys: () => ['get', 'create', 'update', 'rotate', 'touch', 'delete', 'list', 'page', 'gc', 'attach'],
    getOwnPropertyDescriptor: (_, key) => ({
      value: (store as never)[key],
      enumerable: true,
      configurable: true,
    }),
  })
}

describe('ids', () => {
  test('C06 the bearer id never reaches the store', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const id = token(app.jar!)
    expect(await app.store.get(id)).toBeNull()
    expect(await app.store.get(recordId(id))).toMatchObject({ id: recordId(id), data: '{"a":1}' })
    expect(JSON.stringify(app.events)).not.toContain(id)
  })
  test('C01 an unknown id is never adopted', async () => {
    const app = lab()
    const offered = 'A'.repeat(43)
    app.jar = `__Host-session=${offered}`
    await app.request((s) => s.set('a', 1))
    expect(token(app.jar)).not.toBe(offered)
    expect(await app.store.get(recordId(offered))).toBeNull()
    expect(app.types()).toEqual(['unknown', 'created'])
  })
  test.each([
    '',
    ' ',
    'null',
    'undefined',
    'x',
    'x'.repeat(5000),
    '*',
    '../x',
    '%2e%2e',
    '"quoted"',
    'A'.repeat(42) + 'B',
  ])('C05 %.20j is refused by its shape and never reaches the store', async (junk) => {
    const store = watched(memoryStore({ max: 10 }))
    const app = lab({ store })
    const visit = await app.visit(`__Host-session=${junk}`)
    expect(visit.session.meta.isNew).toBe(true)
    expect(await visit.close()).toEqual({ setCookie: expect.stringContaining('Max-Age=0'), vary: true })
    expect(store.calls).toEqual([])
    expect(app.events).toMatchObject([{ type: 'rejected', reason: 'malformed' }])
  })
  test('C03 regenerate kills the old id in the same store operation and keeps the values', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const before = app.jar!
    await app.request((s) => {
      s.regenerate()
      s.set('b', 2)
    })
    expect(app.jar).not.toBe(before)
    expect(await values(app)).toEqual({ a: 1, b: 2 })
    app.jar = before
    expect(await values(app)).toEqual({})
  })
  test('C02 when the user changes, the id changes by itself', async () => {
    const app = lab({ userOf: (data) => data['user'] })
    await app.request((s) => s.set('cart', [1]))
    const fixed = app.jar!
    await app.request((s) => s.set('user', 'ann'))
    expect(app.jar).not.toBe(fixed)
    expect(await values({ ...app, jar: fixed, visit: async () => app.visit(fixed) })).toEqual({})
    expect(await values(app)).toEqual({ cart: [1], user: 'ann' })
    const loggedIn = app.jar!
    await app.request((s) => s.pop('user'))
    expect(app.jar).not.toBe(loggedIn)
    const anonymous = app.jar
    await app.request((s) => s.set('cart', [2]))
    expect(app.jar).toBe(anonymous)
  })
  test('C07 an id that is taken is drawn again, and the other session is left alone', async () => {
    const inner = memoryStore({ max: 10 })
    let taken = 2
    const store = watched(inner)
    const original = store.create
    store.create = async (record) => (taken-- > 0 ? false : original(record))
    const app = lab({ store })
    await app.request((s) => s.set('a', 1))
    expect(await values(app)).toEqual({ a: 1 })
    taken = 99
    app.jar = undefined
    await expect(app.request((s) => s.set('a', 1))).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
  })
})

describe('the end of a session', () => {
  test('destroy removes the record and drops the cookie', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const cookie = app.jar!
    const visit = await app.visit()
    visit.session.destroy()
    expect('a' in visit.session).toBe(false)
    expect(await app.leave(visit)).toBe(
      '__Host-session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Secure; HttpOnly; Path=/; SameSite=Lax',
    )
    expect(await app.store.get(recordId(token(cookie)))).toBeNull()
    app.jar = cookie
    expect(await values(app)).toEqual({})
  })
  test('destroy drops the cookie of a session that is no longer there', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    await app.sessions.revoke(recordId(token(app.jar!)))
    await app.request((s) => s.destroy())
    expect(app.jar).toBeUndefined()
  })
  test('C13 after destroy: again is fine, writing is an error, nothing is stored', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const visit = await app.visit()
    const { session } = visit
    session.destroy()
    session.destroy()
    for (const use of [
      () => session.set('a', 2),
      () => session.flash('bye'),
      () => session.regenerate(),
      () => session.update('a', () => 1),
      () => session.clear(),
    ]) {
      expect(use).toThrow(expect.objectContaining({ code: 'ERR_SESSION_ENDED' }))
    }
    await session.save()
    await session.save()
    await app.leave(visit)
    expect(app.types().filter((type) => type === 'destroyed')).toHaveLength(1)
    expect(app.jar).toBeUndefined()
  })
  test('C14 a store that cannot delete makes the logout fail visibly', async () => {
    const store = watched(memoryStore({ max: 10 }), (call) => {
      if (call === 'delete') throw new Error('down')
    })
    const app = lab({ store })
    await app.request((s) => s.set('a', 1))
    await expect(app.request((s) => s.destroy())).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
    expect(await values(app)).toEqual({ a: 1 })
  })
  test('C11 a listener that throws changes nothing', async () => {
    const app = lab({
      onEvent: () => {
        throw new Error('listener')
      },
    })
    const printed = console.error
    let lines = 0
    console.error = () => void lines++
    try {
      await app.request((s) => s.set('a', 1))
      await app.request((s) => s.destroy())
    } finally {
      console.error = printed
    }
    expect(lines).toBeGreaterThan(1)
    expect(app.jar).toBeUndefined()
  })
  test('a late change is an error at its line, reading is not', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const visit = await app.visit()
    visit.session.get('a')
    await visit.close()
    expect(visit.session.get('a')).toBe(1)
    for (const late of [
      () => visit.session.set('a', 2),
      () => delete visit.session['a'],
      () => visit.session.destroy(),
      () => (visit.session.permanent = true),
    ]) {
      expect(late).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CLOSED' }))
    }
  })
  test('the same while the closing is under way', async () => {
    const app = lab({ store: watched(memoryStore({ max: 10 })) })
    const visit = await app.visit()
    visit.session.set('a', 1)
    const closing = visit.close()
    expect(() => visit.session.set('a', 2)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CLOSED' }))
    expect(await visit.close()).toEqual(await closing)
    expect(await visit.close()).toEqual(await closing)
    expect(app.types()).toEqual(['created'])
  })
})

describe('lifetimes, to the millisecond', () => {
  test('E01 the absolute lifetime: alive before, dead at its end and after', async () => {
    const app = lab({ lifetime: '1 hour' })
    await app.request((s) => s.set('a', 1))
    const cookie = app.jar
    app.now += 3_599_999
    expect(await values(app)).toEqual({ a: 1 })
    app.now += 1
    expect(await values(app)).toEqual({})
    app.jar = cookie
    app.now += 1
    expect(await app.request((s) => s.meta.isNew)).toBe(true)
    expect(app.types()).toContain('expired')
    expect(app.jar).toBeUndefined()
  })
  test('E02 idle renewals never go past the absolute lifetime', async () => {
    const app = lab({ lifetime: '24 hours', idle: '30 minutes' })
    await app.request((s) => s.set('a', 1))
    const born = app.now
    const cookie = app.jar
    for (let minute = 1; minute <= 25 * 60; minute++) {
      app.now = born + minute * 60_000
      app.jar = cookie
      const alive = Object.keys(await values(app)).length > 0
      expect(alive, `minute ${minute}`).toBe(minute < 24 * 60)
    }
  })
  test('a write is a visit: it renews the idle time, and never past the absolute lifetime', async () => {
    const app = lab({ lifetime: '60 minutes', idle: '40 minutes' })
    await app.request((s) => s.set('a', 1))
    const born = app.now
    app.now += 3 * 60_000
    await app.request((s) => s.set('a', 2))
    const { meta } = (await app.visit()).session
    expect([meta.seenAt, meta.expiresAt]).toEqual([new Date(app.now), new Date(app.now + 40 * 60_000)])
    app.now += 30 * 60_000
    await app.request((s) => s.set('a', 3))
    expect(await app.request((s) => s.meta.expiresAt)).toEqual(new Date(born + 60 * 60_000))
  })
  test('the idle time ends a session nobody visits, to the millisecond', async () => {
    const app = lab({ idle: '10 minutes' })
    await app.request((s) => s.set('a', 1))
    app.now += 599_999
    expect(await values(app)).toEqual({ a: 1 })
    app.now += 600_000
    expect(await values(app)).toEqual({})
  })
  test('renewal is throttled to a tenth of the idle time, and needs no new cookie', async () => {
    const app = lab({ idle: '10 minutes' })
    await app.request((s) => s.set('a', 1))
    app.now += 60_000
    await values(app)
    expect(app.types().filter((type) => type === 'renewed')).toHaveLength(0)
    app.now += 1
    await values(app)
    expect(app.types().filter((type) => type === 'renewed')).toHaveLength(1)
    await values(app)
    const visit = await app.visit()
    visit.session.get('a')
    expect((await visit.close()).setCookie).toBeNull()
  })
  test('a shorter lifetime in the settings ends older sessions too', async () => {
    const store = memoryStore({ max: 10 })
    const long = lab({ store, lifetime: '30 days' })
    await long.request((s) => s.set('a', 1))
    const short = lab({ store, lifetime: '1 day' })
    short.jar = long.jar
    short.now = long.now + 2 * 86_400_000
    expect(await values(short)).toEqual({})
  })
  test('permanent or not is the cookie’s life in the browser', async () => {
    const app = lab({ lifetime: '7 days' })
    const visit = await app.visit()
    visit.session.set('a', 1)
    expect(await app.leave(visit)).not.toContain('Expires')
    const remember = await app.visit()
    expect(remember.session.permanent).toBe(false)
    remember.session.permanent = true
    const cookie = app.jar
    expect(await app.leave(remember)).toContain(`Expires=${new Date(app.now + 7 * 86_400_000).toUTCString()}`)
    expect(app.jar).toBe(cookie)
    app.now += 86_400_000
    const again = await app.visit()
    expect(again.session.permanent).toBe(true)
    again.session.set('a', 2)
    again.session.regenerate()
    expect(await app.leave(again)).toContain(`Expires=${new Date(app.now + 6 * 86_400_000).toUTCString()}`)
    const forget = await app.visit()
    forget.session.permanent = false
    expect(await app.leave(forget)).not.toContain('Expires')
  })
  test('permanent by default, unless the request says no; clear keeps it', async () => {
    const app = lab({ permanent: true })
    const visit = await app.visit()
    expect(visit.session.permanent).toBe(true)
    visit.session.set('a', 1)
    expect(await app.leave(visit)).toContain('Expires')
    await app.request((s) => s.clear())
    expect(await app.request((s) => s.permanent)).toBe(true)
    app.jar = undefined
    const other = await app.visit()
    other.session.permanent = false
    other.session.set('a', 1)
    expect(await app.leave(other)).not.toContain('Expires')
    app.jar = undefined
    const cleared = await app.visit()
    cleared.session.permanent = false
    cleared.session.clear()
    cleared.session.set('a', 1)
    expect(await app.leave(cleared)).not.toContain('Expires')
  })
})

describe('cookies', () => {
  test('B01 a bad duplicate cannot hide the good cookie, whatever the order', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    for (const header of [
      `__Host-session=junk; ${app.jar}`,
      `${app.jar}; __Host-session=junk`,
      `__Host-session=${'A'.repeat(43)}; ${app.jar}`,
    ]) {
      const visit = await app.visit(header)
      expect(visit.session.toJSON()).toEqual({ a: 1 })
      await visit.close()
      expect(app.events.at(-2)).toMatchObject({ type: 'duplicate', count: 2, valid: 1 })
    }
  })
  test('B02 two valid ones are refused, with an event', async () => {
    const app = lab()
    await app.request((s) => s.set('who', 'victim'))
    const victim = app.jar
    app.jar = undefined
    await app.request((s) => s.set('who', 'attacker'))
    const visit = await app.visit(`${app.jar}; ${victim}`)
    expect(visit.session.toJSON()).toEqual({})
    expect(app.events.at(-1)).toMatchObject({ type: 'duplicate', count: 2, valid: 2 })
    expect(await visit.close()).toEqual({ setCookie: null, vary: true })
  })
  test('the same cookie twice is one cookie', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const visit = await app.visit(`${app.jar}; ${app.jar}`)
    expect(visit.session.toJSON()).toEqual({ a: 1 })
  })
  test('B03 at most eight of them are looked up', async () => {
    const store = watched(memoryStore({ max: 10 }))
    const app = lab({ store })
    const header = Array.from(
      { length: 200 },
      (_, i) => `__Host-session=${String(i).padStart(42, 'A')}A`,
    ).join('; ')
    const visit = await app.visit(header)
    expect(visit.session.meta.isNew).toBe(true)
    expect(store.calls).toHaveLength(8)
  })
  test('plain HTTP keeps the plain name and does not read the secure one', async () => {
    const app = lab({}, false)
    const visit = await app.visit()
    visit.session.set('a', 1)
    expect(await app.leave(visit)).toMatch(/^session=[\w-]{43}; HttpOnly; Path=\/; SameSite=Lax$/)
    const secure = lab({ store: app.store })
    secure.jar = app.jar!.replace('session=', '__Host-session=')
    expect(await values(secure)).toEqual({ a: 1 })
    app.jar = secure.jar
    expect(await values(app)).toEqual({})
  })
  test('in production a cookie without Secure is worth one warning', async () => {
    const before = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    try {
      const app = lab({}, false)
      await app.request((s) => s.set('a', 1))
      app.jar = undefined
      await app.request((s) => s.set('a', 1))
      expect(app.events.filter(({ type }) => type === 'warning')).toMatchObject([
        { code: 'insecure_cookie', message: expect.stringContaining('trustProxy') },
      ])
    } finally {
      process.env['NODE_ENV'] = before
    }
  })
})

describe('save, in the middle of a request', () => {
  test('stores now; what follows is stored at the end; one cookie leaves', async () => {
    const app = lab()
    const visit = await app.visit()
    visit.session.set('a', 1)
    await visit.session.save()
    visit.session.set('b', 2)
    const line = await app.leave(visit)
    expect(line).toContain('__Host-session=')
    expect(await values(app)).toEqual({ a: 1, b: 2 })
    expect(app.types().slice(0, 2)).toEqual(['created', 'written'])
  })
  test('a rotation saved early is the cookie that leaves', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const before = app.jar
    const visit = await app.visit()
    visit.session.regenerate()
    await visit.session.save()
    expect(await app.leave(visit)).not.toBeNull()
    expect(app.jar).not.toBe(before)
    expect(app.types().filter((type) => type === 'rotated')).toHaveLength(1)
    expect(await values(app)).toEqual({ a: 1 })
  })
  test('changing while it works is an error; closing waits for it', async () => {
    const app = lab({ store: watched(memoryStore({ max: 10 })) })
    const visit = await app.visit()
    visit.session.set('a', 1)
    const saving = visit.session.save()
    expect(() => visit.session.set('b', 2)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_USE' }))
    expect((await visit.close()).setCookie).toContain('__Host-session=')
    await saving
    await expect(visit.session.save()).rejects.toMatchObject({ code: 'ERR_SESSION_CLOSED' })
    expect(app.types()).toEqual(['created'])
  })
  test.each([
    ['in a store', {}],
    ['in a cookie', { codec: sealedCookie({ secret: randomBytes(32) }) }],
  ])('%s: whoever comes with a cookie that is over gets the new one', async (_, place) => {
    const app = lab({ ...place, lifetime: '1 hour' })
    await app.request((s) => s.set('user', 'ann'))
    app.now += 3_600_000
    for (const jar of [app.jar, '__Host-session=no session']) {
      app.jar = jar
      await app.request(async (s) => {
        s.set('user', 'bert')
        await s.save()
      })
      expect(app.jar).not.toBe(jar)
      expect(await values(app)).toEqual({ user: 'bert' })
    }
  })
  test('what the app holds of it is its own to change on, before, while and after it is stored', async () => {
    const app = lab({ store: watched(memoryStore({ max: 10 })) })
    await app.request(async (s) => {
      const cart = (s['cart'] ??= ['first'])
      const saving = s.save()
      cart.push('while')
      await saving
      cart.push('after')
      expect(s['cart']).toBe(cart)
    })
    expect(await values(app)).toEqual({ cart: ['first', 'while', 'after'] })
    await app.request(async (s) => {
      const cart = s.update('cart', (list: string[]) => [...list, 'updated'])
      await s.save()
      cart.push('after it')
      await s.save()
      cart.push('and after that')
    })
    expect((await values(app))['cart'].slice(3)).toEqual(['updated', 'after it', 'and after that'])
  })
  test('what another request brought is not undone by what the app held before', async () => {
    const app = lab()
    await app.request((s) => Object.assign(s, { cart: ['old'], list: ['mine'] }))
    const visit = await app.visit()
    const cart = visit.session['cart']
    visit.session['list'].push('too')
    await app.request((s) => s['cart'].push('theirs'))
    await visit.session.save()
    cart.push('nobody sees this')
    expect(visit.session['cart']).toEqual(['old', 'theirs'])
    await app.leave(visit)
    expect(await values(app)).toEqual({ cart: ['old', 'theirs'], list: ['mine', 'too'] })
  })
  test('may be asked for by many at once', async () => {
    const app = lab({ store: watched(memoryStore({ max: 10 })) })
    await app.request(async (s) => {
      s.set('a', 1)
      await Promise.all([s.save(), s.save(), s.save(), s.save()])
      s.set('b', 1)
    })
    expect(await values(app)).toEqual({ a: 1, b: 1 })
  })
  test('nobody waits for it, and it fails: the end of the request fails as well, or mends it', async () => {
    let trouble = 0
    const store = watched(memoryStore({ max: 10 }), () => {
      if (trouble-- > 0) throw new Error('down')
    })
    const app = lab({ store })
    for (const failures of [1, 2]) {
      const visit = await app.visit(undefined)
      visit.session.set('a', failures)
      trouble = failures
      const heard = visit.session.save().catch((error: unknown) => error)
      if (failures === 1) expect((await visit.close()).setCookie).toContain('session=')
      else {
        await expect((async () => visit.close())()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
        expect(await visit.close()).toEqual({ setCookie: null, vary: true })
      }
      expect(await heard).toMatchObject({ code: 'ERR_SESSION_STORE' })
    }
  })
  test('a value drawn by update after it is the one that is stored', async () => {
    for (const store of [memoryStore({ max: 10 }), watched(memoryStore({ max: 10 }))]) {
      const app = lab({ store })
      let runs = 0
      const drawn = await app.request(async (s) => {
        s.set('a', 1)
        await s.save()
        return s.update('csrf', (token: string | undefined) => token ?? `token ${++runs}`)
      })
      expect([drawn, runs]).toEqual(['token 1', 1])
      expect(await values(app)).toEqual({ a: 1, csrf: 'token 1' })
    }
  })
  test('what it refuses can be mended, and stored then', async () => {
    for (const store of [memoryStore({ max: 10 }), watched(memoryStore({ max: 10 }))]) {
      const app = lab({ store, maxBytes: 1_000 })
      const visit = await app.visit()
      visit.session.set('big', 'x'.repeat(2_000))
      const refused = expect.objectContaining({ code: 'ERR_SESSION_SIZE' })
      await expect(visit.session.save()).rejects.toEqual(refused)
      await expect(Promise.all([visit.session.save(), visit.session.save()])).rejects.toEqual(refused)
      visit.session.pop('big')
      visit.session.set('a', 1)
      await visit.session.save()
      visit.session.set('b', 1)
      expect(await app.leave(visit)).toContain('session=')
      expect(await values(app)).toEqual({ a: 1, b: 1 })
    }
  })
  test('in an error page it mends what the end of the request could not store', async () => {
    const app = lab({ maxBytes: 1_000 })
    await app.request((s) => s.set('a', 1))
    const failed = async (): Promise<Awaited<ReturnType<typeof app.visit>>> => {
      const visit = await app.visit()
      visit.session.set('big', 'x'.repeat(2_000))
      await expect((async () => visit.close())()).rejects.toMatchObject({ code: 'ERR_SESSION_SIZE' })
      return visit
    }
    const mended = await failed()
    await expect(mended.session.save()).rejects.toMatchObject({ code: 'ERR_SESSION_SIZE' })
    mended.session.pop('big')
    mended.session.set('b', 1)
    mended.session.regenerate()
    await mended.session.save()
    const before = app.jar
    expect(await app.leave(mended)).not.toBeNull()
    expect(app.jar).not.toBe(before)
    expect(await values(app)).toEqual({ a: 1, b: 1 })
    const leaving = await failed()
    leaving.session.destroy()
    await leaving.session.save()
    expect(await app.leave(leaving)).toContain('Max-Age=0')
    expect((await app.store.page(null, 9)).sessions).toEqual([])
  })
  test('what ended by save stays ended, whatever follows', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const other = app.jar!
    const visit = await app.visit()
    visit.session.set('a', 2)
    await app.sessions.revoke(recordId(token(other)))
    await visit.session.save()
    visit.session.set('a', 3)
    expect(await app.leave(visit)).toContain('Max-Age=0')
    app.jar = other
    expect(await values(app)).toEqual({})
  })
})

describe('meta', () => {
  test('tells of the session without its id or values', async () => {
    const app = lab({ lifetime: '1 hour', idle: '10 minutes', userOf: (data) => data['user'] })
    const fresh = await app.visit()
    expect(fresh.session.meta).toEqual({
      id: null,
      isNew: true,
      user: null,
      createdAt: null,
      seenAt: null,
      expiresAt: null,
    })
    fresh.session.set('user', 7)
    await app.leave(fresh)
    const { meta } = (await app.visit()).session
    expect(meta).toEqual({
      id: recordId(token(app.jar!)),
      isNew: false,
      user: '7',
      createdAt: new Date(app.now),
      seenAt: new Date(app.now),
      expiresAt: new Date(app.now + 600_000),
    })
    expect(Object.isFrozen(meta)).toBe(true)
  })
})

describe('sessions of a user', () => {
  test('are listed, revoked one by one, and all but one', async () => {
    const app = lab({ userOf: (data) => data['user'] })
    const jars: string[] = []
    for (let i = 0; i < 3; i++) {
      app.jar = undefined
      app.now += 1000
      await app.request((s) => s.set('user', 'ann'))
      jars.push(app.jar!)
    }
    const ids = jars.map((jar) => recordId(token(jar)))
    expect((await app.sessions.list('ann')).map(({ id }) => id)).toEqual(ids.toReversed())
    expect(await app.sessions.list('bob')).toEqual([])
    expect(await app.sessions.revoke(ids[0]!)).toBe(true)
    expect(await app.sessions.revoke(ids[0]!)).toBe(false)
    expect(await app.sessions.revokeUser('ann', { except: ids[2]! })).toBe(1)
    expect((await app.sessions.list('ann')).map(({ id }) => id)).toEqual([ids[2]])
    app.jar = jars[1]
    expect(await values(app)).toEqual({})
    app.now += 32 * 86_400_000
    expect(await app.sessions.list('ann')).toEqual([])
    expect(await app.sessions.gc()).toBe(1)
  })
})

test('a label stays until a request brings another', async () => {
  const app = lab({ userOf: (data) => data['user'] })
  for (const [n, label] of ['Firefox', undefined, 'Safari'].entries()) {
    const facts = { secure: true, route: 'GET /', ...(label !== undefined && { label }) }
    const visit = await app.sessions.open(app.jar, facts)
    Object.assign(visit.session, { user: 'ann', n })
    await app.leave(visit)
    expect((await app.sessions.list('ann'))[0]!.label).toBe(label ?? 'Firefox')
  }
})

test('revokeUser ends a session that is rotated while it works', async () => {
  const inner = memoryStore({ max: 10 })
  const app = lab({ store: watched(inner), userOf: (data) => data['user'] })
  await app.request((s) => s.set('user', 'ann'))
  const list = app.store.list.bind(app.store)
  let moved = false
  app.store.list = async (user) => {
    const found = await list(user)
    if (!moved) await app.request((s) => s.regenerate())
    moved = true
    return found
  }
  expect(await app.sessions.revokeUser('ann')).toBe(1)
  expect((await app.store.page(null, 10)).sessions).toEqual([])
})

describe('maxPerUser', () => {
  test('the oldest sessions of a user end when one more begins, the new one never', async () => {
    const app = lab({ userOf: (data) => data['user'], maxPerUser: 2 })
    const ids: string[] = []
    for (let i = 0; i < 4; i++) {
      app.jar = undefined
      app.now += 1000
      // Half of them log in at once, half from an anonymous session.
      if (i % 2 === 0) await app.request((s) => s.set('cart', []))
      await app.request((s) => s.set('user', 'ann'))
      ids.push(recordId(token(app.jar!)))
      const living = await app.sessions.list('ann')
      expect(living.map(({ id }) => id)).toEqual(ids.slice(-2).toReversed())
    }
    await app.request((s) => s.set('cart', [1]))
    expect(await app.sessions.list('ann')).toHaveLength(2)
  })
  test('a store that cannot list lets the login stand, and an event tells', async () => {
    const store = watched(memoryStore({ max: 10 }), (call) => {
      if (call === 'list') throw new Error('down')
    })
    const app = lab({ store, userOf: (data) => data['user'], maxPerUser: 1 })
    await app.request((s) => s.set('user', 'ann'))
    expect(await values(app)).toEqual({ user: 'ann' })
    expect(app.types()).toEqual(['created', 'store_error', 'read'])
  })
})

describe('dead records are removed by themselves', () => {
  const died = async (options: LabOptions): Promise<Lab> => {
    const app = lab({ lifetime: '10 minutes', ...options })
    await app.request((s) => s.set('a', 1))
    app.now += 11 * 60_000
    app.jar = undefined
    await app.request((s) => s.set('a', 1))
    await new Promise(setImmediate)
    return app
  }
  test('when a session is born, at most once per gcEvery', async () => {
    const app = await died({})
    expect((await app.store.page(null, 10)).sessions).toHaveLength(1)
    app.now += 11 * 60_000
    app.jar = undefined
    await app.request((s) => s.set('a', 1))
    expect((await app.store.page(null, 10)).sessions).toHaveLength(2)
    expect(await app.sessions.gc()).toBe(1)
  })
  test('not with gcEvery false', async () => {
    const app = await died({ gcEvery: false })
    expect((await app.store.page(null, 10)).sessions).toHaveLength(2)
  })
  test('a failing sweep is an event', async () => {
    const store = watched(memoryStore({ max: 10 }), (call) => {
      if (call === 'gc') throw new Error('down')
    })
    const app = await died({ store })
    expect(app.events.at(-1)).toMatchObject({ type: 'store_error', call: 'gc' })
  })
})

test.each([1, 3])('logins at the same moment leave as many sessions as allowed: %i', async (maxPerUser) => {
  const app = lab({
    store: watched(memoryStore({ max: 100 })),
    userOf: (data) => data['user'],
    maxPerUser,
  })
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      const visit = await app.visit(undefined)
      visit.session.set('user', 'ann')
      await visit.close()
    }),
  )
  expect(await app.sessions.list('ann')).toHaveLength(maxPerUser)
})

test('sizes that are told are bytes', async () => {
  for (const place of [{}, { codec: sealedCookie({ secret: randomBytes(32) }) }]) {
    const app = lab(place)
    for (const value of ['äöü', '日本']) await app.request((s) => s.set('a', value))
    expect(app.events.filter((event) => 'bytes' in event)).toMatchObject([
      { type: 'created', bytes: Buffer.byteLength('{"a":"äöü"}') },
      { type: 'written', bytes: Buffer.byteLength('{"a":"日本"}') },
    ])
  }
})

test('a promise that passes the session on is no look', async () => {
  const app = lab()
  await app.request((s) => s.set('then', 'kept'))
  app.events.length = 0
  const visit = await app.visit()
  const passed = async (): Promise<unknown> => visit.session
  await passed()
  expect(await visit.close()).toEqual({ setCookie: null, vary: false })
  expect(app.events).toEqual([])
  expect(Object.entries(await values(app))).toEqual([['then', 'kept']])
})

test('what is no id reaches no store: nothing is ended or shown, and no store fails for it', async () => {
  const store = watched(memoryStore({ max: 10 }))
  const app = lab({ store })
  for (const id of ['', 'user:ann', '\0', 'ü', `${'A'.repeat(43)} `, 'session:*']) {
    expect(await app.sessions.revoke(id)).toBe(false)
    expect(await app.sessions.peek(id)).toBeNull()
  }
  expect(store.calls).toEqual([])
})

test('times that reach a store are whole milliseconds', async () => {
  const seen: unknown[] = []
  const inner = memoryStore({ max: 10 })
  const store = {
    ...watched(inner),
    get: (id: string, renewal: any) => (seen.push(renewal), inner.get(id, renewal)),
  }
  const app = lab({ store, idle: 12_345, clock: () => app.now + 0.25 })
  await app.request((s) => s.set('a', 1))
  await values(app)
  expect(seen).toEqual([{ seenBefore: app.now - 1_235, seenAt: app.now, expiresAt: app.now + 12_345 }])
  expect((await store.page(null, 1)).sessions[0]!.seenAt).toBe(app.now)
})
