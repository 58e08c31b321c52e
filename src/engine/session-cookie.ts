import { type CookieForm, cookieValues, deleteCookie, setCookie } from '../lib/cookie.ts'
import { permanentKey } from './dictionary.ts'
import type { Events } from './events.ts'
import type { Entries } from './merge.ts'
import type { Settings } from './settings.ts'
import type { OpenVisit } from './visit.ts'

/** More cookies of one name than this are an attack; the rest is not looked at. */
const mostCookies = 8

/** Whether a session's values make its cookie outlive the browser. */
export function isPermanent(entries: Entries, settings: Settings): boolean {
  return entries.has(permanentKey) && settings.serializer.live(entries.get(permanentKey)) === true
}

/** The session cookie of one configuration: which one to read, and the Set-Cookie lines to write. */
export class SessionCookie {
  readonly #settings: Settings
  readonly #events: Events
  #warned = false

  constructor(settings: Settings, events: Events) {
    this.#settings = settings
    this.#events = events
  }

  form({ facts }: OpenVisit): CookieForm {
    return facts.secure ? this.#settings.cookie.secure : this.#settings.cookie.plain
  }

  /** The different values the browser sent, in order, at most eight. */
  read(visit: OpenVisit): string[] {
    const values = cookieValues(visit.header, this.form(visit).name, mostCookies)
    return values.length > 1 ? [...new Set(values)] : values
  }

  /** A Set-Cookie value that lasts until `endsAt` if the values say permanent. */
  write(visit: OpenVisit, value: string, entries: Entries, endsAt: number): string {
    const form = this.form(visit)
    if (!form.secure && !this.#warned && process.env['NODE_ENV'] === 'production') {
      this.#warned = true
      const message =
        'A session cookie went out without Secure, because the request looks like plain HTTP. If TLS ends at a proxy, make the framework trust it (`trust proxy`, `trustProxy`), or set cookie.secure to true.'
      this.#events.tell({ type: 'warning', id: null, code: 'insecure_cookie', message }, visit)
    }
    return setCookie(
      form,
      value,
      isPermanent(entries, this.#settings) ? endsAt : null,
      this.#settings.clock(),
    )
  }

  drop(visit: OpenVisit): string {
    return deleteCookie(this.form(visit))
  }
}
