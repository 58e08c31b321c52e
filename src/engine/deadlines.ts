/** Something that must be over by a time, or is told that it is late. */
interface Wait {
  readonly end: number
  readonly late: () => void
}

/** The longest time a timer takes, in milliseconds. */
const longest = 2_147_483_647

/** Any number of deadlines on one timer: to set and clear a timer for each store call costs more than the engine's part of it. */
export class Deadlines {
  readonly #waits = new Set<Wait>()
  #timer: NodeJS.Timeout | null = null
  /** When the timer rings; it is not set anew because a wait is over. */
  #rings = Number.POSITIVE_INFINITY

  /** Calls `late` at `end` (as `performance.now()` counts) unless the wait is over by then. */
  begin(end: number, now: number, late: () => void): Wait {
    const wait = { end, late }
    this.#waits.add(wait)
    if (end < this.#rings) this.#ring(end, now)
    return wait
  }

  /** Ends a wait; false if it was late. */
  over(wait: Wait): boolean {
    return this.#waits.delete(wait)
  }

  #ring(end: number, now: number): void {
    clearTimeout(this.#timer ?? undefined)
    this.#rings = end
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(1, end - now), longest))
    // What is waited for keeps the process alive, not the waiting.
    this.#timer.unref()
  }

  #look(): void {
    const now = performance.now()
    this.#rings = Number.POSITIVE_INFINITY
    let next = Number.POSITIVE_INFINITY
    for (const wait of this.#waits) {
      if (wait.end > now) next = Math.min(next, wait.end)
      else {
        this.#waits.delete(wait)
        wait.late()
      }
    }
    if (next < this.#rings) this.#ring(next, now)
  }
}
