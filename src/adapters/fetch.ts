import type { Session, SessionData } from '../contracts/session.ts'
import type { Awaitable } from '../contracts/store.ts'
import type { Visit, VisitSource } from '../contracts/visit.ts'
import { discard, withFacts } from './fetch-head.ts'
import { demandSessions } from './demand-sessions.ts'
import { carry, unload, visitOf } from './mount.ts'
import { type AdapterOptions, isHttps, type ProxyOptions, requestFacts } from './request-facts.ts'

/** Options of `fetchSession`. */
export interface FetchOptions extends AdapterOptions<Request>, ProxyOptions {
  /** Answers a request whose handler threw, or whose session could not be read or stored. Default: prints the error and answers 500. */
  readonly onError?: (error: unknown, request: Request) => Awaitable<Response>
}

/**
 * A handler with sessions for any server that takes a Request and answers a Response. The response is answered after the
 * session is stored, and before its body is read: what a streamed body does comes too late for the session.
 */
export function fetchSession<Data = SessionData, Rest extends unknown[] = []>(
  sessions: VisitSource<Data>,
  handler: (request: Request, session: Session<Data>, ...rest: Rest) => Awaitable<Response>,
  options: FetchOptions = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  demandSessions(sessions, 'fetchSession')
  const { label, trustProxy = false, onError = answerError } = options

  function open(request: Request): Awaitable<Visit<Data>> {
    const { headers, method, url } = request
    const secure = isHttps(url.startsWith('https:'), trustProxy ? headers.get('x-forwarded-proto') : null)
    const path = url.slice(url.indexOf('/', url.indexOf('//') + 2))
    const facts = requestFacts(secure, method, path, label?.(request))
    return sessions.open(headers.get('cookie') ?? undefined, facts)
  }

  async function handled(request: Request, session: Session<Data>, rest: Rest): Promise<Response> {
    try {
      return await handler(request, session, ...rest)
    } catch (error) {
      return onError(error, request)
    }
  }

  async function answer(request: Request, visit: Visit<Data>, rest: Rest): Promise<Response> {
    const response = await handled(request, visit.session, rest)
    try {
      return withFacts(response, await visit.close())
    } catch (error) {
      discard(response.body)
      return withFacts(await onError(error, request), await visit.close())
    }
  }

  return async (request, ...rest) => {
    const carried = visitOf(request, sessions)
    if (carried) return handler(request, carried.session, ...rest)
    let visit: Visit<Data>
    try {
      visit = await open(request)
    } catch (error) {
      return onError(error, request)
    }
    carry(request, sessions, visit)
    try {
      return await answer(request, visit, rest)
    } finally {
      unload(request)
    }
  }
}

function answerError(error: unknown): Response {
  console.error(error)
  return new Response('Internal Server Error', { status: 500 })
}
