import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { streamSSE } from 'hono/streaming'
import { beforeEach, expect, it } from 'vitest'
import { honoSession, type SessionVariables } from '../../src/adapters/hono.ts'
import { createSessions } from '../../src/index.ts'
import { TroubledStore } from '../../src/testing/adapter-cases/troubled-store.ts'

interface Data {
  name: string
}

let store: TroubledStore
let app: Hono<{ Variables: SessionVariables<Data> }>

beforeEach(() => {
  store = new TroubledStore(false)
  app = new Hono()
  app.use(honoSession(createSessions<Data>({ store })))
})

it('needs no server', async () => {
  app.get('/set', (c) => {
    c.get('session').name = 'Ada'
    return c.text('done')
  })
  app.get('/get', (c) => c.text(c.var.session.name ?? 'nobody'))
  const [cookie = ''] = (await app.request('/set')).headers.getSetCookie()
  const headers = { cookie: cookie.slice(0, cookie.indexOf(';')) }
  expect(await (await app.request('/get', { headers })).text()).toBe('Ada')
})

it('an https URL is HTTPS', async () => {
  app.get('/', (c) => {
    c.var.session.name = 'Ada'
    return c.text('done')
  })
  const [cookie] = (await app.request('https://example.org/')).headers.getSetCookie()
  expect(cookie).toMatch(/^__Host-session=.*; Secure/)
})

it('what cannot be stored reaches onError, whose answer is a 500 unless it says otherwise', async () => {
  app.onError((error, c) => c.json({ code: Reflect.get(error, 'code') }))
  app.get('/', (c) => {
    c.var.session.name = 'Ada'
    c.header('ETag', '"page"')
    c.header('X-Trace', '7')
    return c.html('<p>page</p>', 200)
  })
  store.failing.add('create')
  const response = await app.request('/')
  expect(response.status).toBe(500)
  expect(await response.json()).toEqual({ code: 'ERR_SESSION_STORE' })
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('etag')).toBeNull()
  expect(response.headers.get('x-trace')).toBe('7')
  expect(response.headers.getSetCookie()).toEqual([])
})

it('immutable responses get the cookie, too', async () => {
  app.get('/', (c) => {
    c.var.session.name = 'Ada'
    return Response.redirect('http://example.org/next', 302)
  })
  const response = await app.request('/')
  expect([response.status, response.headers.get('location')]).toEqual([302, 'http://example.org/next'])
  expect(response.headers.getSetCookie()).toHaveLength(1)
})

it('a response that the app keeps is not marked with one visitor’s cookie', async () => {
  const kept = new Response(null, { status: 404 })
  app.get('/', (c) => {
    if (c.req.query('set')) c.var.session.name = 'Ada'
    return kept
  })
  expect((await app.request('/?set=1')).headers.getSetCookie()).toHaveLength(1)
  expect((await app.request('/')).headers.getSetCookie()).toEqual([])
})

it('server-sent events by streamSSE carry the cookie in their head', async () => {
  app.get('/', (c) => {
    c.var.session.name = 'Ada'
    return streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: '1' })
      await stream.writeSSE({ data: '2' })
    })
  })
  const response = await app.request('/')
  expect(response.headers.getSetCookie()).toHaveLength(1)
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(await response.text()).toBe('data: 1\n\ndata: 2\n\n')
})

it.each(['before', 'after'])('beside compress, mounted %s it', async (place) => {
  const compressed = new Hono<{ Variables: SessionVariables<Data> }>()
  const session = honoSession(createSessions<Data>({ store }))
  for (const handler of place === 'before' ? [session, compress()] : [compress(), session])
    compressed.use(handler)
  compressed.get('/', (c) => {
    c.var.session.name = 'Ada'
    return c.text('page '.repeat(1000))
  })
  const response = await compressed.request('/', { headers: { 'accept-encoding': 'gzip' } })
  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(response.headers.getSetCookie()).toHaveLength(1)
  const plain = response.body!.pipeThrough(new DecompressionStream('gzip'))
  expect(await new Response(plain).text()).toBe('page '.repeat(1000))
})
