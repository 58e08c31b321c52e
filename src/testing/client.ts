import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'

/** A request of a `TestClient`. */
export interface ClientRequest {
  /** Default GET. */
  readonly method?: string
  /** Further headers; an array is sent as several lines. A `cookie` here is sent in place of the jar's. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** Gives the request up. */
  readonly signal?: AbortSignal
}

/** A response whose head has arrived. */
export interface ClientResponse {
  readonly status: number
  /** By lower-case names. */
  readonly headers: Readonly<http.IncomingHttpHeaders>
  /** The Set-Cookie lines, in order. */
  readonly setCookies: readonly string[]
  /** The body, piece by piece as it arrives. */
  readonly body: AsyncIterable<string>
}

/** A response that has arrived whole. */
export interface WholeResponse extends Omit<ClientResponse, 'body'> {
  readonly text: string
}

/** A small browser for tests: remembers cookies by name (it weighs neither path, domain nor `Secure`) and follows nothing. */
export class TestClient {
  readonly #origin: string
  readonly #http2: boolean
  /** The cookies it holds, by name. */
  readonly cookies: Map<string, string> = new Map()

  /** For `https:` any certificate will do; `http2` speaks HTTP/2 from the first byte. */
  constructor(origin: string, options: { readonly http2?: boolean } = {}) {
    this.#origin = origin
    this.#http2 = options.http2 ?? false
  }

  /** Another client with the same cookies. */
  clone(): TestClient {
    const clone = new TestClient(this.#origin, { http2: this.#http2 })
    for (const [name, value] of this.cookies) clone.cookies.set(name, value)
    return clone
  }

  /** Sends a request and answers when the head has arrived. */
  async open(path: string, request: ClientRequest = {}): Promise<ClientResponse> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(cookie === '' ? {} : { cookie }), ...request.headers }
    const send = this.#http2 ? overHttp2 : overHttp1
    const response = await send(this.#origin, path, { ...request, headers })
    for (const line of response.setCookies) this.#keep(line)
    return response
  }

  /** Sends a request and answers when all of the response has arrived. */
  async ask(path: string, request?: ClientRequest): Promise<WholeResponse> {
    const { body, ...head } = await this.open(path, request)
    let text = ''
    for await (const piece of body) text += piece
    return { ...head, text }
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    const dead = attributes.some((text) => {
      const [attribute = '', value = ''] = text.split('=')
      if (attribute.toLowerCase() === 'max-age') return Number(value) <= 0
      return attribute.toLowerCase() === 'expires' && Date.parse(value) <= Date.now()
    })
    if (dead) this.cookies.delete(name)
    else this.cookies.set(name, pair.slice(name.length + 1))
  }
}

async function overHttp1(origin: string, path: string, request: ClientRequest): Promise<ClientResponse> {
  const { method = 'GET', headers = {}, signal } = request
  const { protocol, hostname, port } = new URL(origin)
  const options = { hostname, port, path, method, headers, agent: false, ...(signal && { signal }) }
  const sent =
    protocol === 'https:' ? https.request({ ...options, rejectUnauthorized: false }) : http.request(options)
  sent.end()
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
  response.setEncoding('utf8')
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    setCookies: response.headers['set-cookie'] ?? [],
    body: response,
  }
}

async function overHttp2(origin: string, path: string, request: ClientRequest): Promise<ClientResponse> {
  const { method = 'GET', headers = {}, signal } = request
  const session = http2.connect(origin, { rejectUnauthorized: false })
  const stream = session.request({ ...headers, ':method': method, ':path': path })
  signal?.addEventListener('abort', () => stream.close(http2.constants.NGHTTP2_CANCEL))
  stream.setEncoding('utf8')
  stream.on('close', () => session.close())
  type Head = [http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader]
  const closed = once(stream, 'close').then((): Head => {
    throw new Error('The stream was closed before a response came')
  })
  const [head] = (await Promise.race([once(stream, 'response'), closed])) as Head
  return {
    status: head[':status'] ?? 0,
    headers: head,
    setCookies: head['set-cookie'] ?? [],
    body: stream,
  }
}
