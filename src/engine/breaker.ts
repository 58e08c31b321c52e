/** Failures in a row after which a store is left alone for a while. */
const failuresToOpen = 5

/** Milliseconds until a store that failed is tried again, plus as much again by chance, so processes do not knock together. */
const restAtLeast = 250

/** `closed`: calls pass. `open`: they fail at once. `probing`: one call is under way to see whether the store is back. */
export type BreakerState = 'closed' | 'open' | 'probing'

/** A circuit breaker around a store: one that hangs costs a few requests their deadline, not every request. */
export class Breaker {
  #state: BreakerState = 'closed'
  #failures = 0
  #openUntil = 0

  get state(): BreakerState {
    return this.#state
  }

  /** Whether a call may go through now (monotonic milliseconds); when it may, `succeeded` or `failed` must follow. */
  admits(now: number): boolean {
    if (this.#state === 'closed') return true
    if (this.#state === 'probing' || now < this.#openUntil) return false
    this.#state = 'probing'
    return true
  }

  succeeded(): void {
    this.#failures = 0
    this.#state = 'closed'
  }

  failed(now: number): void {
    this.#failures++
    if (this.#state !== 'probing' && this.#failures < failuresToOpen) return
    this.#state = 'open'
    this.#openUntil = now + restAtLeast * (1 + Math.random())
  }
}
