import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import type { NodeResponse } from '../adapters/before-head.ts'
import type { NodeRequest } from '../adapters/node.ts'
import type { Address } from './guard.ts'

/** What the inspector takes of a Hono context. */
export interface HonoLike {
  readonly req: { readonly raw: Request }
  readonly env: unknown
}

/** What the inspector takes of a Koa context. */
export interface KoaLike {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly path: string
  respond?: boolean | undefined
}

/** What the inspector takes of a Fastify app. */
export interface FastifyLike {
  all(
    path: string,
    handler: (request: { readonly raw: IncomingMessage }, reply: FastifyReplyLike) => unknown,
  ): unknown
}

interface FastifyReplyLike {
  code(status: number): unknown
  header(name: string, value: string): unknown
  removeHeader(name: string): unknown
  send(payload: unknown): unknown
}

/** The inspector of some sessions: a handler of its own, and a short way into every framework. */
export interface Inspector {
  /** Answers a Request. `server` is what the server hands over with it (Node's bindings in Hono, Deno's info, Bun's server): it tells the address. */
  (request: Request, server?: unknown): Promise<Response>
  /** Middleware of Express 4 and 5: `app.use('/__sessions', inspect(sessions))`. */
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void
  /** A listener of node:http that answers below `path` and leaves the rest to `listener`. */
  readonly node: <Req extends NodeRequest, Res extends NodeResponse>(
    path: string,
    listener: (request: Req, response: Res) => unknown,
  ) => (request: Req, response: Res) => void
  /** A fetch handler that answers below `path` and leaves the rest to `handler`. */
  readonly fetch: <Rest extends unknown[]>(
    path: string,
    handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
  ) => (request: Request, ...rest: Rest) => Promise<Response>
  /** A Fastify plugin: `app.register(inspect(sessions).fastify, { prefix: '/__sessions' })`. */
  readonly fastify: (app: FastifyLike, options: unknown, done: () => void) => void
  /** Koa middleware that answers below `path`: `app.use(inspect(sessions).koa('/__sessions'))`. */
  readonly koa: (path: string) => (ctx: KoaLike, next: () => Promise<unknown>) => Promise<void>
  /** A Hono handler: `app.all('/__sessions/*', inspect(sessions).hono)`. */
  readonly hono: (c: HonoLike) => Promise<Response>
  /** Stops observing and forgets what was seen; a viewer that comes later starts it again. */
  readonly close: () => void
}

type Answer = (request: Request, address: Address) => Promise<Response>

/** Gives an answering function the shape of every framework. */
export function inspectorOf(answer: Answer, close: () => void): Inspector {
  function inspector(
    request: Request | IncomingMessage,
    second?: unknown,
    next?: (error?: unknown) => void,
  ): Promise<Response> | void {
    if (!('socket' in request)) return answer(request, addressIn(second, request))
    serve(request, second as ServerResponse).catch((error: unknown) => {
      if (next === undefined) failed(second as ServerResponse, error)
      else next(error)
    })
  }

  async function serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    await send(await answered(request), response)
  }

  function answered(request: NodeRequest): Promise<Response> {
    const asked = requestOf(request)
    return asked === null
      ? Promise.resolve(new Response('The request names no place here.\n', { status: 400 }))
      : answer(asked, request.socket.remoteAddress ?? null)
  }

  const koa: Inspector['koa'] = (path) => async (ctx, next) => {
    if (!below(path, ctx.path)) {
      await next()
      return
    }
    // Koa takes a reader who leaves for an error.
    ctx.respond = false
    await serve(ctx.req, ctx.res)
  }

  const fastify: Inspector['fastify'] = (app, _, done) => {
    const handler = async (
      request: { readonly raw: IncomingMessage },
      reply: FastifyReplyLike,
    ): Promise<unknown> => {
      const response = await answered(request.raw)
      reply.code(response.status)
      for (const [name, value] of response.headers) reply.header(name, value)
      reply.removeHeader(cors)
      return reply.send(bodyOf(response) ?? '')
    }
    app.all('/', handler)
    app.all('/_ask/*', handler)
    done()
  }

  const node: Inspector['node'] = (path, listener) => (request, response) => {
    if (below(path, request.url ?? ''))
      serve(request, response).catch((error: unknown) => failed(response, error))
    else listener(request, response)
  }

  const fetch: Inspector['fetch'] =
    (path, handler) =>
    async (request, ...rest) =>
      below(path, new URL(request.url).pathname)
        ? answer(request, addressIn(rest[0], request))
        : handler(request, ...rest)

  return Object.assign(inspector, {
    node,
    fetch,
    fastify,
    koa,
    hono: ((c) => answer(c.req.raw, addressIn(c.env, c.req.raw))) satisfies Inspector['hono'],
    close,
  }) as Inspector
}

/** What an app's own middleware may have allowed other sites; of this page they are to learn nothing. */
const cors = 'access-control-allow-origin'

function below(path: string, url: string): boolean {
  const at = url.split('?')[0]!
  return at === path || at.startsWith(path.endsWith('/') ? path : `${path}/`)
}

/** The address in what a server hands over with a Request: @hono/node-server, Deno, Bun. */
function addressIn(server: unknown, request: Request): Address {
  if (typeof server !== 'object' || server === null) return null
  const { incoming, remoteAddr, requestIP } = server as {
    readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
    readonly remoteAddr?: { readonly hostname?: string }
    readonly requestIP?: (request: Request) => { readonly address: string } | null
  }
  if (typeof requestIP === 'function') return requestIP.call(server, request)?.address ?? null
  return incoming?.socket?.remoteAddress ?? remoteAddr?.hostname ?? null
}

/** The web's form of a Node request, without its body; null where it names another place than its Host. */
function requestOf(request: NodeRequest): Request | null {
  const { headers, method = 'GET' } = request
  // Express takes the path it is mounted under out of `url`.
  const url = 'originalUrl' in request ? String(request.originalUrl) : (request.url ?? '/')
  const host = headers.host ?? String(headers[':authority'] ?? '')
  const secure = 'encrypted' in request.socket && request.socket.encrypted
  if (!url.startsWith('/') || !/^[\w.:[\]-]+$/.test(host)) return null
  const place = `${secure ? 'https' : 'http'}://${host}${url}`
  if (!URL.canParse(place)) return null
  const web = new Headers({ host })
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(':') && value !== undefined)
      web.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  return new Request(place, {
    method: method === 'CONNECT' || method === 'TRACE' ? 'OPTIONS' : method,
    headers: web,
  })
}

function bodyOf(response: Response): Readable | null {
  return response.body === null ? null : Readable.fromWeb(response.body as ReadableStream<Uint8Array>)
}

async function send(response: Response, to: NodeResponse): Promise<void> {
  to.removeHeader(cors)
  to.writeHead(response.status, Object.fromEntries(response.headers))
  const body = bodyOf(response)
  if (body === null) {
    to.end()
    return
  }
  try {
    await pipeline(body, to)
  } catch (error) {
    // Closing the page is how a feed ends.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

function failed(response: NodeResponse, error: unknown): void {
  console.error(error)
  if (response.headersSent) response.destroy()
  else {
    response.statusCode = 500
    response.end('Internal Server Error')
  }
}
