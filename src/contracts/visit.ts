import type { Session } from './session.ts'
import type { Awaitable } from './store.ts'

/** What an adapter knows about a request. */
export interface RequestFacts {
  /** Whether the browser speaks HTTPS, by the socket or by a proxy header the app has declared trusted. */
  readonly secure: boolean
  /** A name for events, such as `GET /cart`; never used for decisions. */
  readonly route?: string
  /** What the app chose to note about the device, at most 512 characters; stored with the session. */
  readonly label?: string
}

/** What the response must carry. */
export interface ResponseFacts {
  /** One complete Set-Cookie value, or null. To be appended: the app's own cookies stay. */
  readonly setCookie: string | null
  /** The session was looked at: `Vary` must name Cookie. */
  readonly vary: boolean
}

/** One request's session, from open to close. */
export interface Visit<Data> {
  /** The dictionary; the same object every time. */
  readonly session: Session<Data>
  /**
   * Stores what the request changed and answers what the response must carry. At once when nothing is to be stored.
   * Rejects with a SessionError when the session could not be stored; a later call then answers a response
   * with no cookie but one that a `save` has earned, so an error page can be sent. Calling it twice stores once.
   */
  close(): Awaitable<ResponseFacts>
}

/** What an adapter needs of `createSessions`. */
export interface VisitSource<Data> {
  /** Opens a visit. `cookieHeader` is the Cookie header's text (several lines joined by `; `), undefined without one. */
  open(cookieHeader: string | undefined, facts: RequestFacts): Awaitable<Visit<Data>>
}
