import http from 'node:http'
import http2 from 'node:http2'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { describe, expectTypeOf, it } from 'vitest'
import { expressSession } from '../../src/adapters/express.ts'
import { fastifySession } from '../../src/adapters/fastify.ts'
import { fetchSession } from '../../src/adapters/fetch.ts'
import { honoSession, type SessionVariables } from '../../src/adapters/hono.ts'
import { koaSession, type SessionContext } from '../../src/adapters/koa.ts'
import { nodeSession, type SessionRequest } from '../../src/adapters/node.ts'
import { session as current } from '../../src/adapters/current.ts'
import { createSessions, type Session } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'

interface Data {
  username: string
  cart: string[]
}

const sessions = createSessions<Data>({ store: memoryStore() })
const merged = createSessions({ store: memoryStore() })

describe('Express', () => {
  it('req.session is typed by SessionData, which the app extends once', () => {
    const app = express()
    app.use(expressSession(merged))
    app.get('/', (request) => {
      expectTypeOf(request.session).toEqualTypeOf<Session>()
      request.session.flash('Welcome')
      // @ts-expect-error -- a session is not replaced
      request.session = null
    })
  })

  it('where sessions have a type of their own, of() has it', () => {
    const session = expressSession(sessions, { label: (request) => request.get('user-agent') ?? '' })
    const app = express()
    app.use(session)
    app.use('/area', session)
    app.get('/', (request) => {
      expectTypeOf(session.of(request)).toEqualTypeOf<Session<Data>>()
      expectTypeOf(session.of(request).username).toEqualTypeOf<string | undefined>()
      // @ts-expect-error -- no such value
      expectTypeOf(session.of(request).usrname)
    })
  })
})

describe('Fastify', () => {
  it('request.session is typed by SessionData', () => {
    const app = fastify()
    app.register(fastifySession(merged, { label: (request) => request.ip }))
    app.get('/', (request) => expectTypeOf(request.session).toEqualTypeOf<Session>())
  })

  it('where sessions have a type of their own, getDecorator has it', () => {
    const app = fastify()
    app.register(fastifySession(sessions))
    app.get('/', (request) => {
      const session = request.getDecorator<Session<Data>>('session')
      expectTypeOf(session.cart).toEqualTypeOf<string[] | undefined>()
    })
  })

  it('fits an app over HTTP/2', () => {
    const app = fastify({ http2: true })
    app.register(fastifySession(sessions))
  })
})

describe('Koa', () => {
  it('ctx.session has the type of the sessions, down the chain', () => {
    const app = new Koa()
    app.use(koaSession(sessions, { label: (ctx) => ctx.ip })).use((ctx) => {
      expectTypeOf(ctx.session).toEqualTypeOf<Session<Data>>()
      // @ts-expect-error -- a session is not replaced
      ctx.session = null
    })
  })

  it('and in an app that names its context', () => {
    const app = new Koa<Koa.DefaultState, SessionContext<Data>>()
    app.use(koaSession(sessions))
    app.use((ctx) => expectTypeOf(ctx.session.username).toEqualTypeOf<string | undefined>())
  })
})

describe('Hono', () => {
  it('c.var.session has the type of the sessions, down the chain', () => {
    new Hono()
      .use(honoSession(sessions, { trustProxy: true, label: (c) => c.req.header('user-agent') ?? '' }))
      .get('/', (c) => {
        expectTypeOf(c.var.session).toEqualTypeOf<Session<Data>>()
        expectTypeOf(c.get('session').username).toEqualTypeOf<string | undefined>()
        return c.text('')
      })
  })

  it('and in an app that names its variables', () => {
    const app = new Hono<{ Variables: SessionVariables<Data> }>()
    app.use(honoSession(sessions))
    app.get('/', (c) => c.text(c.var.session.username ?? ''))
  })
})

describe('node', () => {
  it('request.session has the type of the sessions', () => {
    http.createServer(
      nodeSession(sessions, (request, response) => {
        expectTypeOf(request.session).toEqualTypeOf<Session<Data>>()
        expectTypeOf(request).toExtend<http.IncomingMessage>()
        response.end(request.session.username)
        // @ts-expect-error -- a session is not replaced
        request.session = null
      }),
    )
  })

  it('over HTTP/2 the handler names its request', () => {
    http2.createServer(
      nodeSession(
        sessions,
        (request: SessionRequest<Data, http2.Http2ServerRequest>, response: http2.Http2ServerResponse) => {
          expectTypeOf(request.session.cart).toEqualTypeOf<string[] | undefined>()
          response.end()
        },
        { onError: (_error, request, response) => response.end(request.authority) },
      ),
    )
  })
})

describe('fetch', () => {
  it('the handler gets the session, and what else the server passes', () => {
    const handler = fetchSession(sessions, (_, session, env: { region: string }) => {
      expectTypeOf(session).toEqualTypeOf<Session<Data>>()
      return new Response(env.region)
    })
    expectTypeOf(handler).toEqualTypeOf<(request: Request, env: { region: string }) => Promise<Response>>()
  })
})

it('the imported session is typed by SessionData', () => {
  expectTypeOf(current).toEqualTypeOf<Session>()
})
