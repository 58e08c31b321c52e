import { type Gate, guarded, type GuardedResponse, type Unguarded, unguarded } from './before-head.ts'
import { headCalls, throwHeadersSent } from './looks-sent.ts'
import { gateOf } from './mount.ts'

/*
 * Express gives every request and response another prototype, and after that V8 makes a hidden class of its own for each
 * property that one of them is given: over 2 µs, and garbage of the kind that is collected last. What all responses
 * inherit is laid once instead, and finds the gate of the response it is called on.
 */

/** Guards on a prototype of responses. */
export interface GuardedPrototype {
  /** What the guarded methods were. */
  readonly found: Unguarded
  /** Whether a call on an object comes past these guards first: it inherits them, and nothing is laid over them. */
  readonly reach: (inheritor: object) => boolean
}

/** What holds a response back by guards that it inherits; not what holds back another response to its request. */
export function gateFor(response: object): Gate | undefined {
  const { req } = response as { req?: object }
  const gate = req && gateOf(req)
  return gate?.holds(response) ? gate : undefined
}

/** Guards all responses that inherit from `prototype`: those for which `gateFor` answers a gate. */
export function guardPrototype(prototype: GuardedResponse): GuardedPrototype {
  const found = unguarded(prototype)
  const laid: Record<string, unknown> = {}
  for (const name of guarded) {
    laid[name] = function call(this: object, ...args: unknown[]): unknown {
      const gate = gateFor(this)
      return gate === undefined ? found[name].apply(this, args) : gate.call(name, args)
    }
  }
  for (const name of headCalls) {
    const method = prototype[name] as (...args: unknown[]) => unknown
    laid[name] = function change(this: object, ...args: unknown[]): unknown {
      if (gateFor(this)?.look) throwHeadersSent()
      return method.apply(this, args)
    }
  }
  Object.assign(prototype, laid)
  const parent: object = Object.getPrototypeOf(prototype) as object
  for (const name of ['headersSent', 'writableEnded'] as const) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: true,
      get(this: object): unknown {
        const look = gateFor(this)?.look
        return (look && (name === 'headersSent' || look.ended)) || Reflect.get(parent, name, this)
      },
    })
  }
  const names = Object.keys(laid) as (keyof GuardedResponse)[]
  return {
    found,
    reach: (inheritor) => names.every((name) => (inheritor as GuardedResponse)[name] === laid[name]),
  }
}
