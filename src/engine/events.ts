import type { SessionEvent } from '../contracts/event.ts'
import type { Settings } from './settings.ts'

type WithoutMoment<E> = E extends unknown ? Omit<E, 'at' | 'route'> : never

/** An event as the engine makes it; time and route are added where it is told. */
export type Happening = WithoutMoment<SessionEvent>

/** Tells the app what happened. A listener's own failure is printed and changes nothing: no session hangs on it. */
export class Events {
  readonly #listener: ((event: SessionEvent) => void) | null
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#listener = settings.onEvent
    this.#settings = settings
  }

  /** False when nobody listens: then there is nothing to prepare. */
  get heard(): boolean {
    return this.#listener !== null
  }

  tell(happening: Happening, route: string | null = null): void {
    if (this.#listener === null) return
    try {
      const { clock, shownId } = this.#settings
      const event = {
        ...happening,
        id: happening.id === null ? null : shownId(happening.id),
        at: clock(),
        route,
      }
      this.#listener(
        (event.type === 'rotated' ? { ...event, from: shownId(event.from) } : event) as SessionEvent,
      )
    } catch (error) {
      console.error(`hipflask: onEvent threw on a '${happening.type}' event:`, error)
    }
  }
}
