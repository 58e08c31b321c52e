import type { ResponseFacts } from '../contracts/visit.ts'
import { cacheControlForCookie, isOfThePage, varyWithCookie, withSetCookie } from '../lib/response-headers.ts'

type Value = string | string[]

/** The head of a response as node:http and node:http2 both offer it. */
export interface Head {
  statusCode: number
  statusMessage?: string
  readonly headersSent: boolean
  getHeader(name: string): number | Value | undefined
  getHeaderNames(): string[]
  setHeader(name: string, value: Value): unknown
  appendHeader(name: string, value: Value): unknown
  removeHeader(name: string): unknown
  addTrailers(trailers: Record<string, string>): unknown
}

/** One header with its value or values; it shares nothing with what the app handed over. */
export type Line = readonly [name: string, value: Value]

/** Adds what a session has to say to a head that has not left; adding it twice changes nothing. */
export function addToHead(head: Head, facts: ResponseFacts): void {
  if (head.headersSent) return
  if (facts.vary) head.setHeader('Vary', varyWithCookie(head.getHeader('Vary')))
  if (facts.setCookie === null) return
  head.setHeader('Cache-Control', cacheControlForCookie(head.getHeader('Cache-Control')))
  head.setHeader('Set-Cookie', withSetCookie(head.getHeader('Set-Cookie'), facts.setCookie))
}

/** Splits writeHead's arguments, in all the forms Node takes, into its status with the message, and its headers. */
export function splitHead(args: readonly unknown[]): { args: unknown[]; lines: Line[] } {
  const message = typeof args[1] === 'string'
  const headers = message ? args[2] : (args[2] ?? args[1])
  return { args: args.slice(0, message ? 2 : 1), lines: linesOf(headers) }
}

function linesOf(headers: unknown): Line[] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!Array.isArray(headers)) return Object.entries(headers).map(copied)
  if (Array.isArray(headers[0])) return headers.map(copied)
  return headers.flatMap((name, i) => (i % 2 === 0 ? [copied([name, headers[i + 1]])] : []))
}

const copied = ([name, value]: Line): Line => [name, Array.isArray(value) ? [...value] : value]

/** Sets headers as writeHead would: they replace what `setHeader` set, and those of one name stand together. */
export function setLines(head: Head, lines: readonly Line[]): void {
  const seen = new Set<string>()
  for (const [name, value] of lines) {
    const key = name.toLowerCase()
    if (seen.has(key)) head.appendHeader(name, value)
    else head.setHeader(name, value)
    seen.add(key)
  }
}

/** Makes a head that has not left one of an error: status 500, and no header that describes the page in whose place it goes. */
export function resetHead(head: Head): void {
  if (head.headersSent) return
  for (const name of head.getHeaderNames()) if (isOfThePage(name)) head.removeHeader(name)
  // Those of HTTP/1 begin anew with each call; HTTP/2 has no way to take any back.
  head.addTrailers({})
  head.statusCode = 500
  // Reading or writing it on HTTP/2, which has none, is worth a warning to Node.
  if (Object.hasOwn(head, 'statusMessage')) head.statusMessage = ''
}
