import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { flaskConfig, flaskCookie, markup, tuple, uuid } from '../../src/flask/index.ts'
import type { FlaskConfig } from '../../src/flask/index.ts'
import { createSessions } from '../../src/index.ts'
import { LittleApp } from './little-app.ts'

/*
 * What Flask's own tests say of sessions, cookies, flashed messages and Vary, said of hipflask: each test has the name of
 * the one in Flask that it answers to.
 */

const SECRET_KEY = 'wN8q-2fkzGm1ZP0uVbY7cJxT'
const day = 86_400_000

afterEach(() => void vi.restoreAllMocks())

describe('test_basic', () => {
  test('test_session', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const set = await app.visit((session) => {
      session.value = '42'
      return 'value set'
    })
    expect(set.page).toBe('value set')
    expect((await app.visit((session) => session.value)).page).toBe('42')
    expect((await app.visit((session) => session.get('other', 'None'))).page).toBe('None')
  })

  test('test_session_path', async () => {
    const app = new LittleApp({ SECRET_KEY, APPLICATION_ROOT: '/foo' })
    expect((await app.visit((session) => (session.testing = 42))).attributes['Path']).toBe('/foo')
  })

  test('test_session_using_application_root', async () => {
    const app = new LittleApp({ SECRET_KEY, APPLICATION_ROOT: '/bar' })
    expect((await app.visit((session) => (session.testing = 42))).attributes['Path']).toBe('/bar')
    const both = new LittleApp({ SECRET_KEY, APPLICATION_ROOT: '/bar', SESSION_COOKIE_PATH: '/baz' })
    expect((await both.visit((session) => (session.testing = 42))).attributes['Path']).toBe('/baz')
  })

  test('a path is written as Werkzeug writes it, a domain without its port', async () => {
    const attributes = async (config: FlaskConfig): Promise<unknown> =>
      (await new LittleApp({ SECRET_KEY, ...config }).visit((session) => (session.testing = 42))).attributes
    const path = '/my app/ü"#?[]^`{|}%20~@'
    expect(await attributes({ SESSION_COOKIE_PATH: path })).toMatchObject({
      Path: '/my%20app/%C3%BC%22%23%3F%5B%5D%5E%60%7B%7C%7D%20~@',
    })
    expect(await attributes({ SESSION_COOKIE_PATH: '', APPLICATION_ROOT: '/bar' })).toMatchObject({
      Path: '/bar',
    })
    expect(await attributes({ SESSION_COOKIE_DOMAIN: 'a_b.example.com:5000' })).toMatchObject({
      Domain: 'a_b.example.com',
    })
  })

  test('test_session_using_session_settings', async () => {
    const app = new LittleApp({
      SECRET_KEY,
      APPLICATION_ROOT: '/test',
      SESSION_COOKIE_DOMAIN: '.example.com',
      SESSION_COOKIE_HTTPONLY: false,
      SESSION_COOKIE_SECURE: true,
      SESSION_COOKIE_PARTITIONED: true,
      SESSION_COOKIE_SAMESITE: 'Lax',
      SESSION_COOKIE_PATH: '/',
    })
    const given = {
      Domain: 'example.com',
      Secure: true,
      Path: '/',
      SameSite: 'Lax',
      Partitioned: true,
    }
    const set = await app.visit((session) => (session.testing = 42))
    expect(set.attributes).toEqual(given)
    expect(app.cookie).toMatch(/^session=/)
    const cleared = await app.visit((session) => session.clear())
    expect(cleared.setCookie).toMatch(/^session=;/)
    expect(cleared.attributes).toEqual({
      ...given,
      Expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
      'Max-Age': '0',
    })
  })

  test('test_session_using_samesite_attribute', async () => {
    const sameSite = async (SESSION_COOKIE_SAMESITE: string | null): Promise<unknown> => {
      const app = new LittleApp({ SECRET_KEY, SESSION_COOKIE_SAMESITE })
      return (await app.visit((session) => (session.testing = 42))).attributes['SameSite']
    }
    await expect(sameSite('invalid')).rejects.toThrow(/Lax, Strict or None for SESSION_COOKIE_SAMESITE/)
    expect(await sameSite(null)).toBeUndefined()
    expect(await sameSite('Strict')).toBe('Strict')
    expect(await sameSite('Lax')).toBe('Lax')
    expect(await sameSite('lax')).toBe('Lax')
  })

  test('test_session_accessed', async () => {
    const app = new LittleApp({ SECRET_KEY })
    expect((await app.visit((session) => (session.value = '42'))).vary).toBe('Cookie')
    expect((await app.visit((session) => session.get('value'))).vary).toBe('Cookie')
    expect((await app.visit((session) => 'value' in session)).vary).toBe('Cookie')
    expect((await app.visit((session) => Object.keys(session).length)).vary).toBe('Cookie')
    expect((await app.visit(() => 'nothing')).vary).toBeNull()
  })

  test('test_missing_session', () => {
    for (const missing of [{}, { SECRET_KEY: null }, { SECRET_KEY: '' }])
      expect(() => flaskConfig(missing)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_SECRET' }))
    expect(() => flaskConfig({})).toThrow(/SECRET_KEY/)
  })

  test('test_session_secret_key_fallbacks', async () => {
    const app = new LittleApp({ SECRET_KEY: 'first key of the three keys' })
    await app.visit((session) => (session.a = 1))
    const [first] = [app.cookie]

    const without = new LittleApp({ SECRET_KEY: 'other key of the three keys' })
    without.cookie = first
    expect((await without.visit((session) => session.toJSON())).page).toEqual({})

    const rotated = new LittleApp({
      SECRET_KEY: 'other key of the three keys',
      SECRET_KEY_FALLBACKS: ['first key of the three keys', 'third key of the three keys'],
    })
    rotated.cookie = first
    expect((await rotated.visit((session) => session.toJSON())).page).toEqual({ a: 1 })
    // What is written is signed with SECRET_KEY.
    await rotated.visit((session) => (session.a = 2))
    without.cookie = rotated.cookie
    expect((await without.visit((session) => session.toJSON())).page).toEqual({ a: 2 })
  })

  test('test_session_expiration', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const begin = (permanent: boolean) =>
      app.visit((session) => {
        session.test = 42
        session.permanent = permanent
      })
    const permanent = await begin(true)
    const expires = new Date(permanent.attributes['Expires'] as string)
    expect(expires.getTime()).toBe(app.now + 31 * day)
    expect((await app.visit((session) => session.permanent)).page).toBe(true)
    expect((await begin(false)).attributes['Expires']).toBeUndefined()
    expect((await app.visit((session) => session.permanent)).page).toBe(false)
  })

  test('test_session_stored_last', async () => {
    // Whatever changes the session before the response leaves is stored, also after the view.
    const app = new LittleApp({ SECRET_KEY })
    const view = (session: any): unknown => {
      const found = session.get('foo', null)
      return [found, (session.foo = 42)]
    }
    expect((await app.visit(view)).page).toEqual([null, 42])
    expect((await app.visit(view)).page).toEqual([42, 42])
  })

  test('test_session_special_types', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const now = new Date(Math.floor(app.now / 1000) * 1000)
    const values = {
      t: tuple(1, 2, 3),
      b: Uint8Array.of(255),
      m: markup('<html>'),
      u: uuid('d7a8fbb3-0795-4b1e-9d6c-0e6f6c3a7f11'),
      d: now,
      di: { ' t': [1, 2, 3] },
      list: [tuple(markup('x')), 1, null],
    }
    await app.visit((session) => Object.assign(session, values))
    const { page } = await app.visit((session) => session.toJSON())
    expect(page).toEqual(values)
  })

  test('test_session_cookie_setting', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const bump = (session: any): unknown => session.update('foo', (foo = 0) => foo + 1)
    const read = (session: any): unknown => session.get('foo', 0)
    const begin = await app.visit((session) => {
      session.permanent = true
      return bump(session)
    })
    expect(begin.page).toBe(1)
    for (const [refresh, again] of [
      [true, true],
      [false, false],
    ] as const) {
      const other = new LittleApp({ SECRET_KEY, SESSION_REFRESH_EACH_REQUEST: refresh })
      other.cookie = app.cookie
      expect((await other.visit(bump)).setCookie).not.toBeNull()
      expect((await other.visit(read)).setCookie !== null).toBe(again)
      expect((await other.visit(() => 'untouched')).setCookie !== null).toBe(again)
    }
    // A session that ends with the browser is never refreshed.
    const brief = new LittleApp({ SECRET_KEY, SESSION_REFRESH_EACH_REQUEST: true })
    await brief.visit(bump)
    expect((await brief.visit(read)).setCookie).toBeNull()
  })

  test('test_session_vary_cookie', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const vary = async (...[view]: Parameters<LittleApp['visit']>) => (await app.visit(view)).vary
    expect(await vary((session) => (session.test = 'test'))).toBe('Cookie')
    expect(await vary((session) => session.get('test'))).toBe('Cookie')
    expect(await vary((session) => session.test)).toBe('Cookie')
    expect(
      await vary((session) => {
        if (!('test' in session)) session.test = 'default'
      }),
    ).toBe('Cookie')
    expect(await vary((session) => session.clear())).toBe('Cookie')
    expect(await vary(() => 'no session')).toBeNull()
    expect(await vary((session, headers) => headers.set('Vary', 'Accept-Encoding, Accept-Language') && session.test)) // prettier-ignore
      .toBe('Accept-Encoding, Accept-Language, Cookie')
    expect(await vary((session, headers) => headers.set('Vary', 'Accept-Encoding, cookie') && session.test)) // prettier-ignore
      .toBe('Accept-Encoding, cookie')
  })

  test('test_session_refresh_vary', async () => {
    const app = new LittleApp({ SECRET_KEY })
    await app.visit((session) => {
      session.user_id = 1
      session.permanent = true
    })
    const ignored = await app.visit(() => 'not looked at')
    expect(ignored.setCookie).not.toBeNull()
    expect(ignored.vary).toBe('Cookie')
  })

  test('test_flashes', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const set = await app.visit((session) => {
      session.flash('Zap')
      session.flash('Zip')
    })
    expect(set.setCookie).not.toBeNull()
    const got = await app.visit((session) => session.flashes())
    expect(got.page).toEqual(['Zap', 'Zip'])
    expect((await app.visit((session) => session.flashes())).page).toEqual([])
  })

  test('messages of Flask that are no text pass through', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const codec = flaskCookie({ secret: SECRET_KEY })
    const context = { cookieName: 'session', now: app.now, lifetime: day }
    const kept = (): unknown => {
      const opened = codec.open(app.cookie!.slice('session='.length), context)
      return opened.ok && JSON.parse(opened.contents.data)._flashes
    }
    const theirs = [
      { ' t': ['info', { ' m': '<b>Saved</b>' }] },
      { ' t': [null, { title: 'Saved' }] },
      { ' t': ['a', 7] },
    ]
    const data = JSON.stringify({ _flashes: theirs })
    const times = { createdAt: app.now, seenAt: app.now, expiresAt: app.now, endsAt: app.now }
    app.cookie = `session=${codec.seal({ data, ...times }, context)}`
    await app.visit((session) => session.flash('second'))
    expect(kept()).toEqual([...theirs, { ' t': ['message', 'second'] }])
    const { page } = await app.visit((session) => session.flashes({ withCategories: true }))
    expect(page).toEqual([
      ['info', '<b>Saved</b>'],
      ['null', '[object Object]'],
      ['a', '7'],
      ['message', 'second'],
    ])
    expect((await app.visit((session) => session.flashes())).page).toEqual([])
  })

  describe('test_extended_flashing', () => {
    const flash = (app: LittleApp) =>
      app.visit((session) => {
        session.flash('Hello World')
        session.flash('Hello World', 'error')
        session.flash('<em>Testing</em>', 'warning')
      })

    test.each([
      [{}, ['Hello World', 'Hello World', '<em>Testing</em>']],
      [
        { withCategories: true },
        [
          ['message', 'Hello World'],
          ['error', 'Hello World'],
          ['warning', '<em>Testing</em>'],
        ],
      ],
      [{ categoryFilter: ['message'], withCategories: true }, [['message', 'Hello World']]],
      [
        { categoryFilter: ['message', 'warning'], withCategories: true },
        [
          ['message', 'Hello World'],
          ['warning', '<em>Testing</em>'],
        ],
      ],
      [{ categoryFilter: ['message', 'warning'] }, ['Hello World', '<em>Testing</em>']],
    ])('%j', async (options, shown) => {
      const app = new LittleApp({ SECRET_KEY })
      await flash(app)
      const { page } = await app.visit((session) => [session.flashes(options), session.flashes(options)])
      expect(page).toEqual([shown, shown])
      // The others are gone too.
      expect((await app.visit((session) => session.flashes())).page).toEqual([])
    })
  })

  test('test_max_cookie_size', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    // Nothing that compresses.
    const random = (length: number): string =>
      createHash('shake256', { outputLength: length }).update('').digest('base64url')
    const keep = async (MAX_COOKIE_SIZE: number | null, length: number): Promise<string[]> => {
      warnings.mockClear()
      const app = new LittleApp({ SECRET_KEY, MAX_COOKIE_SIZE })
      await app.visit((session) => (session.value = random(length)))
      await app.visit((session) => (session.value = random(length + 1)))
      return warnings.mock.calls.map(([text]) => String(text))
    }
    expect(await keep(null, 2000)).toEqual([])
    expect(await keep(100, 1000)).toEqual([expect.stringMatching(/more than MAX_COOKIE_SIZE \(100\)/)])
    expect(await keep(0, 2000)).toEqual([])
    // Flask warns and sends what browsers drop; here it is an error, before anything is sent.
    await expect(keep(0, 6000)).rejects.toThrow(expect.objectContaining({ code: 'ERR_SESSION_COOKIE_SIZE' }))
  })
})

