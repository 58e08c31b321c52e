import type { StoreCall } from '../contracts/event.ts'
import type { Awaitable, SessionStore } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import type { Events } from './events.ts'

/** How much of the deadline one request has left for its store calls. Monotonic, not the configured clock. */
export class Budget {
  readonly #milliseconds: number
  #end: number | null = null

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  /** Begins to count, for a request that waits before its first call. */
  start(): this {
    this.#end ??= performance.now() + this.#milliseconds
    return this
  }

  /** Counts from the first time it is asked, so a store that answers at once never costs a look at the clock. */
  get left(): number {
    const now = performance.now()
    this.#end ??= now + this.#milliseconds
    return this.#end - now
  }
}

/** Calls a store within a budget, and turns whatever goes wrong into a SessionError and an event. */
export class StoreCalls {
  readonly store: SessionStore
  readonly #events: Events

  constructor(store: SessionStore, events: Events) {
    this.store = store
    this.#events = events
  }

  /** The answer of `work`; throws or rejects with ERR_SESSION_STORE or ERR_SESSION_TIMEOUT. */
  call<T>(
    call: StoreCall,
    id: string | null,
    budget: Budget,
    work: (store: SessionStore) => Awaitable<T>,
  ): Awaitable<T> {
    let answer: Awaitable<T>
    try {
      answer = work(this.store)
    } catch (error) {
      throw this.#failed(call, id, error)
    }
    return isPromise(answer) ? this.#awaited(call, id, budget, answer) : answer
  }

  async #awaited<T>(call: StoreCall, id: string | null, budget: Budget, answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => {
          const message = `The session store did not answer \`${call}\` in time; nothing is known of its outcome. Look at the store, or raise \`deadline\`.`
          reject(new SessionError('ERR_SESSION_TIMEOUT', message))
        },
        Math.max(0, budget.left),
      )
    })
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      throw this.#failed(call, id, error)
    } finally {
      clearTimeout(timer)
    }
  }

  #failed(call: StoreCall, id: string | null, cause: unknown): SessionError {
    // A driver's message may carry a connection string or parameters, so it stays in `cause`.
    const error =
      cause instanceof SessionError
        ? cause
        : new SessionError(
            'ERR_SESSION_STORE',
            `The session store failed in \`${call}\`; \`cause\` is its error. Nothing was acknowledged.`,
            { cause },
          )
    this.#events.tell({ type: 'store_error', id, call, error })
    return error
  }
}
