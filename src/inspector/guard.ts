import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Where a request comes from, as the server knows it; null where the server does not say. */
export type Address = string | null

const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/
const loopbackAddress = /^(?:(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/
/** Whoever sends one of these stands between the browser and the app, so the address says nothing of the browser. */
const proxied = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via', 'cf-connecting-ip']

/** Why an unauthorized page must not be shown to this request, or null: it comes from this machine, to this machine. */
export function notLocal({ headers, url }: Request, address: Address): string | null {
  if (address === null)
    return 'The server does not say where this request comes from; hand it over as the second argument, or give the inspector an `authorize` function.'
  if (!loopbackAddress.test(address))
    return 'Without an `authorize` function the inspector answers this machine alone.'
  // A target may name another host than the Host header does.
  if (![headers.get('host') ?? '', new URL(url).host].every((host) => loopbackHost.test(host)))
    return 'Without an `authorize` function the inspector answers to localhost, 127.0.0.1 and [::1] alone.'
  if (proxied.some((name) => headers.has(name)))
    return 'This request came through a proxy: the inspector needs an `authorize` function there.'
  return null
}

/**
 * Why a request looks like another site's doing, or null. The page itself may also be opened by a link of a neighbour
 * (another port of this host); what it asks for must come from the page.
 */
export function notOurs(headers: Headers, page: boolean): string | null {
  const site = headers.get('sec-fetch-site')
  if (site !== null) {
    const opened =
      page && headers.get('sec-fetch-mode') === 'navigate' && headers.get('sec-fetch-dest') === 'document'
    const fine = site === 'same-origin' || (opened && (site === 'none' || site === 'same-site'))
    return fine ? null : 'Another site may not ask this.'
  }
  // Browsers that do not say the site say the origin, at least where it matters.
  const origin = headers.get('origin')
  if (origin === null) return null
  return URL.canParse(origin) && new URL(origin).host === headers.get('host')
    ? null
    : 'Another site may not ask this.'
}

/** Tokens that prove a request comes from a page this inspector made: 128 random bits each, signed, valid while the process lives. */
export class PageTokens {
  readonly #key = randomBytes(32)

  next(): string {
    const random = randomBytes(16).toString('base64url')
    return `${random}.${this.#signature(random)}`
  }

  valid(token: string | null): boolean {
    const [random, signature] = (token ?? '').split('.')
    if (random === undefined || signature === undefined) return false
    const [given, right] = [Buffer.from(signature), Buffer.from(this.#signature(random))]
    return given.length === right.length && timingSafeEqual(given, right)
  }

  #signature(random: string): string {
    return createHmac('sha256', this.#key).update(random).digest('base64url')
  }
}
