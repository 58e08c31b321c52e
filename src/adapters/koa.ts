import type { DefaultContext, DefaultState, Middleware, ParameterizedContext } from 'koa'
import type { Session, SessionData } from '../contracts/session.ts'
import type { ResponseFacts, VisitSource } from '../contracts/visit.ts'
import { isPromise } from '../lib/awaitable.ts'
import { beforeHead } from './before-head.ts'
import { demandSessions } from './demand-sessions.ts'
import { mount, visitOf } from './mount.ts'
import { addToHead, resetHead } from './node-head.ts'
import { type AdapterOptions, requestFacts } from './request-facts.ts'

/** What `koaSession` adds to a context, for `new Koa<DefaultState, SessionContext<Data>>()`. */
export interface SessionContext<Data = SessionData> {
  readonly session: Session<Data>
}

/**
 * Sessions as Koa middleware: `ctx.session`. What the middleware after it did is stored before those ahead of it go on;
 * where they answer an error, or write to `ctx.res` themselves, before the head leaves. A session that cannot be read or
 * stored is an error like any other. HTTPS is what `ctx.secure` says, which hears proxies by `app.proxy`.
 */
export function koaSession<Data = SessionData>(
  sessions: VisitSource<Data>,
  options: AdapterOptions<ParameterizedContext> = {},
): Middleware<DefaultState, DefaultContext & SessionContext<Data>> {
  demandSessions(sessions, 'koaSession')
  return async (ctx, next) => {
    if (visitOf(ctx, sessions)) {
      await next()
      return
    }
    const facts = requestFacts(ctx.secure, ctx.method, ctx.originalUrl, options.label?.(ctx))
    const opened = sessions.open(ctx.headers.cookie, facts)
    const visit = isPromise(opened) ? await opened : opened
    let closed: ResponseFacts | null = null
    mount(ctx, sessions, visit)
    beforeHead(
      ctx.res,
      () => closed ?? visit.close(),
      (error) => ctx.onerror(error as Error),
    )
    await next()
    try {
      closed = await visit.close()
    } catch (error) {
      ctx.body = undefined
      ctx.status = 500
      resetHead(ctx.res)
      throw error
    }
    addToHead(ctx.res, closed)
  }
}
