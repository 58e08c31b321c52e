import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { lab, values } from './visitor.ts'

describe('the table of the tutorials', () => {
  test("session['key'] = value stores, and a later request reads it", async () => {
    const app = lab()
    await app.request((session) => {
      session['username'] = 'ann'
      session['theme'] = 'dark'
    })
    expect(await app.request((session) => [session['username'], session['theme']])).toEqual(['ann', 'dark'])
  })
  test("session.get('key') answers the value, or the fallback", async () => {
    const app = lab()
    await app.request((session) => session.set('name', 'ann'))
    expect(await app.request((s) => [s.get('name'), s.get('none'), s.get('none', 'nobody')])).toEqual([
      'ann',
      undefined,
      'nobody',
    ])
  })
  test("session.pop('key', null) removes and answers", async () => {
    const app = lab()
    await app.request((session) => session.set('name', 'ann'))
    expect(await app.request((s) => [s.pop('name', null), s.pop('name', null), s.pop('name')])).toEqual([
      'ann',
      null,
      undefined,
    ])
    expect(await values(app)).toEqual({})
  })
  test("'key' in session", async () => {
    const app = lab()
    await app.request((session) => {
      session['name'] = undefined
    })
    expect(await app.request((s) => ['name' in s, 'none' in s, 'get' in s, 'permanent' in s])).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
  test('session.clear() removes everything, and the session goes on', async () => {
    const app = lab()
    await app.request((s) => {
      s.set('a', 1)
      s.set('b', 2)
    })
    const cookie = app.jar
    await app.request((s) => s.clear())
    expect(app.jar).toBe(cookie)
    expect(await values(app)).toEqual({})
    await app.request((s) => s.set('c', 3))
    expect(app.jar).toBe(cookie)
    expect(await values(app)).toEqual({ c: 3 })
  })
})

describe('more of a dictionary', () => {
  test('delete, keys, spread, for-in, entries and JSON see the same values', async () => {
    const app = lab()
    await app.request((s) => Object.assign(s, { a: 1, b: [2], c: 'x' }))
    await app.request((s) => {
      delete s['b']
      s['d'] = null
      const seen: string[] = []
      for (const key in s) seen.push(key)
      expect(seen).toEqual(['a', 'c', 'd'])
      expect(Object.keys(s)).toEqual(['a', 'c', 'd'])
      expect({ ...s }).toEqual({ a: 1, c: 'x', d: null })
      expect(Object.entries(s)).toEqual([
        ['a', 1],
        ['c', 'x'],
        ['d', null],
      ])
      expect(JSON.parse(JSON.stringify(s))).toEqual({ a: 1, c: 'x', d: null })
      expect(Object.hasOwn(s, 'a')).toBe(true)
      expect(Object.getOwnPropertyDescriptor(s, 'b')).toBeUndefined()
    })
  })
  test('an assigned object is the object that is read back', async () => {
    const app = lab()
    await app.request((s) => {
      const cart = { items: [] as number[] }
      s['cart'] = cart
      expect(s['cart']).toBe(cart)
      expect(s['cart']).toBe(s.get('cart'))
    })
  })
  test('nested changes are stored without being announced', async () => {
    const app = lab()
    await app.request((s) => s.set('cart', { items: ['a'], at: new Map([['x', new Set([1])]]) }))
    await app.request((s) => {
      s['cart'].items.push('b')
      s['cart'].at.get('x').add(2)
    })
    expect(await values(app)).toEqual({ cart: { items: ['a', 'b'], at: new Map([['x', new Set([1, 2])]]) } })
  })
  test('H04 a value changed after it was assigned is stored as it then is', async () => {
    const app = lab()
    await app.request((s) => {
      const list = [1]
      s['list'] = list
      list.push(2)
    })
    expect(await values(app)).toEqual({ list: [1, 2] })
  })
  test('H01 any text is a key', async () => {
    const app = lab()
    const keys = [
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'hasOwnProperty',
      'then',
      'cookie',
      'id',
      'save',
      'get',
      'pop',
      'meta',
      'permanent',
      '',
      'k'.repeat(10_240),
    ]
    await app.request((s) => keys.forEach((key) => s.set(key, `value of ${key}`)))
    await app.request((s) => {
      for (const key of keys) {
        expect(s.get(key)).toBe(`value of ${key}`)
        expect(key in s).toBe(true)
      }
      expect(typeof s.save).toBe('function')
      expect(Object.keys(s)).toEqual(keys)
    })
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })
  test('assigning to __proto__ stores a value and leaves the prototype alone', async () => {
    const app = lab()
    await app.request((s) => {
      s['__proto__'] = { admin: true }
    })
    await app.request((s) => {
      expect(s['admin']).toBeUndefined()
      expect(s.get('__proto__')).toEqual({ admin: true })
    })
  })
  test('an awaited session is itself', async () => {
    const app = lab()
    const visit = await app.visit()
    expect(await visit.session).toBe(visit.session)
  })
})

describe('update', () => {
  test('stores and answers what the function answers', async () => {
    const app = lab()
    expect(await app.request((s) => s.update('n', (n = 0) => n + 1))).toBe(1)
    expect(
      await app.request((s) => [s.update('n', (n = 0) => n + 1), s.update('n', (n = 0) => n * 10)]),
    ).toEqual([2, 20])
    expect(await values(app)).toEqual({ n: 20 })
  })
  test('undefined removes the key', async () => {
    const app = lab()
    await app.request((s) => s.set('n', 1))
    await app.request((s) => {
      s.update('n', () => undefined)
      expect('n' in s).toBe(false)
      expect(s['n']).toBeUndefined()
    })
    expect(await values(app)).toEqual({})
  })
  test('after an assignment, a removal or a nested change it works on that', async () => {
    const app = lab()
    await app.request((s) => {
      s.set('a', 5)
      s.update('a', (a) => a + 1)
      s.set('b', 1)
      s.pop('b')
      s.update('b', (b = 100) => b + 1)
      s.set('list', [1])
    })
    await app.request((s) => {
      s['list'].push(2)
      s.update('list', (list) => [...list, 3])
      s['list'].push(4)
    })
    expect(await values(app)).toEqual({ a: 6, b: 101, list: [1, 2, 3, 4] })
  })
})

describe('flashed messages, by Flask’s rules', () => {
  test('a message waits for the next request and is shown once', async () => {
    const app = lab()
    await app.request((s) => s.flash('Hello'))
    expect(await app.request((s) => s.flashes())).toEqual(['Hello'])
    expect(await app.request((s) => s.flashes())).toEqual([])
  })
  test('asking again in the same request answers the same; one flashed after waits', async () => {
    const app = lab()
    await app.request((s) => s.flash('one'))
    await app.request((s) => {
      expect(s.flashes()).toEqual(['one'])
      s.flash('two')
      expect(s.flashes()).toEqual(['one'])
    })
    expect(await app.request((s) => s.flashes())).toEqual(['two'])
  })
  test('categories and the filter', async () => {
    const app = lab()
    await app.request((s) => {
      s.flash('Hello')
      s.flash('No', 'error')
      s.flash('Yes', 'success')
    })
    await app.request((s) => {
      expect(s.flashes({ withCategories: true })).toEqual([
        ['message', 'Hello'],
        ['error', 'No'],
        ['success', 'Yes'],
      ])
      expect(s.flashes({ categoryFilter: ['error', 'success'] })).toEqual(['No', 'Yes'])
      expect(s.flashes({ categoryFilter: ['error'], withCategories: true })).toEqual([['error', 'No']])
    })
    expect(await app.request((s) => s.flashes())).toEqual([])
  })
  test('messages can be shown in the request that flashed them, and looking costs nothing when there are none', async () => {
    const app = lab()
    await app.request((s) => {
      s.flash('now')
      expect(s.flashes()).toEqual(['now'])
    })
    expect(app.jar).toBeUndefined()
  })
  test('they are no keys of the session', async () => {
    const app = lab()
    await app.request((s) => {
      s.flash('x')
      s.permanent = true
      expect(Object.keys(s)).toEqual([])
      expect('_flashes' in s).toBe(false)
      expect(s['_flashes']).toBeUndefined()
      expect(s.get('_permanent', 'none')).toBe('none')
      expect(s.toJSON()).toEqual({})
    })
  })
})

describe('misuse is an error at the guilty line', () => {
  const misuses: [string, string, (s: any) => unknown, RegExp][] = [
    ['a verb’s name assigned', 'ERR_SESSION_RESERVED', (s) => (s.pop = 1), /session\.set\('pop'/],
    ['meta assigned', 'ERR_SESSION_RESERVED', (s) => (s.meta = 1), /session\.set\('meta'/],
    ['the engine’s key assigned', 'ERR_SESSION_RESERVED', (s) => (s._flashes = []), /session\.flash/],
    ['the engine’s key set', 'ERR_SESSION_RESERVED', (s) => s.set('_permanent', true), /session\.permanent/],
    ['a symbol as a key', 'ERR_SESSION_USE', (s) => (s[Symbol('x')] = 1), /keys are text/],
    ['a number as a key', 'ERR_SESSION_USE', (s) => s.set(5, 1), /keys are text/],
    [
      'a function as a value',
      'ERR_SESSION_VALUE',
      (s) => (s.cart = { items: [1, 2, { fn() {} }] }),
      /cart\.items\[2\]\.fn/,
    ],
    ['a promise as a value', 'ERR_SESSION_VALUE', (s) => (s.user = Promise.resolve(1)), /await it/],
    ['a promise from update', 'ERR_SESSION_VALUE', (s) => s.update('n', async () => 1), /await it/],
    ['update without a function', 'ERR_SESSION_USE', (s) => s.update('n', 5), /needs a function/],
    ['permanent that is no boolean', 'ERR_SESSION_USE', (s) => (s.permanent = 'yes'), /true or false/],
    ['a flash that is no text', 'ERR_SESSION_USE', (s) => s.flash({ html: 'x' }), /two texts/],
    ['a verb torn off', 'ERR_SESSION_USE', (s) => (0, s.get)('a'), /session\.get\(/],
    ['a getter', 'ERR_SESSION_USE', (s) => Object.defineProperty(s, 'x', { get: () => 1 }), /getter/],
    ['freezing', 'ERR_SESSION_USE', (s) => Object.freeze(s), /frozen/],
    ['another prototype', 'ERR_SESSION_USE', (s) => Object.setPrototypeOf(s, {}), /prototype/],
  ]
  test.each(misuses)('%s', async (_, code, misuse, message) => {
    const { session } = await lab().visit()
    expect(() => misuse(session)).toThrow(
      expect.objectContaining({ name: 'SessionError', code, message: expect.stringMatching(message) }),
    )
  })
  test('a refused value leaves the old one', async () => {
    const { session } = await lab().visit()
    session['cart'] = [1]
    expect(() => (session['cart'] = [() => 1])).toThrow()
    expect(session['cart']).toEqual([1])
  })
  test('a function put inside a stored value later is refused when the request ends', async () => {
    const visit = await lab().visit()
    visit.session['cart'] = [1]
    visit.session['cart'].push(() => 1)
    await expect((async () => visit.close())()).rejects.toMatchObject({
      code: 'ERR_SESSION_VALUE',
      message: expect.stringContaining('cart[1]'),
    })
  })
})

test('inspect shows keys and no value', async () => {
  const app = lab()
  await app.request((s) => Object.assign(s, { name: 'canary-value', card: { number: 'canary-value' } }))
  const visit = await app.visit()
  for (const showProxy of [false, true]) {
    const shown = inspect(visit.session, { showProxy, depth: 9, showHidden: true })
    expect(shown).not.toContain('canary')
    expect(inspect({ visit: { session: visit.session } }, { showProxy, depth: 9 })).not.toContain('canary')
  }
  expect(inspect(visit.session)).toBe('Session { "name", "card" }')
  expect(String(visit.session)).toBe('[Session]')
})
