import type { SessionEvent } from '../../contracts/event.ts'
import type { Session } from '../../contracts/session.ts'
import type { Awaitable } from '../../contracts/store.ts'
import type { VisitSource } from '../../contracts/visit.ts'
import type { TestClient } from '../client.ts'
import type { TroubledStore } from './troubled-store.ts'

/** The values of the suite's sessions. */
export interface SuiteData {
  name: string
  note: string
  count: number
  cart: { items: string[] }
}

/** What a page of the suite answers; the server under test says it in its framework's own way. */
export interface PageAnswer {
  /** Default 200. */
  readonly status?: number
  /** In order; a name may come several times (`Set-Cookie`). */
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** Text, or text in pieces to be streamed. Default none. */
  readonly body?: string | AsyncIterable<string>
}

/** A page of the suite; what it throws is to go the framework's way of errors. */
export type Page = (session: Session<SuiteData>) => Awaitable<PageAnswer>

/** The app a server under test is to serve. */
export interface SuiteApp {
  readonly sessions: VisitSource<SuiteData>
  /** What is under `path` (without the query string), whatever the method. */
  readonly page: (path: string, session: Session<SuiteData>) => Awaitable<PageAnswer>
  /** Whether the framework or the adapter is to trust `X-Forwarded-Proto`. */
  readonly trustProxy: boolean
  /** To be passed to the adapter as its `label`. */
  readonly label: () => string
  /** How many times the adapter is to be mounted for each request. */
  readonly mounts: 1 | 2
}

/** A server under test that listens. */
export interface Served {
  /** Such as `http://127.0.0.1:8080`. */
  readonly origin: string
  /** Whether it speaks HTTP/2 alone. Default false. */
  readonly http2?: boolean
  /** Stops it, open connections and all. */
  readonly close: () => Awaitable<unknown>
}

/** What a case wants served. */
export interface Setup {
  readonly pages: Readonly<Record<string, Page>>
  readonly trustProxy?: boolean
  readonly label?: () => string
  readonly mounts?: 1 | 2
}

/** In what adapters may differ, because their frameworks do. */
export interface AdapterTraits {
  /** Which of several values of a trusted `X-Forwarded-Proto` counts. Default leftmost. */
  readonly forwardedProto: 'leftmost' | 'rightmost'
}

/** What a case works with. */
export interface AdapterBench {
  readonly traits: AdapterTraits
  readonly store: TroubledStore
  readonly events: readonly SessionEvent[]
  /** Serves the app until the case is over, and answers a client of it. */
  readonly serve: (setup: Setup) => Promise<TestClient>
}

/** One sentence that holds for every adapter, and its proof. */
export interface AdapterCase {
  readonly name: string
  readonly run: (bench: AdapterBench) => Promise<void>
}

/** A page that answers `body` after `use` of the session. */
export function page(
  use: (session: Session<SuiteData>) => unknown,
  answer: PageAnswer = { body: 'done' },
): Page {
  return async (session) => {
    await use(session)
    return answer
  }
}

/** A page that shows a value of the session. */
export function shows(value: (session: Session<SuiteData>) => unknown): Page {
  return (session) => ({ body: JSON.stringify(value(session)) ?? 'undefined' })
}

/** Opens when `count` have come to it. */
export function barrier(count: number): () => Promise<void> {
  let open!: () => void
  let missing = count
  const all = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    missing -= 1
    if (missing === 0) open()
    return all
  }
}
