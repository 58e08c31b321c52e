import { Readable } from 'node:stream'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Session, SessionData } from '../contracts/session.ts'
import type { ResponseFacts, Visit, VisitSource } from '../contracts/visit.ts'
import { chain, isPromise } from '../lib/awaitable.ts'
import { cacheControlForCookie, isOfThePage, varyWithCookie, withSetCookie } from '../lib/response-headers.ts'
import { beforeHead } from './before-head.ts'
import { discard, withFacts } from './fetch-head.ts'
import { demandSessions } from './demand-sessions.ts'
import { carriedSession, carry, refuseAssignment, visitOf } from './mount.ts'
import { type AdapterOptions, requestFacts } from './request-facts.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The visitor's session; its values are typed by `declare module 'hipflask' { interface SessionData { … } }`. */
    readonly session: Session
  }
}

/** Where an app knows which sessions it has, so that registering them twice is registering them once. */
const registered = Symbol('hipflask')

/**
 * Sessions as a Fastify plugin: `request.session`, in the app it is registered in and its plugins. The reply leaves after
 * the session is stored, a hijacked one too; a session that cannot be read or stored is an error for the error handler, and
 * nothing has been sent then. What goes to `reply.raw` without `reply.hijack()` before it passes the session by: nothing is
 * stored. HTTPS is what `request.protocol` says, which hears proxies by `trustProxy`.
 */
export function fastifySession<Data = SessionData>(
  sessions: VisitSource<Data>,
  options: AdapterOptions<FastifyRequest> = {},
): FastifyPluginAsync {
  demandSessions(sessions, 'fastifySession')
  const plugin: FastifyPluginAsync = async (app) => {
    if (app.hasDecorator(registered) && app.getDecorator(registered) === sessions) return
    app.decorateRequest('session', {
      getter(this: FastifyRequest) {
        return carriedSession(this) as Session
      },
      setter: refuseAssignment,
    })
    app.decorate(registered, sessions)

    // Fastify goes on when a hook calls `done`, or when the promise it answers is kept: where nothing waits, none is made.
    app.addHook('onRequest', (request, reply, done): void | Promise<void> => {
      const { protocol, method, originalUrl, headers } = request
      const facts = requestFacts(protocol === 'https', method, originalUrl, options.label?.(request))
      const begin = (visit: Visit<Data>): void => {
        carry(request, sessions, visit)
        guardHijacked(reply, visit)
      }
      const visit = sessions.open(headers.cookie, facts)
      if (isPromise(visit)) return visit.then(begin)
      begin(visit)
      done()
    })

    app.addHook('onSend', (request, reply, payload, done): void | Promise<unknown> => {
      const visit = visitOf(request, sessions)
      if (visit === undefined) return done(null, payload)
      const fail = (error: unknown): never => {
        giveUp(reply, payload)
        throw error
      }
      let added: unknown
      try {
        added = chain(visit.close(), (facts) => addToReply(reply, payload, facts))
      } catch (error) {
        return fail(error)
      }
      if (isPromise(added)) return added.catch(fail)
      done(null, added)
    })
  }
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'hipflask',
  })
}

function addToReply(reply: FastifyReply, payload: unknown, facts: ResponseFacts): unknown {
  // Its headers replace the reply's, so they are the ones to add to.
  if (payload instanceof Response) return withFacts(payload, facts)
  if (facts.vary) reply.header('vary', varyWithCookie(reply.getHeader('vary')))
  if (facts.setCookie !== null) {
    reply.header('cache-control', cacheControlForCookie(reply.getHeader('cache-control')))
    const cookies = withSetCookie(reply.getHeader('set-cookie'), facts.setCookie)
    reply.removeHeader('set-cookie').header('set-cookie', cookies)
  }
  return payload
}

function giveUp(reply: FastifyReply, payload: unknown): void {
  if (payload instanceof Readable) payload.destroy()
  if (payload instanceof Response) discard(payload.body)
  if (payload instanceof ReadableStream) discard(payload)
  for (const name of Object.keys(reply.getHeaders())) if (isOfThePage(name)) reply.removeHeader(name)
  reply.code(500)
}

/** After `reply.hijack()` no hook is called any more. */
function guardHijacked<Data>(reply: FastifyReply, visit: Visit<Data>): void {
  const hijack = reply.hijack.bind(reply)
  reply.hijack = () => {
    beforeHead(
      reply.raw,
      () => visit.close(),
      (error) => {
        reply.log.error(error)
        reply.raw.end('Internal Server Error')
      },
    )
    return hijack()
  }
}
