import assert from 'node:assert/strict'
import { type AdapterCase, page, shows } from './adapter-case.ts'

const pages = {
  '/set': page((session: { name?: string }) => (session.name = 'Ada')),
  '/get': shows(({ name }) => name),
}

/** What a request tells: its cookies, its proxies, its route, its device. */
export const requestCases: readonly AdapterCase[] = [
  {
    name: 'several Cookie lines are one list',
    run: async ({ serve }) => {
      const client = await serve({ pages })
      await client.ask('/set')
      const [[name, value] = ['', '']] = client.cookies
      const cookie = ['theme=dark', `${name}=${value}`, 'lang=de']
      assert.equal((await client.ask('/get', { headers: { cookie } })).text, '"Ada"')
    },
  },
  {
    name: 'a comma in a Cookie line separates nothing',
    run: async ({ serve }) => {
      const client = await serve({ pages })
      await client.ask('/set')
      const [[name, value] = ['', '']] = client.cookies
      assert.equal(
        (await client.ask('/get', { headers: { cookie: `a=1, ${name}=${value}` } })).text,
        'undefined',
      )
      assert.equal(
        (await client.ask('/get', { headers: { cookie: `a=1,2; ${name}=${value}` } })).text,
        '"Ada"',
      )
    },
  },
  {
    name: 'no cookie a browser can send is an error',
    run: async ({ serve }) => {
      const client = await serve({ pages })
      const values = [
        '',
        '=',
        '"',
        '%00',
        '%zz',
        '{}',
        '__proto__',
        'a'.repeat(4000),
        '\u00e4\u00ff',
        ';;',
        '$Version=1',
      ]
      for (const value of values) {
        const response = await client.ask('/get', { headers: { cookie: `session=${value}` } })
        assert.equal(response.status, 200, value)
        assert.equal(response.text, 'undefined', value)
      }
    },
  },
  {
    name: 'X-Forwarded-Proto is any visitor’s word: without a trusted proxy the cookie is that of plain HTTP',
    run: async ({ serve }) => {
      const client = await serve({ pages })
      const { setCookies } = await client.ask('/set', { headers: { 'x-forwarded-proto': 'https' } })
      assert.match(setCookies[0]!, /^session=/)
      assert.doesNotMatch(setCookies[0]!, /Secure/)
    },
  },
  {
    name: 'behind a trusted proxy that says HTTPS the cookie is Secure and has the name that only HTTPS can set',
    run: async ({ serve }) => {
      const client = await serve({ pages, trustProxy: true })
      const headers = { 'x-forwarded-proto': 'https' }
      const { setCookies } = await client.ask('/set', { headers })
      assert.match(setCookies[0]!, /^__Host-session=[^;]+; (?:.+; )?Secure/)
      assert.equal((await client.ask('/get', { headers })).text, '"Ada"')
    },
  },
  {
    name: 'of several values of a trusted X-Forwarded-Proto one counts: the leftmost, or what the framework says',
    run: async ({ serve, traits }) => {
      const client = await serve({ pages, trustProxy: true })
      const name = async (proto: string): Promise<string> => {
        const { setCookies } = await client.clone().ask('/set', { headers: { 'x-forwarded-proto': proto } })
        return setCookies[0]!.slice(0, setCookies[0]!.indexOf('='))
      }
      const leftmost = traits.forwardedProto === 'leftmost'
      assert.equal(await name('https, http'), leftmost ? '__Host-session' : 'session')
      assert.equal(await name('http, https'), leftmost ? 'session' : '__Host-session')
      assert.equal(await name('http'), 'session')
    },
  },
  {
    name: 'a cookie set over HTTPS is not read on plain HTTP',
    run: async ({ serve }) => {
      const client = await serve({ pages, trustProxy: true })
      await client.ask('/set', { headers: { 'x-forwarded-proto': 'https' } })
      assert.equal((await client.ask('/get')).text, 'undefined')
    },
  },
  {
    name: 'events name the route, without the query string',
    run: async ({ serve, events }) => {
      const client = await serve({ pages })
      await client.ask('/set?token=secret')
      const routes = events.filter(({ type }) => type === 'created').map(({ route }) => route)
      assert.deepEqual(routes, ['GET /set'])
    },
  },
  {
    name: 'the label the app gives a request is stored with the session, cut to 512 characters',
    run: async ({ serve, store }) => {
      const client = await serve({ pages, label: () => `phone ${'x'.repeat(600)}` })
      await client.ask('/set')
      const { sessions } = await store.page(null, 10)
      assert.deepEqual(
        sessions.map(({ label }) => label),
        [`phone ${'x'.repeat(506)}`],
      )
    },
  },
]