describe('test_session_interface, test_config, test_reqctx, test_testing', () => {
  test('test_open_session_with_endpoint', async () => {
    // The session is there before any route is chosen: also where none is.
    const app = new LittleApp({ SECRET_KEY })
    const missing = await app.visit((session) => {
      session.seen = true
      return 'no such page'
    })
    expect(missing.setCookie).not.toBeNull()
  })

  test('test_session_lifetime', () => {
    expect(flaskConfig({ SECRET_KEY, PERMANENT_SESSION_LIFETIME: 42 }).lifetime).toBe(42_000)
    expect(flaskConfig({ SECRET_KEY, PERMANENT_SESSION_LIFETIME: '42 seconds' }).lifetime).toBe(42_000)
    expect(flaskConfig({ SECRET_KEY }).lifetime).toBe(31 * day)
  })

  test('test_session_error_pops_context', async () => {
    // A session that cannot be read never fails the request.
    const app = new LittleApp({ SECRET_KEY })
    app.cookie = 'session=nonsense'
    expect(await app.visit((session) => session.toJSON())).toMatchObject({ status: 200, page: {} })
  })

  test('test_session_dynamic_cookie_name', async () => {
    const one = new LittleApp({ SECRET_KEY, SESSION_COOKIE_NAME: 'one' })
    const two = new LittleApp({ SECRET_KEY, SESSION_COOKIE_NAME: 'two' })
    await one.visit((session) => (session.value = 1))
    await two.visit((session) => (session.value = 2))
    const both = `${one.cookie}; ${two.cookie}`
    one.cookie = two.cookie = both
    expect((await one.visit((session) => session.value)).page).toBe(1)
    expect((await two.visit((session) => session.value)).page).toBe(2)
  })

  test('test_session_transactions', async () => {
    const sessions = createSessions<{ foo: number[] }>(flaskConfig({ SECRET_KEY }))
    const visit = await sessions.open(undefined, { secure: false })
    visit.session.foo = [42]
    expect(visit.session.get('foo')).toEqual([42])
    const { setCookie } = await visit.close()
    const next = await sessions.open(setCookie!.split(';')[0]!, { secure: false })
    expect(Object.keys(next.session)).toHaveLength(1)
    expect(next.session.foo).toEqual([42])
  })

  test('an exception after a change still stores it', async () => {
    const app = new LittleApp({ SECRET_KEY })
    const failed = await app.visit((session) => {
      session.step = 1
      throw new Error('the view fails')
    })
    expect(failed.status).toBe(500)
    expect((await app.visit((session) => session.step)).page).toBe(1)
  })
})
