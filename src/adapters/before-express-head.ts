import { ServerResponse } from 'node:http'
import type { Request, Response } from 'express'
import type { Awaitable } from '../contracts/store.ts'
import type { ResponseFacts } from '../contracts/visit.ts'
import { beforeHead, Gate, type GuardedResponse } from './before-head.ts'
import { gateFor, guardPrototype, type GuardedPrototype } from './guarded-prototype.ts'
import { holdBack } from './mount.ts'

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
 * Keeps a response guarded that has moved since `beforeExpressHead`: to an app of another copy of Express, whose responses
 * inherit guards from now on, or to one with methods of its own, which is why it gets its own.
 */
export function guardMoved(
  response: Response,
  close: () => Awaitable<ResponseFacts>,
  fail: (error: unknown) => void,
): void {
  if (gateFor(response) === undefined || guardsFor(response)?.reach(prototypeOf(response)!) === true) return
  beforeHead(response, close, fail)
}

function guardsFor(response: object): GuardedPrototype | null {
  const prototype = inheritedByAll(response)
  if (prototype === null) return null
  let guards = guardsOf.get(prototype)
  if (guards === undefined) {
    guards = guardPrototype(prototype)
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
