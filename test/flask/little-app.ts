import { flaskConfig } from '../../src/flask/index.ts'
import type { FlaskConfig } from '../../src/flask/index.ts'
import type { Session } from '../../src/index.ts'
import { createSessions } from '../../src/index.ts'
import { varyWithCookie } from '../../src/lib/response-headers.ts'

/** A view: it may look at the session and answers the page; what it throws is a 500. */
export type View = (session: Session<Record<string, any>>, headers: Map<string, string>) => unknown

/** What a browser sees of a response. */
export interface Seen {
  readonly status: number
  readonly page: unknown
  /** The Set-Cookie line, or null. */
  readonly setCookie: string | null
  /** Its attributes by their names, true for those without a value; empty without a line. */
  readonly attributes: Readonly<Record<string, string | true>>
  readonly vary: string | null
}

/** An app with Flask's configuration and one browser, at a clock that stands still until it is moved. */
export class LittleApp {
  now = 1_700_000_000_000
  /** The browser's session cookie, as it would send it. */
  cookie: string | undefined
  readonly #sessions: ReturnType<typeof createSessions<Record<string, any>>>

  constructor(config: FlaskConfig) {
    this.#sessions = createSessions<Record<string, any>>({
      ...flaskConfig(config),
      clock: () => this.now,
    })
  }

  async visit(view: View): Promise<Seen> {
    const visit = await this.#sessions.open(this.cookie, { secure: false })
    const headers = new Map<string, string>()
    let [status, page]: [number, unknown] = [200, null]
    try {
      page = view(visit.session, headers)
    } catch (error) {
      ;[status, page] = [500, error]
    }
    const { setCookie, vary } = await visit.close()
    const [pair = '', ...rest] = (setCookie ?? '').split('; ')
    const attributes = Object.fromEntries(
      rest.map((part) => (part.includes('=') ? part.split(/=(.*)/s).slice(0, 2) : [part, true])),
    )
    if (setCookie !== null) this.cookie = attributes['Max-Age'] === '0' ? undefined : pair
    const named = vary ? varyWithCookie(headers.get('Vary')) : (headers.get('Vary') ?? null)
    return { status, page, setCookie, attributes, vary: named }
  }
}
