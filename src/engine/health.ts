import type { StoreCall } from '../contracts/event.ts'
import type { BreakerState } from './breaker.ts'

/** How many of the newest calls the latencies are taken from. */
const remembered = 256

/** What one store method did since the start. Latencies are milliseconds of the newest 256 answered calls. */
export interface CallHealth {
  readonly calls: number
  readonly failures: number
  readonly medianLatency: number | null
  readonly slowestLatency: number | null
}

/** The state of an app's sessions, for a health page or probe. Holds no id and no value. */
export interface Health {
  /** False while calls are failing: the last one did, or the breaker is not closed. */
  readonly ok: boolean
  /** Null where sessions live in cookies. */
  readonly breaker: BreakerState | null
  /** The code of the newest store error, and when it was (milliseconds since 1970), or null. */
  readonly lastError: { readonly code: string; readonly at: number } | null
  /** Requests whose changes were replayed on a newer record. */
  readonly merged: number
  readonly store: Readonly<Partial<Record<StoreCall, CallHealth>>>
}

/** Counts what store calls did. */
export class CallCounter {
  #calls = 0
  #failures = 0
  readonly #latencies: number[] = []

  answered(latency: number | null): void {
    if (latency !== null) this.#latencies[this.#calls % remembered] = latency
    this.#calls++
  }

  failed(): void {
    this.#calls++
    this.#failures++
  }

  get health(): CallHealth {
    const sorted = this.#latencies.filter(Number.isFinite).sort((a, b) => a - b)
    return {
      calls: this.#calls,
      failures: this.#failures,
      medianLatency: sorted[sorted.length >> 1] ?? null,
      slowestLatency: sorted.at(-1) ?? null,
    }
  }
}
