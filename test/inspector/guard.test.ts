import { afterEach, describe, expect, test, vi } from 'vitest'
import { inspect } from '../../src/inspector/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { lab, watched } from '../engine/visitor.ts'
import { asking, type Asking, FeedReader, open, send, tokenIn } from './asking.ts'

afterEach(() => vi.unstubAllEnvs())

const page = '/__sessions'
const question = '/__sessions/_ask/health'

describe('without authorize', () => {
  test.each<[string, Asking]>([
    ['an address of the local network', { address: '192.168.1.20' }],
    ['a public address', { address: '203.0.113.9' }],
    ['an address that only begins like a loopback one', { address: '127.0.0.1.evil.example' }],
    ['no address', { address: null }],
    ['a rebound name', { headers: { host: 'evil.example' } }],
    ['a rebound name with a port', { headers: { host: 'evil.example:4000' } }],
    ['a name that begins like a loopback one', { headers: { host: '127.0.0.1.evil.example' } }],
    ['a name that ends like one', { headers: { host: 'evil.localhost' } }],
    ['localhost with a dot', { headers: { host: 'localhost.' } }],
    ['the address of all interfaces', { headers: { host: '0.0.0.0:4000' } }],
    ['an empty host', { headers: { host: '' } }],
    ['a proxy on this machine', { headers: { 'x-forwarded-for': '203.0.113.9' } }],
    ['a proxy that says so in the standard way', { headers: { forwarded: 'for=203.0.113.9' } }],
  ])('%s is refused', async (_, asked) => {
    const app = lab()
    const inspector = inspect(app.sessions)
    const { token } = await open(inspector)
    for (const path of [page, question]) {
      const response = await send(inspector, path, {
        ...asked,
        headers: { ...asking(token), ...asked.headers },
      })
      expect(response.status).toBe(403)
    }
  })

  test.each(['localhost', 'localhost:4000', '127.0.0.1:4000', '[::1]:4000'])(
    'this machine may, as %s',
    async (host) => {
      for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
        const response = await send(inspect(lab().sessions), page, { headers: { host }, address })
        expect(response.status).toBe(200)
      }
    },
  )
})

