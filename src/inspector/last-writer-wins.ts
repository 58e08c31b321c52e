import type { Serializer } from '../contracts/serializer.ts'

/** The values of one session, live. */
export type Values = Record<string, unknown>

/**
 * One session kept the way most session libraries keep it: a request loads the whole of it, works on its copy, and
 * saves the whole of it back. Whoever saves last wins, and saving what was deleted brings it back.
 */
export class LastWriterWins {
  readonly #serializer: Serializer
  #stored: string | null

  constructor(data: string, serializer: Serializer) {
    this.#stored = data
    this.#serializer = serializer
  }

  load(): Values | null {
    if (this.#stored === null) return null
    const entries = [...this.#serializer.decode(this.#stored)]
    return Object.fromEntries(entries.map(([key, kept]) => [key, this.#serializer.live(kept)]))
  }

  save(values: Values): void {
    const entries = Object.entries(values).map(([key, value]): [string, unknown] => [
      key,
      this.#serializer.keep(value, key),
    ])
    this.#stored = this.#serializer.encode(new Map(entries))
  }

  destroy(): void {
    this.#stored = null
  }
}
