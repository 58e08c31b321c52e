import assert from 'node:assert/strict'
import type { WholeResponse } from '../client.ts'
import { type AdapterCase, type Page, page, type PageAnswer, shows } from './adapter-case.ts'

const plain: PageAnswer = { body: 'the same for everyone' }

const answer = (name: string, value: string): PageAnswer => ({ headers: [[name, value]], body: 'done' })

const set = (cacheControl: string): Page =>
  page((session) => (session.name = 'Ada'), answer('Cache-Control', cacheControl))

function varies(response: Pick<WholeResponse, 'headers'>): string[] {
  const names = (response.headers.vary ?? '').toLowerCase().split(/\s*,\s*/)
  return names.filter((name) => name !== '').sort()
}

/** What proxies and browsers may keep. */
export const cachingCases: readonly AdapterCase[] = [
  {
    name: 'a page that does not use the session costs nothing: no store call, no cookie, no Vary, no Cache-Control',
    run: async ({ serve, store }) => {
      const client = await serve({ pages: { '/': () => plain } })
      const response = await client.ask('/')
      assert.equal(response.text, plain.body)
      assert.deepEqual(response.setCookies, [])
      assert.equal(response.headers['vary'], undefined)
      assert.equal(response.headers['cache-control'], undefined)
      assert.deepEqual(store.calls, [])
    },
  },
  {
    name: 'nor does it for a visitor with a session: at most the read, and the page stays cacheable',
    run: async ({ serve, store }) => {
      const client = await serve({
        pages: { '/set': page((session) => (session.name = 'Ada')), '/': () => plain },
      })
      await client.ask('/set')
      store.calls.length = 0
      const response = await client.ask('/')
      assert.deepEqual(response.setCookies, [])
      assert.equal(response.headers['vary'], undefined)
      assert.equal(response.headers['cache-control'], undefined)
      assert.deepEqual(store.calls, store.immediate ? [] : ['get'])
    },
  },
  {
    name: 'a page that looks at the session says Vary: Cookie, and sets no cookie',
    run: async ({ serve, store }) => {
      const client = await serve({ pages: { '/': shows((session) => 'name' in session) } })
      const response = await client.ask('/')
      assert.deepEqual(varies(response), ['cookie'])
      assert.deepEqual(response.setCookies, [])
      assert.equal(response.headers['cache-control'], undefined)
      assert.deepEqual(store.calls, [])
    },
  },
  {
    name: 'a page that sets the cookie says Vary: Cookie and Cache-Control: no-store',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/set': page((session) => (session.name = 'Ada')),
          '/renew': page((session) => session.regenerate()),
          '/end': page((session) => session.destroy()),
        },
      })
      for (const path of ['/set', '/renew', '/end']) {
        const response = await client.ask(path)
        assert.equal(response.setCookies.length, 1, path)
        assert.deepEqual(varies(response), ['cookie'], path)
        assert.equal(response.headers['cache-control'], 'no-store', path)
      }
    },
  },
  {
    name: 'a write to a session whose cookie stays says Vary alone',
    run: async ({ serve }) => {
      const client = await serve({
        pages: { '/': page((session) => session.update('count', (count = 0) => count + 1)) },
      })
      await client.ask('/')
      const response = await client.ask('/')
      assert.deepEqual(varies(response), ['cookie'])
      assert.deepEqual(response.setCookies, [])
      assert.equal(response.headers['cache-control'], undefined)
    },
  },
  {
    name: 'the app’s own Vary is kept, and Cookie is not named twice',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/other': page((session) => session.name, answer('Vary', 'Accept-Encoding')),
          '/same': page((session) => session.name, answer('Vary', 'cookie, Origin')),
          '/any': page((session) => session.name, answer('Vary', '*')),
        },
      })
      assert.deepEqual(varies(await client.ask('/other')), ['accept-encoding', 'cookie'])
      assert.deepEqual(varies(await client.ask('/same')), ['cookie', 'origin'])
      assert.deepEqual(varies(await client.ask('/any')), ['*'])
    },
  },
  {
    name: 'the app’s own Cache-Control beside the cookie is kept where shared caches are kept out, else replaced',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/private': set('private, max-age=60'),
          '/public': set('public, s-maxage=600'),
          '/checked': set('no-cache'),
          '/untouched': () => answer('Cache-Control', 'public, s-maxage=600'),
        },
      })
      const told = async (path: string) => (await client.clone().ask(path)).headers['cache-control']
      assert.equal(await told('/private'), 'private, max-age=60')
      assert.equal(await told('/public'), 'no-store')
      assert.equal(await told('/checked'), 'no-cache, no-store')
      assert.equal(await told('/untouched'), 'public, s-maxage=600')
    },
  },
  {
    name: 'the app’s own cookies are kept in their order, and the session’s comes once',
    run: async ({ serve }) => {
      const client = await serve({
        pages: {
          '/': page((session) => (session.name = 'Ada'), {
            headers: [
              ['Set-Cookie', 'theme=dark; Path=/'],
              ['Set-Cookie', 'session=of the app; Path=/'],
              ['Set-Cookie', 'lang=de, at; Path=/'],
            ],
            body: 'done',
          }),
        },
      })
      const { setCookies } = await client.ask('/')
      assert.equal(setCookies.length, 3)
      assert.deepEqual(setCookies.slice(0, 2), ['theme=dark; Path=/', 'lang=de, at; Path=/'])
      assert.match(setCookies[2]!, /^session=(?!of)/)
    },
  },
]
