/** A header as frameworks hand it out: absent, one value, or several lines. */
export type HeaderValue = string | number | readonly string[] | null | undefined

const lines = (value: HeaderValue): readonly string[] =>
  value === undefined || value === null ? [] : typeof value === 'object' ? value : [String(value)]

/** Commas inside a quoted string separate nothing (RFC 9110, section 5.6.1). */
const members = (value: HeaderValue): string[] =>
  (
    lines(value)
      .join(',')
      .match(/(?:"(?:\\.|[^"\\])*"|[^,"]|")+/g) ?? []
  )
    .map((member) => member.trim())
    .filter((member) => member !== '')

/** The Vary value that also names Cookie; what the app wrote stays, `*` says it all. */
export function varyWithCookie(current: HeaderValue): string {
  if (current === undefined || current === null) return 'Cookie'
  const names = members(current)
  const covered = names.some((name) => name === '*' || name.toLowerCase() === 'cookie')
  return (covered ? names : [...names, 'Cookie']).join(', ')
}

const INVITES_CACHING =
  /^(?:public|s-maxage|max-age|immutable|stale-while-revalidate|stale-if-error)\s*(?:=|$)/i
const SHARED = /^(?:public|s-maxage)\s*(?:=|$)/i

/**
 * The Cache-Control value of a response that sets a session cookie: the app's own where it already keeps shared caches
 * out (`no-store`, or `private` without `public` and `s-maxage`); otherwise what invites caching (`public`, `max-age` …)
 * goes, what restricts it (`no-cache`, `no-transform` …) stays, and `no-store` is added.
 */
export function cacheControlForCookie(current: HeaderValue): string {
  if (current === undefined || current === null) return 'no-store'
  const directives = members(current)
  // `private="field"` withholds only that field, so it is not counted.
  const has = (name: string): boolean => directives.some((directive) => directive.toLowerCase() === name)
  const strict = has('no-store') || (has('private') && !directives.some((text) => SHARED.test(text)))
  if (strict) return directives.join(', ')
  return [...directives.filter((directive) => !INVITES_CACHING.test(directive)), 'no-store'].join(', ')
}

/** The Set-Cookie lines with `setCookie` last: the app's own in their order, none other of the same cookie name. */
export function withSetCookie(current: HeaderValue, setCookie: string): string[] {
  const name = setCookie.slice(0, setCookie.indexOf('=') + 1)
  return [...lines(current).filter((line) => !line.startsWith(name)), setCookie]
}

const ofThePage =
  /^(?:content-(?!security-policy)|(?:etag|last-modified|cache-control|expires|transfer-encoding|trailer)$)/i

/** Whether a header describes the page it was set for, and so must not go out with an error page in its place. */
export function isOfThePage(name: string): boolean {
  return ofThePage.test(name)
}
