import type { Visit, VisitSource } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'
import type { Gate } from './before-head.ts'

/** Where a request keeps its visit, and whose it is. */
const mounted = Symbol('hipflask')

interface Carrier {
  [mounted]?:
    | { readonly sessions: object; readonly visit: Visit<unknown>; gate: Gate | undefined }
    | undefined
}

/** The visit of a request that has come past an adapter of these sessions, if it has. */
export function visitOf<Data>(request: object, sessions: VisitSource<Data>): Visit<Data> | undefined {
  const found = (request as Carrier)[mounted]
  return found?.sessions === sessions ? (found.visit as Visit<Data>) : undefined
}

/** Lets `visitOf` and `carriedSession` find the visit of a request. */
export function carry<Data>(request: object, sessions: VisitSource<Data>, visit: Visit<Data>): void {
  ;(request as Carrier)[mounted] = { sessions, visit, gate: undefined }
}

/** Takes the visit off a request that has been answered: served again, it is another one. */
export function unload(request: object): void {
  ;(request as Carrier)[mounted] = undefined
}

/** The session that a request carries; undefined before it has come past an adapter. */
export function carriedSession(request: object): unknown {
  return (request as Carrier)[mounted]?.visit.session
}

/** Notes on a request that carries a visit what holds its response back. */
export function holdBack(request: object, gate: Gate): void {
  ;(request as Carrier)[mounted]!.gate = gate
}

/** What holds back the response to a request, if `holdBack` was told. */
export function gateOf(request: object): Gate | undefined {
  return (request as Carrier)[mounted]?.gate
}

/** What assigning to the property `session` of a request comes to: ERR_SESSION_USE. */
export function refuseAssignment(): never {
  throw new SessionError(
    'ERR_SESSION_USE',
    'A session is not replaced by assigning another: session.destroy() ends it, session.clear() empties it.',
  )
}

const property: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: object) {
    return carriedSession(this)
  },
  set: refuseAssignment,
}

/** Gives a request its visit and its property `session`; throws ERR_SESSION_CONFIG when it has one of other origin. */
export function mount<Data>(request: object, sessions: VisitSource<Data>, visit: Visit<Data>): void {
  if ('session' in request) {
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'This request has a session already, from other middleware or from other sessions: mount one of them only.',
    )
  }
  carry(request, sessions, visit)
  Object.defineProperty(request, 'session', property)
}
