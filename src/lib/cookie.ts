import { SessionError } from '../errors.ts'

/** Browsers drop a cookie whose name and value together are longer (RFC 6265bis, 5.6): bytes. */
export const maxCookieBytes: number = 4096

/** Browsers cut a longer life (RFC 6265bis, 5.5): 400 days in milliseconds. */
export const maxCookieAge: number = 400 * 86_400_000

/**
 * The values of the cookies named `name` in a Cookie header, in order, at most `most` of them. Names are compared
 * exactly, only spaces and tabs are trimmed, quotes belong to the value, nameless cookies are passed over (RFC 6265bis).
 */
export function cookieValues(header: string, name: string, most: number): string[] {
  const values: string[] = []
  let at = header.indexOf(name)
  while (at !== -1 && values.length < most) {
    const equals = skipBlanks(header, at + name.length)
    if (header.charCodeAt(equals) === 0x3d && startsCookie(header, at)) {
      const semicolon = header.indexOf(';', equals)
      const end = semicolon === -1 ? header.length : semicolon
      values.push(trimBlanks(header, equals + 1, end))
      at = header.indexOf(name, end)
    } else {
      at = header.indexOf(name, at + 1)
    }
  }
  return values
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

function startsCookie(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--
  return before < 0 || header.charCodeAt(before) === 0x3b
}

function trimBlanks(text: string, from: number, to: number): string {
  const start = skipBlanks(text, from)
  let end = to
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(Math.min(start, end), end)
}

/** How the session cookie is written. */
export interface CookieOptions {
  /** Default `session`. */
  readonly name?: string
  /** Default `/`. */
  readonly path?: string
  /** Default none: the cookie goes back to this host alone. */
  readonly domain?: string
  /** `'auto'` (default): on HTTPS. `true`: always, also where TLS ends before the app. `false`: never. */
  readonly secure?: 'auto' | boolean
  /** Default `Lax`. `None` needs `secure: true`; null leaves the attribute out. */
  readonly sameSite?: 'Lax' | 'Strict' | 'None' | null
  /** Default true: scripts in the page cannot read the cookie. */
  readonly httpOnly?: boolean
  /** Default false. A cookie per embedding site; written on HTTPS only. */
  readonly partitioned?: boolean
  /** `'auto'` (default) puts `__Host-` (with a domain `__Secure-`) before the name where the browser then enforces it; false never. */
  readonly prefix?: 'auto' | false
}

/** A session cookie's settled attributes for one kind of request (plain or secure). */
export interface CookieForm {
  readonly name: string
  readonly secure: boolean
  /** Everything after the value and the expiry, in Flask's order, starting with `; `. */
  readonly tail: string
  /** `; Domain=…` or nothing. */
  readonly domain: string
}

/** The forms of the cookie on plain and on secure requests. */
export interface CookieForms {
  readonly plain: CookieForm
  readonly secure: CookieForm
}

const token = /^[\w!#$%&'*+.^`|~-]+$/
const attribute = /^[\x20-\x3a\x3c-\x7e]*$/
const host = /^\.?[a-z\d_](?:[a-z\d._-]*[a-z\d])?$/i

const known = new Set(['name', 'path', 'domain', 'secure', 'sameSite', 'httpOnly', 'partitioned', 'prefix'])

/** Checks cookie options and settles both forms; `fixedName` forbids a prefix. Throws ERR_SESSION_CONFIG. */
export function cookieForms(options: CookieOptions, fixedName: boolean): CookieForms {
  const name = options.name ?? 'session'
  const path = options.path ?? '/'
  const domain = options.domain
  const secure = options.secure ?? 'auto'
  const sameSite = options.sameSite === undefined ? 'Lax' : options.sameSite
  const partitioned = options.partitioned ?? false
  const lower = name.toLowerCase()
  for (const given of Object.keys(options))
    check(known.has(given), `cookie.${given} is no option; there are ${[...known].join(', ')}`)
  check(
    token.test(name) && name.length <= 256,
    `cookie.name ${JSON.stringify(name)} has a character a cookie name cannot have`,
  )
  check(
    path.startsWith('/') && attribute.test(path) && path.length <= 1024,
    `cookie.path ${JSON.stringify(path)} must start with / and hold neither ; nor control characters`,
  )
  check(
    domain === undefined || (host.test(domain) && domain.length <= 253),
    `cookie.domain ${JSON.stringify(domain)} is no host name`,
  )
  check([true, false, 'auto'].includes(secure), `cookie.secure must be true, false or 'auto'`)
  check(
    ['Lax', 'Strict', 'None', null].includes(sameSite),
    `cookie.sameSite must be 'Lax', 'Strict', 'None' or null`,
  )
  check(
    sameSite !== 'None' || secure === true,
    `cookie.sameSite 'None' needs cookie.secure true: browsers refuse it without Secure`,
  )
  check(
    !partitioned || secure !== false,
    `cookie.partitioned needs cookie.secure: browsers refuse it without Secure`,
  )
  if (/^__(?:host|secure|http|host-http)-/.test(lower)) {
    check(
      /^__(?:Host|Secure|Http|Host-Http)-/.test(name),
      `cookie.name ${name}: write the prefix with capitals, as in __Host-`,
    )
    check(
      secure === true,
      `cookie.name ${name} needs cookie.secure true: browsers refuse the prefix without Secure`,
    )
    if (lower.startsWith('__host-'))
      check(domain === undefined && path === '/', `cookie.name ${name} needs path / and no domain`)
    if (lower.includes('http-'))
      check(options.httpOnly !== false, `cookie.name ${name} needs cookie.httpOnly`)
  }

  const form = (isSecure: boolean): CookieForm => {
    const prefixed = !fixedName && options.prefix !== false && isSecure && !name.startsWith('__')
    const prefix = prefixed && domain !== undefined ? '__Secure-' : prefixed && path === '/' ? '__Host-' : ''
    return {
      name: prefix + name,
      secure: isSecure,
      domain: domain === undefined ? '' : `; Domain=${domain.replace(/^\./, '')}`,
      tail: [
        isSecure ? '; Secure' : '',
        options.httpOnly === false ? '' : '; HttpOnly',
        `; Path=${path}`,
        sameSite === null ? '' : `; SameSite=${sameSite}`,
        partitioned && isSecure ? '; Partitioned' : '',
      ].join(''),
    }
  }
  return { plain: form(secure === true), secure: form(secure !== false) }
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new SessionError('ERR_SESSION_CONFIG', `${problem}.`)
}

/**
 * A Set-Cookie value in Flask's order of attributes. `expiresAt` (milliseconds since 1970) null makes a browser-session
 * cookie; a later one than 400 days after `now` is cut. Throws ERR_SESSION_COOKIE_SIZE over 4096 bytes of name and value.
 */
export function setCookie(form: CookieForm, value: string, expiresAt: number | null, now: number): string {
  const bytes = form.name.length + value.length
  if (bytes > maxCookieBytes) {
    throw new SessionError(
      'ERR_SESSION_COOKIE_SIZE',
      `The session cookie would be ${bytes} bytes; browsers drop cookies over ${maxCookieBytes}. Keep less in the session, or keep it in a store.`,
    )
  }
  if (expiresAt === null) return `${form.name}=${value}${form.domain}${form.tail}`
  const end = Math.min(expiresAt, now + maxCookieAge)
  return `${form.name}=${value}${form.domain}; Expires=${new Date(end).toUTCString()}${form.tail}`
}

/** The Set-Cookie value that makes a browser drop the cookie: same name and attributes, in the past. */
export function deleteCookie(form: CookieForm): string {
  return `${form.name}=${form.domain}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0${form.tail}`
}
