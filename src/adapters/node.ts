import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Session, SessionData } from '../contracts/session.ts'
import type { VisitSource } from '../contracts/visit.ts'
import type { Awaitable } from '../contracts/store.ts'
import { chain, isPromise } from '../lib/awaitable.ts'
import { beforeHead, type NodeResponse } from './before-head.ts'
import { demandSessions } from './demand-sessions.ts'
import { mount, visitOf } from './mount.ts'
import { type AdapterOptions, isHttps, type ProxyOptions, requestFacts } from './request-facts.ts'

/** A request of node:http, node:https or node:http2's compatibility API. */
export type NodeRequest = IncomingMessage | Http2ServerRequest

/** A request that has come past `nodeSession`. */
export type SessionRequest<Data = SessionData, Request = IncomingMessage> = Request & {
  readonly session: Session<Data>
}

/** Options of `nodeSession`. */
export interface NodeOptions<Request, Response> extends AdapterOptions<Request>, ProxyOptions {
  /** Answers a request whose handler threw, or whose session could not be read or stored. Default: prints the error and answers 500. */
  readonly onError?: (error: unknown, request: Request, response: Response) => unknown
}

/**
 * A listener with sessions for `http.createServer`, `https.createServer` and `http2.createServer`: `request.session`.
 * The response head leaves after the session is stored.
 */
export function nodeSession<
  Data = SessionData,
  Request extends NodeRequest = IncomingMessage,
  Response extends NodeResponse = ServerResponse,
>(
  sessions: VisitSource<Data>,
  handler: (request: SessionRequest<Data, Request>, response: Response) => unknown,
  options: NodeOptions<Request, Response> = {},
): (request: Request, response: Response) => void {
  demandSessions(sessions, 'nodeSession')
  const { label, trustProxy = false, onError = answerError } = options

  function begin(request: Request, response: Response): Awaitable<void> {
    const { headers, method = 'GET', url = '/' } = request
    const secure = isHttps(
      'encrypted' in request.socket && request.socket.encrypted,
      trustProxy ? headers['x-forwarded-proto'] : undefined,
    )
    const opened = sessions.open(headers.cookie, requestFacts(secure, method, url, label?.(request)))
    return chain(opened, (visit) => {
      mount(request, sessions, visit)
      beforeHead(
        response,
        () => visit.close(),
        (error) => onError(error, request, response),
      )
    })
  }

  function serve(request: Request, response: Response): Awaitable<unknown> {
    const handle = (): unknown => handler(request as SessionRequest<Data, Request>, response)
    return visitOf(request, sessions) === undefined ? chain(begin(request, response), handle) : handle()
  }

  return (request, response) => {
    const fail = async (error: unknown): Promise<void> => void (await onError(error, request, response))
    try {
      const served = serve(request, response)
      if (isPromise(served)) Promise.resolve(served).catch(fail)
    } catch (error) {
      void fail(error)
    }
  }
}

function answerError(error: unknown, _request: NodeRequest, response: NodeResponse): void {
  console.error(error)
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy()
    return
  }
  response.statusCode = 500
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.end('Internal Server Error')
}
