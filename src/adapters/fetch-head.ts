import type { ResponseFacts } from '../contracts/visit.ts'
import { cacheControlForCookie, varyWithCookie, withSetCookie } from '../lib/response-headers.ts'

/**
 * The response with what a session has to say added to its head. With a cookie it is another response: one that the app
 * keeps and answers again must not carry this visitor's. A mere `Vary` may stay in it, where it is not immutable (a
 * redirect, a fetched one). A response that switches protocols has no room for either and stays as it is.
 */
export function withFacts(response: Response, { vary, setCookie }: ResponseFacts): Response {
  if ((!vary && setCookie === null) || response.status < 200) return response
  if (setCookie === null && varies(response)) return response
  const copy = new Response(response.body, response)
  const { headers } = copy
  if (vary) headers.set('Vary', varyWithCookie(headers.get('Vary')))
  if (setCookie !== null) {
    headers.set('Cache-Control', cacheControlForCookie(headers.get('Cache-Control')))
    const cookies = withSetCookie(headers.getSetCookie(), setCookie)
    headers.delete('Set-Cookie')
    for (const cookie of cookies) headers.append('Set-Cookie', cookie)
  }
  return copy
}

/** Makes a response vary in place, if it lets itself be changed. */
function varies({ headers }: Response): boolean {
  try {
    headers.set('Vary', varyWithCookie(headers.get('Vary')))
    return true
  } catch {
    return false
  }
}

/** Lets go of a body that is not sent after all; what becomes of its stream concerns nobody any more. */
export function discard(body: ReadableStream | null): void {
  void body?.cancel().catch(() => undefined)
}
