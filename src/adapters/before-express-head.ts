import { ServerResponse } from 'node:http'
import type { Request, Response } from 'express'
import type { Awaitable } from '../contracts/store.ts'
import type { ResponseFacts } from '../contracts/visit.ts'
import { beforeHead, Gate, type GuardedResponse } from './before-head.ts'
import { guardPrototype, type GuardedPrototype } from './guarded-prototype.ts'
import { gateOf, holdBack } from './mount.ts'

const guardsOf = new WeakMap<object, GuardedPrototype>()

const prototypeOf = (object: object): object | null => Object.getPrototypeOf(object) as object | null

/**
 * Does what `beforeHead` does, for a request of Express that carries a visit: by guards that the responses of all apps
 * inherit, unless the response or its app has been laid over by others.
 */
export function beforeExpressHead(
  request: Request,
  response: Response,
  close: () => Awaitable<ResponseFacts>,
  fail: (error: unknown) => void,
): void {
  const guards = guardsFor(response)
  if (guards?.reach(response) !== true || Object.hasOwn(response, 'on')) {
    return beforeHead(response, close, fail)
  }
  holdBack(request, new Gate(response as unknown as GuardedResponse, close, fail, guards.found))
}

/**
 * Whether a response has moved away from the guards that hold it back, as one does that is handed to an app with methods of
 * its own; those of another copy of Express it has met guards when this answers.
 */
export function hasEscaped(request: Request, response: Response): boolean {
  return gateOf(request) !== undefined && guardsFor(response)?.reach(prototypeOf(response)!) !== true
}

function guardsFor(response: object): GuardedPrototype | null {
  const prototype = inheritedByAll(response)
  if (prototype === null) return null
  let guards = guardsOf.get(prototype)
  if (guards === undefined) {
    guards = guardPrototype(prototype, (response) => {
      const { req } = response as { req?: object }
      return req && gateOf(req)
    })
    guardsOf.set(prototype, guards)
  }
  return guards
}

/** What the responses of all apps of one copy of Express inherit; null for a response that is none of Express's. */
function inheritedByAll(response: object): GuardedResponse | null {
  let found: object | null = null
  for (let up = prototypeOf(response); up !== ServerResponse.prototype; up = prototypeOf(up)) {
    if (up === null) return null
    found = up
  }
  return found as GuardedResponse | null
}
