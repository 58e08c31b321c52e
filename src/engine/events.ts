import type { SessionEvent } from '../contracts/event.ts'
import type { SessionObserver } from '../contracts/observer.ts'
import type { ResponseFacts } from '../contracts/visit.ts'
import { isPromise } from '../lib/awaitable.ts'
import type { Settings } from './settings.ts'
import type { OpenVisit } from './visit.ts'

type WithoutMoment<E> = E extends unknown ? Omit<E, 'at' | 'route'> : never

/** An event as the engine makes it; time and route are added where it is told. */
export type Happening = WithoutMoment<SessionEvent>

/** Tells the app and its observers what happened. A listener's own failure is printed and changes nothing. */
export class Events {
  readonly #settings: Settings
  readonly #observers = new Set<SessionObserver>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** False when nobody listens: then there is nothing to prepare. */
  get heard(): boolean {
    return this.#settings.onEvent !== null || this.#observers.size > 0
  }

  /** Whether visits are to be traced. */
  get observed(): boolean {
    return this.#observers.size > 0
  }

  /** Answers how to stop. */
  observe(observer: SessionObserver): () => void {
    this.#observers.add(observer)
    return () => void this.#observers.delete(observer)
  }

  tell(happening: Happening, visit: OpenVisit | null = null): void {
    if (!this.heard) return
    const { clock, shownId, onEvent } = this.#settings
    const id = happening.id === null ? null : shownId(happening.id)
    const told = { ...happening, id, at: clock(), route: visit?.facts.route ?? null }
    const event = (told.type === 'rotated' ? { ...told, from: shownId(told.from) } : told) as SessionEvent
    visit?.trace?.happened(event)
    if (onEvent !== null) this.#safely(() => onEvent(event), event.type)
    for (const observer of this.#observers) this.#safely(() => observer.event(event), event.type)
  }

  /** Tells observers of a closed visit. */
  closed(visit: OpenVisit, left: ResponseFacts | null, error?: unknown): void {
    const report = visit.trace?.report(visit, left, error)
    if (report === undefined) return
    for (const observer of this.#observers) this.#safely(() => observer.visit(report), 'visit')
  }

  #safely(work: () => unknown, what: string): void {
    const print = (error: unknown): void => console.error(`hipflask: a listener threw on '${what}':`, error)
    try {
      const answer = work()
      if (isPromise(answer)) answer.then(undefined, print)
    } catch (error) {
      print(error)
    }
  }
}
