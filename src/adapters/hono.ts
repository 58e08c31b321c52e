import type { Context, MiddlewareHandler } from 'hono'
import type { Session, SessionData } from '../contracts/session.ts'
import type { ResponseFacts, VisitSource } from '../contracts/visit.ts'
import { isPromise } from '../lib/awaitable.ts'
import { isOfThePage } from '../lib/response-headers.ts'
import { discard, withFacts } from './fetch-head.ts'
import { demandSessions } from './demand-sessions.ts'
import { carry, visitOf } from './mount.ts'
import { type AdapterOptions, isHttps, type ProxyOptions, requestFacts } from './request-facts.ts'

/** The variables `honoSession` sets, for `new Hono<{ Variables: SessionVariables<Data> }>()`. */
export interface SessionVariables<Data = SessionData> {
  session: Session<Data>
}

/** Options of `honoSession`. */
export interface HonoOptions extends AdapterOptions<Context>, ProxyOptions {}

/**
 * Sessions as Hono middleware: `c.var.session`. The response is answered after the session is stored, and before its body
 * is read. A session that cannot be read or stored is an error for `app.onError`.
 */
export function honoSession<Data = SessionData>(
  sessions: VisitSource<Data>,
  options: HonoOptions = {},
): MiddlewareHandler<{ Variables: SessionVariables<Data> }> {
  demandSessions(sessions, 'honoSession')
  const { label, trustProxy = false } = options
  return async (c, next) => {
    if (visitOf(c, sessions)) {
      await next()
      return
    }
    const { req } = c
    const secure = isHttps(req.url.startsWith('https:'), trustProxy ? req.header('x-forwarded-proto') : null)
    const facts = requestFacts(secure, req.method, req.path, label?.(c))
    const opened = sessions.open(req.header('cookie'), facts)
    const visit = isPromise(opened) ? await opened : opened
    carry(c, sessions, visit)
    c.set('session', visit.session)
    await next()
    const page = c.res
    let closed: ResponseFacts
    try {
      closed = await visit.close()
    } catch (error) {
      discard(page.body)
      replace(c, new Response(null, { headers: [...page.headers].filter(([name]) => !isOfThePage(name)) }))
      c.status(500)
      throw error
    }
    const left = withFacts(page, closed)
    if (left !== page) replace(c, left)
  }
}

/** A response given to a context that has one would get all of its headers. */
function replace(c: Context, response: Response): void {
  c.res = undefined
  c.res = response
}
