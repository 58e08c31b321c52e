// Servers and a client that show what is really on the wire, for HTTP/1.1 and for HTTP/2 alike.
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'

export type Kind = 'http' | 'http2'
export type Listener = (request: any, response: any) => unknown

export interface Answer {
  readonly status: number
  readonly message: string
  readonly headers: http.IncomingHttpHeaders
  /** Set-Cookie lines in order. */
  readonly cookies: readonly string[]
  readonly body: Buffer
  readonly text: string
  readonly trailers: http.IncomingHttpHeaders
}

export interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
}

export interface Served {
  readonly origin: string
  ask(ask?: Ask): Promise<Answer>
  close(): Promise<void>
}

/** Serves `listener` on a free loopback port until `close`. */
export async function serve(kind: Kind, listener: Listener): Promise<Served> {
  const server = kind === 'http' ? http.createServer(listener) : http2.createServer(listener)
  const open = new Set<{ destroy(): void }>()
  server.on(kind === 'http' ? 'connection' : 'session', (connection: Socket) => {
    open.add(connection)
    connection.on('close', () => open.delete(connection))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    ask: (ask = {}) => (kind === 'http' ? ask1(origin, ask) : ask2(origin, ask)),
    close: async () => {
      for (const connection of open) connection.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const agent = new http.Agent({ keepAlive: false })

/** One request over HTTP/1.1. */
export async function ask1(
  origin: string,
  { method = 'GET', path = '/', headers, body }: Ask,
): Promise<Answer> {
  const request = http.request(origin + path, { method, agent, headers: headers ?? {} })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return answerOf(response.statusCode!, response.statusMessage!, response.headers, chunks, response.trailers)
}

/** One request over HTTP/2 in clear text. */
export async function ask2(
  origin: string,
  { method = 'GET', path = '/', headers, body }: Ask,
): Promise<Answer> {
  const session = http2.connect(origin)
  try {
    const stream = session.request(
      { ':method': method, ':path': path, ...headers },
      { endStream: body === undefined },
    )
    if (body !== undefined) stream.end(body)
    let trailers: http.IncomingHttpHeaders = {}
    stream.on('trailers', (got) => (trailers = got))
    const [head] = await Promise.race([
      once(stream, 'response') as Promise<[http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader]>,
      once(stream, 'close').then((): never => {
        throw new Error('The stream was closed without a response')
      }),
    ])
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    return answerOf(Number(head[':status']), '', head, chunks, trailers)
  } finally {
    session.destroy()
  }
}

function answerOf(
  status: number,
  message: string,
  headers: http.IncomingHttpHeaders,
  chunks: Buffer[],
  trailers: http.IncomingHttpHeaders,
): Answer {
  const body = Buffer.concat(chunks)
  return {
    status,
    message,
    headers,
    cookies: headers['set-cookie'] ?? [],
    body,
    text: body.toString(),
    trailers,
  }
}

/** A promise with its two ends in hand. */
export function deferred<T>(): {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
} {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
