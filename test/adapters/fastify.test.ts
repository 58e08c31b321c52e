// oxlint-disable oxc/no-async-endpoint-handlers -- Fastify awaits its handlers
import { Readable } from 'node:stream'
import compress from '@fastify/compress'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fastifySession } from '../../src/adapters/fastify.ts'
import type { Session } from '../../src/contracts/session.ts'
import { createSessions } from '../../src/index.ts'
import { TroubledStore } from '../../src/testing/adapter-cases/troubled-store.ts'
import { TestClient } from '../../src/testing/index.ts'

interface Data {
  name: string
}

let store: TroubledStore
let app: FastifyInstance

beforeEach(() => {
  store = new TroubledStore(false)
  app = fastify({ forceCloseConnections: true })
})
afterEach(() => app.close())

const session = () => fastifySession(createSessions<Data>({ store }))
const sessionOf = (request: { getDecorator<T>(name: string): T }) =>
  request.getDecorator<Session<Data>>('session')

async function client(): Promise<TestClient> {
  return new TestClient(await app.listen({ port: 0, host: '127.0.0.1' }))
}

it('registered in an app it serves its plugins, too, as request.session', async () => {
  await app.register(session())
  await app.register(async (inner) => {
    inner.get('/', async (request) => Object.keys(request.session))
  })
  expect((await app.inject('/')).json()).toEqual([])
})

it('registered in a plugin it serves that plugin alone', async () => {
  await app.register(async (inner) => {
    await inner.register(session())
    inner.get('/in', async (request) => 'session' in request)
  })
  app.get('/out', async (request) => 'session' in request)
  expect([(await app.inject('/in')).json(), (await app.inject('/out')).json()]).toEqual([true, false])
})

it('registered again with the same sessions it is registered once', async () => {
  const sessions = createSessions<Data>({ store })
  await app.register(fastifySession(sessions))
  await app.register(async (inner) => {
    await inner.register(fastifySession(sessions))
    inner.get('/', async (request) => {
      sessionOf(request).name = 'Ada'
      return 'done'
    })
  })
  expect((await app.inject('/')).cookies).toHaveLength(1)
  expect(store.calls).toEqual(['create'])
})

it('beside other sessions it refuses to guess', async () => {
  app.register(session())
  app.register(session())
  await expect(async () => app.ready()).rejects.toThrow("'session' has already been added")
})

it('what cannot be stored reaches the error handler, whose answer is a 500 unless it says otherwise', async () => {
  await app.register(session())
  app.setErrorHandler((error, _, reply) => reply.send({ code: Reflect.get(error as object, 'code') }))
  app.get('/', async (request, reply) => {
    sessionOf(request).name = 'Ada'
    return reply.header('ETag', '"page"').header('X-Trace', '7').type('text/html').send('<p>page</p>')
  })
  store.failing.add('create')
  const response = await app.inject('/')
  expect(response.statusCode).toBe(500)
  expect(response.json()).toEqual({ code: 'ERR_SESSION_STORE' })
  expect(response.headers['etag']).toBeUndefined()
  expect(response.headers['x-trace']).toBe('7')
  expect(response.cookies).toEqual([])
})

it('a hijacked reply waits for the store, too', async () => {
  await app.register(session())
  app.get('/', async (request, reply) => {
    sessionOf(request).name = 'Ada'
    reply.hijack()
    reply.raw.writeHead(201, { 'X-A': '1' })
    reply.raw.end('by hand')
  })
  const response = await (await client()).ask('/')
  expect([response.status, response.text, response.headers['x-a']]).toEqual([201, 'by hand', '1'])
  expect(response.setCookies).toHaveLength(1)
  expect(store.calls).toEqual(['create'])
})

it('a hijacked reply that cannot be stored is a 500', async () => {
  await app.register(session())
  app.get('/', async (request, reply) => {
    sessionOf(request).name = 'Ada'
    reply.hijack()
    reply.raw.end('by hand')
  })
  store.failing.add('create')
  const response = await (await client()).ask('/')
  expect([response.status, response.text]).toEqual([500, 'Internal Server Error'])
})

it('a Response as payload keeps its own headers beside the cookie', async () => {
  await app.register(session())
  app.get('/', async (request) => {
    sessionOf(request).name = 'Ada'
    const headers = { 'Cache-Control': 'public, max-age=60', Vary: 'Origin', 'Set-Cookie': 'theme=dark' }
    return new Response('page', { status: 202, headers })
  })
  const response = await (await client()).ask('/')
  expect([response.status, response.text]).toEqual([202, 'page'])
  expect(response.headers['cache-control']).toBe('no-store')
  expect(response.headers.vary).toBe('Origin, Cookie')
  expect(response.setCookies.map((line) => line.slice(0, line.indexOf('=')))).toEqual(['theme', 'session'])
})

it('a web stream that is not sent after all is cancelled', async () => {
  const cancelled: unknown[] = []
  await app.register(session())
  app.get('/', async (request, reply) => {
    sessionOf(request).name = 'Ada'
    return reply.send(new ReadableStream({ cancel: () => void cancelled.push('cancelled') }))
  })
  store.failing.add('create')
  expect((await app.inject('/')).statusCode).toBe(500)
  expect(cancelled).toEqual(['cancelled'])
})

it.each(['before', 'after'])('beside @fastify/compress, registered %s it', async (place) => {
  if (place === 'before') await app.register(session())
  await app.register(compress, { encodings: ['gzip'] })
  if (place === 'after') await app.register(session())
  app.get('/', async (request, reply) => {
    sessionOf(request).name = 'Ada'
    return reply.type('text/plain').send(Readable.from(['page '.repeat(1000)]))
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const response = await fetch(origin, { headers: { 'accept-encoding': 'gzip' } })
  expect(response.headers.get('content-encoding')).toBe('gzip')
  expect(response.headers.getSetCookie()).toHaveLength(1)
  expect(await response.text()).toBe('page '.repeat(1000))

  store.failing.add('create')
  const failed = await fetch(origin, { headers: { 'accept-encoding': 'gzip' } })
  expect(failed.status).toBe(500)
  expect(await failed.json()).toMatchObject({ code: 'ERR_SESSION_STORE' })
})

it('assigning to request.session throws', async () => {
  await app.register(session())
  app.get('/', async (request) => Reflect.set(request, 'session', null))
  expect((await app.inject('/')).json().code).toBe('ERR_SESSION_USE')
})
