import assert from 'node:assert/strict'
import { type AdapterCase, page, shows } from './adapter-case.ts'

/** A session from request to request. */
export const dictionaryCases: readonly AdapterCase[] = [
  {
    name: 'what one request puts into the session, the next one finds there',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/set': page((session) => (session.name = 'Ada')),
          '/get': shows((session) => [session.name, session.get('note', 'none'), 'name' in session]),
        },
      })
      await client.ask('/set')
      assert.equal((await client.ask('/get')).text, '["Ada","none",true]')
      assert.equal((await client.clone().ask('/get')).text, '["Ada","none",true]')
    },
  },
  {
    name: 'another visitor has another session',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/set': page((session) => (session.name = 'Ada')),
          '/get': shows((session) => session.toJSON()),
        },
      })
      const other = client.clone()
      await client.ask('/set')
      assert.equal((await other.ask('/get')).text, '{}')
    },
  },
  {
    name: 'a change inside a value is kept without a word',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/begin': page((session) => (session.cart = { items: [] })),
          '/add': page((session) => session.cart?.items.push('tea')),
          '/get': shows((session) => session.cart),
        },
      })
      for (const path of ['/begin', '/add', '/add']) await client.ask(path)
      assert.equal((await client.ask('/get')).text, '{"items":["tea","tea"]}')
    },
  },
  {
    name: 'a flashed message shows once, after the redirect',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/say': page((session) => session.flash('Welcome', 'success'), {
            status: 302,
            headers: [['Location', '/hear']],
          }),
          '/hear': shows((session) => session.flashes({ withCategories: true })),
        },
      })
      assert.equal((await client.ask('/say')).status, 302)
      assert.equal((await client.ask('/hear')).text, '[["success","Welcome"]]')
      assert.equal((await client.ask('/hear')).text, '[]')
    },
  },
  {
    name: 'a value popped is gone',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/set': page((session) => (session.name = 'Ada')),
          '/pop': shows((session) => session.pop('name')),
          '/get': shows((session) => Object.keys(session)),
        },
      })
      await client.ask('/set')
      assert.equal((await client.ask('/pop')).text, '"Ada"')
      assert.equal((await client.ask('/get')).text, '[]')
    },
  },
  {
    name: 'a logout clears the cookie, and a copy of it opens nothing any more',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/login': page((session) => (session.name = 'Ada')),
          '/logout': page((session) => session.destroy()),
          '/get': shows((session) => session.name),
        },
      })
      await client.ask('/login')
      const thief = client.clone()
      const { setCookies } = await client.ask('/logout')
      assert.equal(setCookies.length, 1)
      assert.equal(client.cookies.size, 0)
      assert.equal((await thief.ask('/get')).text, 'undefined')
    },
  },
  {
    name: 'a session that gets a new id keeps its values, and the old id opens nothing any more',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/set': page((session) => (session.name = 'Ada')),
          '/renew': page((session) => session.regenerate()),
          '/get': shows((session) => session.name),
        },
      })
      await client.ask('/set')
      const old = client.clone()
      assert.equal((await client.ask('/renew')).setCookies.length, 1)
      assert.equal((await client.ask('/get')).text, '"Ada"')
      assert.equal((await old.ask('/get')).text, 'undefined')
    },
  },
  {
    name: 'a session saved in mid-request goes on, and its cookie arrives',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/set': async (session) => {
            session.name = 'Ada'
            await session.save()
            session.note = 'later'
            return { body: 'done' }
          },
          '/get': shows((session) => [session.name, session.note]),
        },
      })
      await client.ask('/set')
      assert.equal((await client.ask('/get')).text, '["Ada","later"]')
    },
  },
  {
    name: 'the session is one and the same object for the whole request, also past a second mounting',
    run: async ({ serve, store }) => {
      const client = await serve({
        mounts: 2,
        pages: {
          '/set': page((session) => session.update('count', (count = 0) => count + 1)),
          '/get': shows((session) => session.count),
        },
      })
      const { setCookies } = await client.ask('/set')
      assert.equal(setCookies.length, 1)
      await client.ask('/set')
      assert.deepEqual(store.calls, ['create', 'get', 'update'])
      assert.equal((await client.ask('/get')).text, '2')
    },
  },
]
