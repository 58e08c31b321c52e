import http from 'node:http'
import http2 from 'node:http2'
import { serve } from '@hono/node-server'
import compression from 'compression'
import express5 from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { afterEach, describe, expect, test } from 'vitest'
import { expressSession } from '../../src/adapters/express.ts'
import { fastifySession } from '../../src/adapters/fastify.ts'
import { fetchSession } from '../../src/adapters/fetch.ts'
import { honoSession } from '../../src/adapters/hono.ts'
import { koaSession } from '../../src/adapters/koa.ts'
import { nodeSession } from '../../src/adapters/node.ts'
import { createSessions, type Sessions } from '../../src/index.ts'
import { inspect } from '../../src/inspector/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { listen } from '../adapters/servers.ts'
import { asking, FeedReader, tokenIn } from './asking.ts'

interface Data {
  visits: number
}

type App = Sessions<Data>
type Served = Awaited<ReturnType<typeof listen>>

const running: Served[] = []
afterEach(async () => {
  for (const served of running.splice(0)) await served.close()
})

async function start(server: http.Server | http2.Http2Server): Promise<Served> {
  const served = await listen(server)
  running.push(served)
  return served
}

const count = (session: { visits?: number }): string => String((session.visits = (session.visits ?? 0) + 1))

/** Each framework with the line its users write, and an app that counts visits. */
const frameworks: Record<string, (sessions: App) => Promise<Served>> = {
  'Express 5': (sessions) => serveExpress(express5, sessions),
  'Express 4': (sessions) => serveExpress(express4, sessions),
  async Fastify(sessions) {
    const app = fastify()
    await app.register(fastifySession(sessions))
    await app.register(inspect(sessions).fastify, { prefix: '/__sessions' })
    app.get('/', (request, reply) => reply.send(count(request.session as never)))
    await app.ready()
    app.server.once('close', () => void app.close())
    return start(app.server)
  },
  async Koa(sessions) {
    const app = new Koa()
    app.use(inspect(sessions).koa('/__sessions'))
    app.use(koaSession(sessions) as never)
    app.use((ctx) => void (ctx.body = count((ctx as any).session)))
    return start(http.createServer(app.callback()))
  },
  async Hono(sessions) {
    const app = new Hono<any>()
    app.use('/__sessions/*', inspect(sessions).hono)
    app.use(honoSession(sessions))
    app.get('/', (c) => c.text(count(c.var.session)))
    return start(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as http.Server)
  },
  async node(sessions) {
    const app = nodeSession(sessions, (request, response) => response.end(count(request.session)))
    return start(http.createServer(inspect(sessions).node('/__sessions', app)))
  },
  async fetch(sessions) {
    const app = fetchSession(sessions, (_, session) => new Response(count(session)))
    const handler = inspect(sessions).fetch('/__sessions', app)
    return start(serve({ fetch: handler as never, port: 0, hostname: '127.0.0.1' }) as http.Server)
  },
}

function serveExpress(express: typeof express5, sessions: App): Promise<Served> {
  const app = express()
  app.use(compression())
  app.use((_, response, next) => {
    response.setHeader('access-control-allow-origin', '*')
    next()
  })
  app.use(express.json())
  app.use('/__sessions', inspect(sessions))
  app.use(expressSession(sessions))
  app.get('/', (request, response) => void response.send(count(request.session as never)))
  return start(http.createServer(app))
}

describe.each(Object.entries(frameworks))('in %s', (_, serveIt) => {
  test('the page opens, feeds, answers and revokes; the app goes on beside it', async () => {
    const sessions = createSessions<Data>({ store: memoryStore() })
    const { origin } = await serveIt(sessions)
    for (const path of ['/__sessions', '/__sessions/']) {
      const response = await fetch(origin + path)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(response.headers.get('content-security-policy')).toContain("script-src 'nonce-")
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(response.headers.getSetCookie()).toEqual([])
      expect(tokenIn(await response.text())).toMatch(/^[\w-]{22}\.[\w-]{43}$/)
    }
    const token = tokenIn(await (await fetch(`${origin}/__sessions`)).text())
    const ask = (name: string, args: object = {}, method = 'GET'): Promise<Response> =>
      fetch(`${origin}/__sessions/_ask/${name}`, { method, headers: asking(token, args) })
    const feed = new FeedReader(await ask('feed', { base: '/__sessions' }))
    expect((await feed.next()).entries).toEqual([])
    const first = await fetch(origin)
    const cookie = first.headers.getSetCookie()[0]!.split(';')[0]!
    expect(await first.text()).toBe('1')
    const { entries } = await feed.next()
    expect(entries).toMatchObject([{ route: 'GET /', events: [{ type: 'created' }] }])
    const { rows } = (await (await ask('sessions')).json()) as any
    expect(rows).toMatchObject([{ id: entries[0].id, keys: 1 }])
    const revoked = await ask('revoke', { id: rows[0].id }, 'POST')
    expect(await revoked.json()).toEqual({ revoked: 1 })
    const told: string[] = []
    while (!told.includes('revoked'))
      for (const { event } of (await feed.next()).entries) told.push(event?.code ?? event?.type)
    expect(told).toEqual(['warning', 'revoked'])
    await feed.close()
    expect(await (await fetch(origin, { headers: { cookie } })).text()).toBe('1')
    expect((await fetch(`${origin}/__sessions/_ask/health`)).status).toBe(403)
  })

  test('hostile hosts and targets are refused', async () => {
    const sessions = createSessions<Data>({ store: memoryStore() })
    const { origin } = await serveIt(sessions)
    const { port } = new URL(origin)
    const shows = (path: string, host: string): Promise<boolean> =>
      new Promise((resolve, reject) => {
        const request = http.request({ port, host: '127.0.0.1', path, headers: { host } }, (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
          response.on('end', () => resolve(body.includes('hipflask: sessions')))
        })
        request.on('error', reject).end()
      })
    expect(await shows('/__sessions', `127.0.0.1:${port}`)).toBe(true)
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.', 'a b', '<script>', '[::1'])
      expect(await shows('/__sessions', host), host).toBe(false)
    expect(await shows(`http://evil.example/__sessions`, `127.0.0.1:${port}`)).toBe(false)
  })
})

test('over HTTP/2', async () => {
  const sessions = createSessions<Data>({ store: memoryStore() })
  const listener = inspect(sessions).node(
    '/__sessions',
    (_: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void response.end('app'),
  )
  const { origin } = await start(http2.createServer(listener))
  const client = http2.connect(origin)
  const text = async (path: string): Promise<string> => {
    const stream = client.request({ ':path': path })
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk as string
    return body
  }
  expect(await text('/__sessions')).toContain('<title>hipflask: sessions</title>')
  expect(await text('/__sessionsandmore')).toBe('app')
  client.close()
})