describe('other sites', () => {
  const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

  test.each<[string, Record<string, string>]>([
    ['fetch from another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
    ['fetch from another port', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
    ['a script element', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'script' }],
    ['an image element', { 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'image' }],
    ['a frame', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    ['a link on another site', { 'sec-fetch-site': 'cross-site', ...navigation }],
    ['another origin, from a browser that does not say the site', { origin: 'http://evil.example' }],
    ['another port as origin', { origin: 'http://localhost:8000' }],
    ['no origin at all, from a sandbox', { origin: 'null' }],
  ])('%s: refused, page and questions', async (_, headers) => {
    const inspector = inspect(lab().sessions)
    const { token } = await open(inspector)
    for (const path of [page, question]) {
      const response = await send(inspector, path, { headers: { ...asking(token), ...headers } })
      expect(response.status).toBe(403)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  test('may send a visitor to the page if they are neighbours on this host, and no further', async () => {
    const inspector = inspect(lab().sessions)
    const { token } = await open(inspector)
    const neighbour = { 'sec-fetch-site': 'same-site', ...navigation }
    expect((await send(inspector, page, { headers: neighbour })).status).toBe(200)
    expect((await send(inspector, question, { headers: { ...neighbour, ...asking(token) } })).status).toBe(
      403,
    )
    for (const site of ['none', 'same-origin'])
      expect(
        (await send(inspector, page, { headers: { 'sec-fetch-site': site, ...navigation } })).status,
      ).toBe(200)
    const own = { 'sec-fetch-site': 'same-origin', ...asking(token) }
    expect((await send(inspector, question, { headers: own })).status).toBe(200)
  })
})

describe('the token of a page', () => {
  test('is needed for every question, in a header, unforged', async () => {
    const app = lab({ userOf: (data) => data['user'] })
    await app.request((s) => s.set('user', 'ann'))
    const { id } = (await app.sessions.list('ann'))[0]!
    const inspector = inspect(app.sessions)
    const { token } = await open(inspector)
    const [random] = token.split('.') as [string]
    const other = (await open(inspect(app.sessions))).token
    for (const bad of ['', random, `${random}.`, `${random}.${'A'.repeat(43)}`, `${token}x`, other]) {
      for (const name of ['revoke', 'revoke-user', 'reveal', 'decode', 'race']) {
        const response = await send(inspector, `/__sessions/_ask/${name}?token=${token}`, {
          method: 'POST',
          headers: asking(bad, { id, user: 'ann' }),
        })
        expect(response.status).toBe(403)
      }
      for (const name of ['feed', 'sessions', 'session', 'why', 'health']) {
        const response = await send(inspector, `/__sessions/_ask/${name}`, { headers: asking(bad, { id }) })
        expect(response.status).toBe(403)
      }
    }
    expect(await app.sessions.list('ann')).toHaveLength(1)
    expect(app.types()).toEqual(['created'])
  })

  test('differs from page to page, and nothing is done by GET', async () => {
    const app = lab({ userOf: (data) => data['user'] })
    await app.request((s) => s.set('user', 'ann'))
    const inspector = inspect(app.sessions)
    const one = await open(inspector)
    expect((await open(inspector)).token).not.toBe(one.token)
    for (const name of ['revoke', 'revoke-user', 'reveal', 'decode', 'race'])
      expect((await one.ask(name, { user: 'ann' })).status).toBe(405)
    expect((await one.ask('health', {}, 'POST')).status).toBe(405)
    expect((await one.ask('nothing')).status).toBe(404)
    expect((await send(inspector, page, { method: 'DELETE' })).status).toBe(405)
    expect(await app.sessions.list('ann')).toHaveLength(1)
  })
})

describe('the response', () => {
  test('may not be framed, stored, sniffed or shared, and runs only its own script', async () => {
    const inspector = inspect(lab().sessions)
    const response = await send(inspector, page)
    const html = await response.text()
    const policy = response.headers.get('content-security-policy')!
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)![1]!
    expect(policy).toBe(
      `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    expect(html.match(/<script[^>]*>/g)).toEqual([`<script nonce="${nonce}">`])
    expect(html.match(/<style[^>]*>/g)).toEqual([`<style nonce="${nonce}">`])
    expect((await send(inspector, page)).headers.get('content-security-policy')).not.toBe(policy)
    const { token } = await open(inspector)
    for (const answer of [response, await send(inspector, question, { headers: asking(token) })]) {
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('cache-control')).toBe('no-store, no-transform')
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
      expect(answer.headers.get('x-frame-options')).toBe('DENY')
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    }
  })

  test('is one page of less than 60 kB, made of text alone', async () => {
    const html = await (await send(inspect(lab().sessions), page)).text()
    expect(Buffer.byteLength(html)).toBeLessThan(60_000)
    expect(html).not.toMatch(
      /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|https?:\/\/(?!www\.w3\.org)/,
    )
    const head = await send(inspect(lab().sessions), page, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })
})

test('where records are named by what cookies carry, no id is shown, and what is listed can be revoked', async () => {
  const inner = watched(memoryStore({ max: 10 }))
  const store = Object.assign(inner, { ids: { next: () => 'bearer-1', record: (token: string) => token } })
  const app = lab({ store, userOf: (data) => data['user'] })
  const inspector = inspect(app.sessions)
  const page = await open(inspector)
  const feed = new FeedReader(await page.ask('feed'))
  const told = [await feed.next()]
  await app.request((s) => s.set('user', 'ann'))
  told.push(await feed.next(), await page.told('sessions'), await page.told('sessions', { user: 'ann' }))
  const { id } = told[2].rows[0]
  told.push(await page.told('session', { id }), await page.told('health'), await page.told('why', { n: 1 }))
  expect(told[4].row.user).toBe('ann')
  told.push(await page.told('reveal', { id }, 'POST'), await page.told('revoke', { id }, 'POST'))
  expect(await app.store.get('bearer-1')).toBeNull()
  expect(JSON.stringify([told, app.events])).not.toContain('bearer-1')
  await feed.close()
  inspector.close()
})

describe('with authorize', () => {
  test('it alone decides who may see the page, from wherever', async () => {
    const asked: string[] = []
    const inspector = inspect(lab().sessions, {
      authorize: async (request) => {
        asked.push(new URL(request.url).pathname)
        return request.headers.get('cookie') === 'admin=yes'
      },
    })
    const far = {
      address: '203.0.113.9',
      headers: { host: 'app.example', 'x-forwarded-for': '198.51.100.1' },
    }
    expect((await send(inspector, page, far)).status).toBe(403)
    const headers = { ...far.headers, cookie: 'admin=yes' }
    const shown = await send(inspector, page, { ...far, headers })
    expect(shown.status).toBe(200)
    const token = tokenIn(await shown.text())
    const ask = (more: Record<string, string>): Promise<Response> =>
      send(inspector, question, { ...far, headers: { ...more, ...asking(token) } })
    expect((await ask(headers)).status).toBe(200)
    expect((await ask(far.headers)).status).toBe(403)
    expect((await ask({ ...headers, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await ask({ ...headers, origin: 'http://evil.example' })).status).toBe(403)
    expect(asked).toContain(question)
  })

  test('an error of it is the app’s, and shows nothing', async () => {
    const inspector = inspect(lab().sessions, {
      authorize: () => {
        throw new Error('no database')
      },
    })
    await expect(send(inspector, page)).rejects.toThrow('no database')
  })

  test('production does not start without it', () => {
    vi.stubEnv('NODE_ENV', 'production')
    const { sessions } = lab()
    expect(() => inspect(sessions)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CONFIG' }))
    expect(() => inspect(sessions, { authorize: () => false })).not.toThrow()
  })

  test('settings that cannot work are refused', () => {
    const { sessions } = lab()
    expect(() => inspect(sessions, { authorize: 'yes' as never })).toThrow('authorize')
    expect(() => inspect(sessions, { mask: 'password' as never })).toThrow('mask')
    expect(() => inspect(sessions, { secrets: { current: '' } })).toThrow('secrets.current')
  })
})
