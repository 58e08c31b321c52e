import http from 'node:http'
import Koa from 'koa'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { koaSession, type SessionContext } from '../../src/adapters/koa.ts'
import { createSessions } from '../../src/index.ts'
import { TroubledStore } from '../../src/testing/adapter-cases/troubled-store.ts'
import { type Served, TestClient } from '../../src/testing/index.ts'
import { listen } from './servers.ts'

interface Data {
  name: string
}

let store: TroubledStore
let app: Koa<Koa.DefaultState, SessionContext<Data>>
let errors: unknown[]
const running: Served[] = []

beforeEach(() => {
  store = new TroubledStore(false)
  errors = []
  app = new Koa()
  app.on('error', (error) => errors.push(error.code ?? error.message))
})
afterEach(async () => {
  for (const served of running.splice(0)) await served.close()
})

const session = () => koaSession(createSessions<Data>({ store }))

async function client(): Promise<TestClient> {
  const served = await listen(http.createServer(app.callback()))
  running.push(served)
  return new TestClient(served.origin)
}

it('what cannot be stored is thrown to the middleware ahead, whose answer is a 500 unless it says otherwise', async () => {
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      errors.push((error as { code: string }).code)
      ctx.body = 'sorry'
    }
  })
  app.use(session())
  app.use((ctx) => {
    ctx.session.name = 'Ada'
    ctx.set('ETag', '"page"')
    ctx.body = { page: true }
  })
  store.failing.add('create')
  const response = await (await client()).ask('/')
  expect([response.status, response.text]).toEqual([500, 'sorry'])
  expect(response.headers.etag).toBeUndefined()
  expect(response.headers['content-type']).toMatch(/^text\/plain/)
  expect(errors).toEqual(['ERR_SESSION_STORE'])
})

it('middleware ahead sees the headers, and may answer an error that carries the session', async () => {
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch {
      ctx.status = 418
      ctx.body = 'caught'
    }
  })
  app.use(session())
  app.use((ctx) => {
    ctx.session.name = 'Ada'
    throw new Error('This page is meant to fail')
  })
  const response = await (await client()).ask('/')
  expect([response.status, response.text]).toEqual([418, 'caught'])
  expect(response.setCookies).toHaveLength(1)
  expect(store.calls).toEqual(['create'])
})

it('a response that fails after the session is stored keeps the cookie', async () => {
  app.use(async (ctx, next) => {
    await next()
    expect(ctx.response.get('Set-Cookie')).toHaveLength(1)
    throw new Error('This middleware is meant to fail')
  })
  app.use(session())
  app.use((ctx) => {
    ctx.session.name = 'Ada'
    ctx.body = 'page'
  })
  const response = await (await client()).ask('/')
  expect([response.status, response.text]).toEqual([500, 'Internal Server Error'])
  expect(response.setCookies).toHaveLength(1)
  expect(response.headers['cache-control']).toBe('no-store')
})

it('a page that writes to ctx.res itself waits for the store, too', async () => {
  app.use(session())
  app.use((ctx) => {
    ctx.session.name = 'Ada'
    ctx.respond = false
    ctx.res.writeHead(201, { 'X-A': '1' })
    ctx.res.end('by hand')
  })
  const response = await (await client()).ask('/')
  expect([response.status, response.text, response.headers['x-a']]).toEqual([201, 'by hand', '1'])
  expect(response.setCookies).toHaveLength(1)
  expect(store.calls).toEqual(['create'])
})

it('a page that writes to ctx.res itself and cannot be stored is a 500', async () => {
  app.use(session())
  app.use((ctx) => {
    ctx.session.name = 'Ada'
    ctx.res.end('by hand')
  })
  store.failing.add('create')
  const response = await (await client()).ask('/')
  expect([response.status, response.text]).toEqual([500, 'Internal Server Error'])
  expect(new Set(errors)).toEqual(new Set(['ERR_SESSION_STORE']))
})

it('assigning to ctx.session throws', async () => {
  app.use(session())
  app.use((ctx) => void Reflect.set(ctx, 'session', null))
  expect((await (await client()).ask('/')).status).toBe(500)
  expect(errors).toEqual(['ERR_SESSION_USE'])
})
