import type { StoreCall } from '../contracts/event.ts'
import type { Awaitable, SessionStore } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { isPromise } from '../lib/awaitable.ts'
import { Breaker } from './breaker.ts'
import { Deadlines } from './deadlines.ts'
import type { Events } from './events.ts'
import type { Trace } from './trace.ts'
import { CallCounter, type Health } from './health.ts'

/** What a store answers with these is about the call: no sign that it is ill. */
const aboutTheCall = new Set(['ERR_SESSION_UNSUPPORTED', 'ERR_SESSION_SIZE', 'ERR_SESSION_USE'])

/** How much of the deadline one request has left for its store calls. Monotonic, not the configured clock. */
export class Budget {
  readonly #milliseconds: number
  /** Where the calls are noted, if somebody observes. */
  readonly trace: Trace | null
  #end: number | null = null

  constructor(milliseconds: number, trace: Trace | null = null) {
    this.#milliseconds = milliseconds
    this.trace = trace
  }

  /** Begins to count, for a request that waits before its first call. */
  start(): void {
    this.end(performance.now())
  }

  /** When it is used up; counts from the first time it is asked, so a store that answers at once never costs a look at the clock. */
  end(now: number): number {
    return (this.#end ??= now + this.#milliseconds)
  }

  get left(): number {
    const now = performance.now()
    return this.end(now) - now
  }
}

/**
 * Calls a store within a budget, and turns whatever goes wrong into a SessionError and an event. A store that keeps
 * failing is left alone for moments: calls then fail at once, and nothing queues up.
 */
export class StoreCalls {
  readonly store: SessionStore
  readonly #events: Events
  readonly #clock: () => number
  readonly #breaker = new Breaker()
  readonly #deadlines = new Deadlines()
  readonly #counters = new Map<StoreCall, CallCounter>()
  #lastError: { readonly code: string; readonly at: number } | null = null
  #failing = false

  constructor(store: SessionStore, events: Events, clock: () => number) {
    this.store = store
    this.#events = events
    this.#clock = clock
  }

  /** The answer of `work`; throws or rejects with ERR_SESSION_STORE or ERR_SESSION_TIMEOUT. */
  call<T>(
    call: StoreCall,
    id: string | null,
    budget: Budget,
    work: (store: SessionStore) => Awaitable<T>,
  ): Awaitable<T> {
    if (this.#breaker.state !== 'closed' && !this.#breaker.admits(performance.now()))
      throw this.#refused(call, id)
    let answer: Awaitable<T>
    try {
      answer = work(this.store)
    } catch (error) {
      budget.trace?.called(call, 0, false)
      throw this.#failed(call, id, error)
    }
    if (isPromise(answer)) return this.#awaited(call, id, budget, answer)
    this.#answered(call, null)
    budget.trace?.called(call, 0, true)
    return answer
  }

  /** Removes dead records, in whatever time that takes; rejects with ERR_SESSION_STORE, which is an event, too. */
  async gc(now: number, signal?: AbortSignal): Promise<number> {
    try {
      return await this.store.gc(now, signal)
    } catch (cause) {
      const message = 'Dead sessions could not be removed; `cause` is the store’s error.'
      const error = new SessionError('ERR_SESSION_STORE', message, { cause })
      this.#events.tell({ type: 'store_error', id: null, call: 'gc', error })
      throw error
    }
  }

  /** What the calls did so far. */
  get health(): Omit<Health, 'merged'> {
    const breaker = this.#breaker.state
    const store = Object.fromEntries([...this.#counters].map(([call, counter]) => [call, counter.health]))
    return { ok: breaker === 'closed' && !this.#failing, breaker, lastError: this.#lastError, store }
  }

  #awaited<T>(call: StoreCall, id: string | null, budget: Budget, answer: Promise<T>): Promise<T> {
    const start = performance.now()
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        budget.trace?.called(call, performance.now() - start, false)
        reject(this.#failed(call, id, error))
      }
      const wait = this.#deadlines.begin(budget.end(start), start, () => {
        const message = `The session store did not answer \`${call}\` in time; nothing is known of its outcome. Look at the store, or raise \`deadline\`.`
        fail(new SessionError('ERR_SESSION_TIMEOUT', message))
      })
      answer.then(
        (value) => {
          if (!this.#deadlines.over(wait)) return
          const milliseconds = performance.now() - start
          this.#answered(call, milliseconds)
          budget.trace?.called(call, milliseconds, true)
          resolve(value)
        },
        (error: unknown) => {
          if (this.#deadlines.over(wait)) fail(error)
        },
      )
    })
  }

  #counter(call: StoreCall): CallCounter {
    let counter = this.#counters.get(call)
    if (counter === undefined) this.#counters.set(call, (counter = new CallCounter()))
    return counter
  }

  #answered(call: StoreCall, latency: number | null): void {
    this.#counter(call).answered(latency)
    if (!this.#failing) return
    this.#failing = false
    this.#breaker.succeeded()
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
    if (aboutTheCall.has(error.code)) {
      this.#answered(call, null)
      return error
    }
    this.#failing = true
    this.#breaker.failed(performance.now())
    this.#counter(call).failed()
    this.#lastError = { code: error.code, at: this.#clock() }
    this.#events.tell({ type: 'store_error', id, call, error })
    return error
  }

  #refused(call: StoreCall, id: string | null): SessionError {
    const message = `The session store failed several times in a row, so \`${call}\` was not tried; it is probed about twice a second and used again as soon as it answers.`
    const error = new SessionError('ERR_SESSION_STORE', message)
    this.#counter(call).failed()
    this.#events.tell({ type: 'store_error', id, call, error })
    return error
  }
}
