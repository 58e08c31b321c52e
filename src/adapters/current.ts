import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import type { Session } from '../contracts/session.ts'
import { SessionError } from '../errors.ts'

const storage = new AsyncLocalStorage<object>()

function current(): object {
  const session = storage.getStore()
  if (session !== undefined) return session
  throw new SessionError(
    'ERR_SESSION_USE',
    'Working outside of a request: the imported `session` is the visitor’s only in what withSession(request.session, next) calls. Mount that after the session middleware.',
  )
}

/** Calls `fn` so that in it, and in all it awaits and calls back, the imported `session` is this one; answers what it answers. */
export function withSession<T>(session: object, fn: () => T): T {
  return storage.run(session, fn)
}

/** The session of the request that is being served, as Flask's `session`; throws ERR_SESSION_USE outside of `withSession`. */
export const session: Session = new Proxy(
  { [inspect.custom]: () => storage.getStore() ?? 'Session (outside of a request)' },
  {
    get: (_, key) => Reflect.get(current(), key),
    set: (_, key, value) => Reflect.set(current(), key, value),
    has: (_, key) => Reflect.has(current(), key),
    deleteProperty: (_, key) => Reflect.deleteProperty(current(), key),
    ownKeys: () => Reflect.ownKeys(current()),
    getOwnPropertyDescriptor: (_, key) => Reflect.getOwnPropertyDescriptor(current(), key),
    defineProperty: (_, key, property) => Reflect.defineProperty(current(), key, property),
    getPrototypeOf: () => Reflect.getPrototypeOf(current()),
  },
) as unknown as Session
