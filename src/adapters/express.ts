import type { Request, RequestHandler } from 'express'
import type { Session, SessionData } from '../contracts/session.ts'
import type { Visit, VisitSource } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import { beforeExpressHead, guardMoved } from './before-express-head.ts'
import { demandSessions } from './demand-sessions.ts'
import { mount, visitOf } from './mount.ts'
import { type AdapterOptions, requestFacts } from './request-facts.ts'

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- the way Express lets others type its request
  namespace Express {
    interface Request {
      /** The visitor's session; its values are typed by `declare module 'hipflask' { interface SessionData { … } }`. */
      readonly session: Session
    }
  }
}

/** Middleware that gives requests their session. */
export interface ExpressSession<Data> extends RequestHandler {
  /** `request.session` typed by the sessions it comes from; throws ERR_SESSION_USE where the middleware has not run. */
  readonly of: (request: object) => Session<Data>
}

/**
 * Sessions as middleware of Express 4 and 5: `req.session`. A session that cannot be read or stored is an error for the
 * error handlers, and nothing has been sent then. HTTPS is what `req.secure` says, which hears proxies by 'trust proxy'.
 */
export function expressSession<Data = SessionData>(
  sessions: VisitSource<Data>,
  options: AdapterOptions<Request> = {},
): ExpressSession<Data> {
  demandSessions(sessions, 'expressSession')
  const middleware: RequestHandler = (request, response, next) => {
    const carried = visitOf(request, sessions)
    if (carried) {
      guardMoved(response, () => carried.close(), next)
      return next()
    }
    const begin = (visit: Visit<Data>): void => {
      mount(request, sessions, visit)
      beforeExpressHead(request, response, () => visit.close(), next)
      next()
    }
    const { secure, method, originalUrl, headers } = request
    const facts = requestFacts(secure, method, originalUrl, options.label?.(request))
    const visit = sessions.open(headers.cookie, facts)
    // oxlint-disable-next-line promise/no-callback-in-promise -- Express hears of errors by no other way
    if (isPromise(visit)) visit.then(begin).catch(next)
    else begin(visit)
  }
  const of = (request: object): Session<Data> => {
    const visit = visitOf(request, sessions)
    if (visit) return visit.session
    throw new SessionError(
      'ERR_SESSION_USE',
      'This request has not come past expressSession: mount it before the routes.',
    )
  }
  return Object.assign(middleware, { of })
}
