import type { SessionEvent } from '../contracts/event.ts'

type WithoutMoment<E> = E extends unknown ? Omit<E, 'at' | 'route'> : never

/** An event as the engine makes it; time and route are added where it is told. */
export type Happening = WithoutMoment<SessionEvent>

/** Tells the app what happened. A listener's own failure is printed and changes nothing: no session hangs on it. */
export class Events {
  readonly #listener: ((event: SessionEvent) => void) | null
  readonly #clock: () => number

  constructor(listener: ((event: SessionEvent) => void) | null, clock: () => number) {
    this.#listener = listener
    this.#clock = clock
  }

  /** False when nobody listens: then there is nothing to prepare. */
  get heard(): boolean {
    return this.#listener !== null
  }

  tell(happening: Happening, route: string | null = null): void {
    if (this.#listener === null) return
    try {
      this.#listener({ ...happening, at: this.#clock(), route } as SessionEvent)
    } catch (error) {
      console.error(`hipflask: onEvent threw on a '${happening.type}' event:`, error)
    }
  }
}
