import type { RequestFacts } from '../contracts/visit.ts'

/** Options of every adapter. */
export interface AdapterOptions<Request> {
  /** What to note about the device when a session is stored, such as its user agent, if anything; cut to 512 characters. */
  readonly label?: (request: Request) => string | null | undefined
}

/** Options of the adapters whose frameworks have no notion of a trusted proxy. */
export interface ProxyOptions {
  /**
   * Whether a proxy that always sets it stands before the app, so that `X-Forwarded-Proto` says what the browser speaks:
   * its leftmost value counts, as in Express. Default false: it is any visitor's word, and not heard.
   */
  readonly trustProxy?: boolean
}

/** What a session is told of a request. The query string stays out of the route: it may hold secrets. */
export function requestFacts(
  secure: boolean,
  method: string,
  path: string,
  label?: string | null,
): RequestFacts {
  const query = path.indexOf('?')
  const route = `${method} ${query === -1 ? path : path.slice(0, query)}`
  return label === undefined || label === null
    ? { secure, route }
    : { secure, route, label: label.slice(0, 512) }
}

/** Whether the browser speaks HTTPS, by a trusted `X-Forwarded-Proto` if there is one, else by the connection. */
export function isHttps(connection: boolean, forwarded: string | string[] | null | undefined): boolean {
  if (forwarded === undefined || forwarded === null || forwarded.length === 0) return connection
  return /^\s*https\s*(?:,|$)/i.test(String(forwarded))
}
