import type { CategorizedMessage } from '../contracts/session.ts'
import { SessionError } from '../errors.ts'
import type { Journal } from './journal.ts'

/**
 * Flashed messages by Flask's rules: the first taking of a request empties the list and is remembered, so asking again
 * answers the same, and a message flashed after it waits for a later request.
 */
export class Flashes {
  readonly #key: string
  #taken: readonly CategorizedMessage[] | null = null

  constructor(key: string) {
    this.#key = key
  }

  /** What this request has taken, or null. */
  get taken(): readonly CategorizedMessage[] | null {
    return this.#taken
  }

  /** Notes a message; throws ERR_SESSION_USE unless both are text. */
  add(journal: Journal, message: unknown, category: unknown): void {
    if (typeof message !== 'string' || typeof category !== 'string') {
      throw new SessionError('ERR_SESSION_USE', 'session.flash(message, category) takes two texts.')
    }
    journal.apply(this.#key, (current) => [...entriesOf(current), [category, message]])
  }

  /** Takes all messages out of the session; `change` is asked for only when there are any. */
  take(journal: Journal, change: () => Journal): readonly CategorizedMessage[] {
    const taken = entriesOf(journal.get(this.#key)).map(textsOf)
    this.#taken = taken
    if (taken.length > 0) {
      // Replayed on a newer record, only what was shown goes: a message flashed meanwhile stays.
      change().apply(this.#key, (current) => {
        const left = [...entriesOf(current)]
        for (const [category, message] of taken) {
          const at = left.map(textsOf).findIndex((texts) => texts[0] === category && texts[1] === message)
          if (at !== -1) left.splice(at, 1)
        }
        return left.length === 0 ? undefined : left
      })
    }
    return taken
  }
}

/** Messages as they lie there: what Flask flashed need not be text, and passes through as it is. */
type Entry = readonly [category: unknown, message: unknown]

function entriesOf(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? value.filter((entry) => Array.isArray(entry) && entry.length === 2) : []
}

function textsOf([category, message]: Entry): CategorizedMessage {
  return [String(category), String(message)]
}
