// The suite's app, served by each framework in its own way.
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { serve as honoServe } from '@hono/node-server'
import express5 from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import Koa from 'koa'
import { expressSession } from '../../src/adapters/express.ts'
import { fastifySession } from '../../src/adapters/fastify.ts'
import { fetchSession } from '../../src/adapters/fetch.ts'
import { honoSession, type SessionVariables } from '../../src/adapters/hono.ts'
import { koaSession, type SessionContext } from '../../src/adapters/koa.ts'
import { nodeSession, type SessionRequest } from '../../src/adapters/node.ts'
import type { Session } from '../../src/contracts/session.ts'
import type { PageAnswer, Served, SuiteApp, SuiteData } from '../../src/testing/index.ts'

type Server = http.Server | https.Server | http2.Http2Server | http2.Http2SecureServer

/** Listens on a free loopback port; `close` ends open connections, too. */
export async function listen(server: Server, protocol = 'http:'): Promise<Served> {
  const open = new Set<{ destroy(): void }>()
  const keep = (connection: Socket): void => {
    open.add(connection)
    connection.on('close', () => open.delete(connection))
  }
  server.on('connection', keep)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const connection of open) connection.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const pathOf = (url: string): string => url.split('?')[0]!

/** Answers by the methods of a Node response. */
export function answerNode(response: any, { status = 200, headers = [], body }: PageAnswer): void {
  response.statusCode = status
  for (const [name, value] of headers) response.appendHeader(name, value)
  if (body === undefined || typeof body === 'string') response.end(body)
  else pipeline(Readable.from(body), response, () => {})
}

/** Answers by writeHead with a flat array of headers. */
function answerNodeAtOnce(
  response: http.ServerResponse,
  { status = 200, headers = [], body }: PageAnswer,
): void {
  response.writeHead(status, headers.flat())
  if (body === undefined || typeof body === 'string') response.end(body)
  else pipeline(Readable.from(body), response, () => {})
}

function serveExpress(express: typeof express5) {
  return async (app: SuiteApp): Promise<Served> => {
    const server = express()
    server.set('env', 'test')
    server.set('trust proxy', app.trustProxy)
    const session = expressSession(app.sessions, { label: app.label })
    for (let n = 0; n < app.mounts; n++) server.use(session)
    server.use((request, response, forward) => {
      const answer = async (): Promise<void> => {
        const { status = 200, headers = [], body } = await app.page(request.path, session.of(request))
        response.status(status)
        for (const [name, value] of headers) response.append(name, value)
        if (body === undefined) response.end()
        else if (typeof body === 'string') response.send(body)
        else pipeline(Readable.from(body), response, () => {})
      }
      answer().catch(forward)
    })
    return listen(http.createServer(server))
  }
}

async function serveFastify(app: SuiteApp): Promise<Served> {
  const server = fastify({ trustProxy: app.trustProxy, forceCloseConnections: true })
  for (let n = 0; n < app.mounts; n++) {
    await server.register(fastifySession(app.sessions, { label: app.label }))
  }
  server.route({
    method: ['GET', 'HEAD', 'POST'],
    url: '*',
    handler: async (request, reply) => {
      const session = request.getDecorator<Session<SuiteData>>('session')
      const { status = 200, headers = [], body } = await app.page(pathOf(request.url), session)
      reply.code(status)
      for (const [name, value] of headers) reply.header(name, value)
      return reply.send(body === undefined || typeof body === 'string' ? body : Readable.from(body))
    },
  })
  const origin = await server.listen({ port: 0, host: '127.0.0.1' })
  return { origin, close: () => server.close() }
}

async function serveKoa(app: SuiteApp): Promise<Served> {
  const server = new Koa<Koa.DefaultState, SessionContext<SuiteData>>({ proxy: app.trustProxy })
  server.silent = true
  for (let n = 0; n < app.mounts; n++) server.use(koaSession(app.sessions, { label: app.label }))
  server.use(async (ctx) => {
    const { status = 200, headers = [], body } = await app.page(ctx.path, ctx.session)
    ctx.status = status
    for (const [name, value] of headers) ctx.append(name, value)
    ctx.body = typeof body === 'object' ? Readable.from(body) : (body ?? '')
  })
  return listen(http.createServer(server.callback()))
}

async function serveHono(app: SuiteApp): Promise<Served> {
  const server = new Hono<{ Variables: SessionVariables<SuiteData> }>()
  for (let n = 0; n < app.mounts; n++) {
    server.use(honoSession(app.sessions, { label: app.label, trustProxy: app.trustProxy }))
  }
  server.all('*', async (c) => {
    const { status = 200, headers = [], body } = await app.page(c.req.path, c.var.session)
    c.status(status as 200)
    for (const [name, value] of headers) c.header(name, value, { append: true })
    if (body === undefined) return c.body(null)
    if (typeof body === 'string') return c.body(body)
    return stream(c, async (out) => {
      for await (const piece of body) await out.write(piece)
    })
  })
  const node = honoServe({ fetch: server.fetch, port: 0, hostname: '127.0.0.1' }) as http.Server
  if (!node.listening) await once(node, 'listening')
  return {
    origin: `http://127.0.0.1:${(node.address() as AddressInfo).port}`,
    close: async () => {
      node.closeAllConnections()
      node.close()
      await once(node, 'close')
    },
  }
}

async function serveFetch(app: SuiteApp): Promise<Served> {
  const options = { label: app.label, trustProxy: app.trustProxy }
  const page = async (request: Request, session: Session<SuiteData>): Promise<Response> => {
    const { status = 200, headers = [], body } = await app.page(new URL(request.url).pathname, session)
    const head = new Headers()
    for (const [name, value] of headers) head.append(name, value)
    const text =
      typeof body === 'object' ? ReadableStream.from(body).pipeThrough(new TextEncoderStream()) : body
    return new Response(text ?? null, { status, headers: head })
  }
  const once_ = fetchSession(app.sessions, page, options)
  const twice = fetchSession(app.sessions, (request) => once_(request), options)
  const node = honoServe({
    fetch: app.mounts === 2 ? twice : once_,
    port: 0,
    hostname: '127.0.0.1',
  }) as http.Server
  if (!node.listening) await once(node, 'listening')
  return {
    origin: `http://127.0.0.1:${(node.address() as AddressInfo).port}`,
    close: async () => {
      node.closeAllConnections()
      node.close()
      await once(node, 'close')
    },
  }
}

function listener(app: SuiteApp, answer: typeof answerNode): (request: any, response: any) => void {
  const options = { label: app.label, trustProxy: app.trustProxy }
  const inner = async (request: SessionRequest<SuiteData>, response: any): Promise<void> => {
    answer(response, await app.page(pathOf(request.url!), request.session))
  }
  const once_ = nodeSession(app.sessions, inner, options)
  return app.mounts === 2 ? nodeSession(app.sessions, once_, options) : once_
}

/** Every adapter, by the names of what it serves with. */
export const servers: Readonly<Record<string, (app: SuiteApp) => Promise<Served>>> = {
  'Express 4': serveExpress(express4),
  'Express 5': serveExpress(express5),
  Fastify: serveFastify,
  Koa: serveKoa,
  'Hono on @hono/node-server': serveHono,
  fetch: serveFetch,
  'node:http': (app) => listen(http.createServer(listener(app, answerNode))),
  'node:http, writeHead': (app) => listen(http.createServer(listener(app, answerNodeAtOnce))),
  'node:http2': async (app) => ({
    ...(await listen(http2.createServer(listener(app, answerNode)))),
    http2: true,
  }),
}
