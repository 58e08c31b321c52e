/**
 * One at a time per id: requests of one process that change the same session queue here instead of racing each other
 * at the store, where each round would let only one of them through.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Whether somebody is at work on `id`. */
  taken(id: string): boolean {
    return this.#last.has(id)
  }

  /** Runs `work` when all earlier work on `id` has ended, however it ended. */
  take<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(id)
    const mine = before === undefined ? work() : before.then(work)
    const end = (): void => {
      if (this.#last.get(id) === ended) this.#last.delete(id)
    }
    const ended = mine.then(end, end)
    this.#last.set(id, ended)
    return mine
  }
}
