import assert from 'node:assert/strict'
import { type AdapterCase, barrier, page, shows } from './adapter-case.ts'
import { turns } from './troubled-store.ts'

const once = (session: { name?: string }): unknown => (session.name = 'Ada')

/** Errors and hang-ups. */
export const troubleCases: readonly AdapterCase[] = [
  {
    name: 'a session that cannot be stored is a 500 with nothing of the page: no cookie, no body, no headers about it',
    run: async ({ serve, store }) => {
      const client = await serve({
        pages: {
          '/set': page(once, {
            headers: [
              ['ETag', '"page"'],
              ['Cache-Control', 'public, max-age=600'],
              ['Content-Language', 'de'],
            ],
            body: 'the page',
          }),
          '/get': shows(({ name }) => name),
        },
      })
      store.failing.add('create')
      const response = await client.ask('/set')
      assert.equal(response.status, 500)
      assert.deepEqual(response.setCookies, [])
      assert.doesNotMatch(response.text, /the page/)
      for (const name of ['etag', 'cache-control', 'content-language'])
        assert.equal(response.headers[name], undefined)
      store.failing.clear()
      assert.equal((await client.ask('/get')).text, 'undefined')
      assert.equal((await client.ask('/set')).status, 200)
    },
  },
  {
    name: 'a change that cannot be stored is a 500, and the session is as before',
    run: async ({ serve, store }) => {
      const client = await serve({
        pages: {
          '/set': page(once),
          '/rename': page((session) => (session.name = 'Eve'), {
            status: 302,
            headers: [['Location', '/get']],
          }),
          '/end': page((session) => session.destroy()),
          '/get': shows(({ name }) => name),
        },
      })
      await client.ask('/set')
      store.failing.add('update').add('delete')
      for (const path of ['/rename', '/end']) {
        const response = await client.ask(path)
        assert.equal(response.status, 500, path)
        assert.deepEqual(response.setCookies, [], path)
      }
      store.failing.clear()
      assert.equal((await client.ask('/get')).text, '"Ada"')
    },
  },
  {
    name: 'a streamed page whose session cannot be stored is a 500, and its stream is let go',
    run: async ({ serve, store }) => {
      const stream = { letGo: false }
      let left = 1000
      const body: AsyncIterableIterator<string> = {
        [Symbol.asyncIterator]: () => body,
        next: async () => {
          stream.letGo ||= left-- === 0
          return stream.letGo
            ? { done: true, value: undefined }
            : { done: false, value: 'the page'.repeat(1000) }
        },
        return: async () => {
          stream.letGo = true
          return { done: true, value: undefined }
        },
      }
      const client = await serve({ pages: { '/': page(once, { body }) } })
      store.failing.add('create')
      const response = await client.ask('/')
      assert.equal(response.status, 500)
      assert.deepEqual(response.setCookies, [])
      assert.doesNotMatch(response.text, /the page/)
      for (let turn = 0; turn < 1000 && !stream.letGo; turn++) await turns(1)
      assert.ok(stream.letGo, 'the stream is still held')
    },
  },
  {
    name: 'a session that cannot be read is a 500 without a cookie, and the visitor keeps the one he has',
    run: async ({ serve, store }) => {
      const client = await serve({ pages: { '/set': page(once), '/get': shows(({ name }) => name) } })
      await client.ask('/set')
      store.failing.add('get')
      const response = await client.ask('/get')
      assert.equal(response.status, 500)
      assert.deepEqual(response.setCookies, [])
      store.failing.clear()
      assert.equal((await client.ask('/get')).text, '"Ada"')
    },
  },
  {
    name: 'a page that throws after a write is a 500, and what it wrote is kept, as in Flask',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/throw': (session) => {
            session.name = 'Ada'
            throw new Error('This page is meant to fail')
          },
          '/get': shows(({ name }) => name),
        },
      })
      const response = await client.ask('/throw')
      assert.equal(response.status, 500)
      assert.equal(response.setCookies.length, 1)
      assert.equal(response.headers['cache-control'], 'no-store')
      assert.equal((await client.ask('/get')).text, '"Ada"')
    },
  },
  {
    name: 'a page that throws, and whose session cannot be stored either, is a 500 without a cookie',
    run: async ({ serve, store }) => {
      const client = await serve({
        pages: {
          '/throw': (session) => {
            session.name = 'Ada'
            throw new Error('This page is meant to fail')
          },
        },
      })
      store.failing.add('create')
      const response = await client.ask('/throw')
      assert.equal(response.status, 500)
      assert.deepEqual(response.setCookies, [])
    },
  },
  {
    name: 'a visitor who hangs up before the answer: what the page did is stored when it is done',
    run: async ({ serve, store }) => {
      const asked = barrier(2)
      const left = barrier(2)
      const client = await serve({
        pages: {
          '/slow': async (session) => {
            void asked()
            await left()
            session.name = 'Ada'
            return { body: 'nobody hears' }
          },
          '/': shows(() => 'alive'),
        },
      })
      const leaving = new AbortController()
      const response = client.ask('/slow', { signal: leaving.signal })
      await asked()
      leaving.abort()
      await assert.rejects(response)
      await turns(20)
      void left()
      for (let turn = 0; turn < 1000 && store.calls.length === 0; turn++) await turns(1)
      assert.deepEqual(store.calls, ['create'])
      assert.equal((await client.ask('/')).text, '"alive"')
    },
  },
  {
    name: 'a visitor who hangs up while the session is stored harms nobody',
    run: async ({ serve, store }) => {
      const leaving = new AbortController()
      const client = await serve({
        pages: {
          '/': page((session) => {
            session.name = 'Ada'
            leaving.abort()
          }),
          '/next': shows(() => 'alive'),
        },
      })
      await assert.rejects(client.ask('/', { signal: leaving.signal }))
      for (let turn = 0; turn < 1000 && store.calls.length === 0; turn++) await turns(1)
      assert.deepEqual(store.calls, ['create'])
      assert.equal((await client.ask('/next')).text, '"alive"')
    },
  },
]
