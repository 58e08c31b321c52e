import type { Request, Response } from 'express'
import type { Awaitable } from '../contracts/store.ts'
import type { ResponseFacts } from '../contracts/visit.ts'
import { beforeHead, Gate, type GuardedResponse } from './before-head.ts'
import { guardPrototype, type GuardedPrototype } from './guarded-prototype.ts'
import { gateOf, holdBack } from './mount.ts'

/** What the types of Express leave out. */
interface App {
  readonly parent?: App
  readonly response?: GuardedResponse
}

const guardsOf = new WeakMap<object, GuardedPrototype>()

/**
 * Does what `beforeHead` does, for a request of Express that carries a visit: by guards that the app's responses inherit,
 * unless the response has been laid over by other middleware before.
 */
export function beforeExpressHead(
  request: Request,
  response: Response,
  close: () => Awaitable<ResponseFacts>,
  fail: (error: unknown) => void,
): void {
  // Other frameworks that take middleware have no apps.
  let app = request.app as App | undefined
  while (app?.parent) app = app.parent
  const guards = app?.response && guardsFor(app.response)
  if (guards?.guards(response) !== true) return beforeHead(response, close, fail)
  holdBack(request, new Gate(response as unknown as GuardedResponse, close, fail, guards.found))
}

function guardsFor(prototype: GuardedResponse): GuardedPrototype {
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
