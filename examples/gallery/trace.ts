import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Awaitable, VisitSource } from 'hipflask'
import { type Notes, notes } from '../shared/observer.ts'
import { told } from '../shared/telling.ts'
import { pairs, veiled, veiledLine } from './veil.ts'

/** What one request did to a session, in words; no id and no value of a cookie is in it. */
export interface Trace {
  readonly at: Date
  readonly method: string
  readonly path: string
  readonly status: string
  /** The session's cookie as it came, or null. */
  readonly came: string | null
  /** How many cookies of other apps came with it. */
  readonly others: number
  readonly did: readonly string[]
  /** The Set-Cookie line that went out, or null. */
  readonly sent: string | null
}

/** Tells of each request that opens a session, when its response is done, with the cookie its browser then has. */
export function watch<Data>(
  server: Server,
  sessions: VisitSource<Data>,
  cookieName: string,
  done: (trace: Trace, cookie: string | null) => void,
): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    // Looking inside is no visit of the app.
    if (request.url?.startsWith('/__sessions')) return
    const at = new Date()
    const noted: Notes = { events: [], cookies: null, setCookie: null }
    notes.enterWith(noted)
    response.once('close', () => {
      if (noted.cookies === null) return
      const came = pairs(noted.cookies)
      const mine = came.filter(([name]) => name === cookieName)
      const trace: Trace = {
        at,
        method: request.method ?? '',
        path: (request.url ?? '').split('?')[0]!.slice(0, 80),
        status: `${response.statusCode} ${STATUS_CODES[response.statusCode] ?? ''}`,
        came: mine.length === 0 ? null : mine.map(([name, value]) => `${name}=${veiled(value)}`).join('; '),
        others: came.length - mine.length,
        did: noted.events.map(told),
        sent: noted.setCookie === null ? null : veiledLine(noted.setCookie),
      }
      const now = noted.setCookie === null ? mine[0]?.[1] : pairs(noted.setCookie)[0]?.[1]
      done(trace, now || null)
    })
  })

  // The way every framework's adapter goes: open, then close. Nothing is read here, so nothing changes.
  const open = sessions.open.bind(sessions)
  sessions.open = (cookies, facts) => {
    const noted = notes.getStore()
    if (noted === undefined) return open(cookies, facts)
    noted.cookies = cookies ?? ''
    return after(open(cookies, facts), (visit) => ({
      get session() {
        return visit.session
      },
      close: () =>
        after(
          // A body parser may have left the asynchronous context of its request.
          notes.run(noted, () => visit.close()),
          (answer) => {
            noted.setCookie = answer.setCookie
            return answer
          },
        ),
    }))
  }
}

function after<A, B>(value: Awaitable<A>, fn: (value: A) => B): Awaitable<B> {
  return value instanceof Promise ? value.then(fn) : fn(value)
}
