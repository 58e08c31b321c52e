import type { Description } from '../engine/description.ts'

/** A setting that deserves a look; `code` is stable, `message` says what to do. */
interface Advice {
  readonly code: string
  readonly message: string
}

/** What of a configuration deserves a look; `production` says what it is judged as. */
export function adviceOn(
  { kind, idle, cookie, gcEvery }: Description,
  production: boolean,
): readonly Advice[] {
  const found: Advice[] = []
  const say = (code: string, message: string): void => void found.push({ code, message })
  if (kind === 'memory' && production)
    say(
      'memory_in_production',
      'Sessions are kept in this process’s memory: a restart ends them all, and other processes do not see them. Use a file, SQL or Redis store.',
    )
  if (idle === null)
    say(
      'no_idle_timeout',
      "A session that nobody uses lives until its lifetime ends. Set `idle`, such as `idle: '2 hours'`.",
    )
  if (!cookie.secure.secure)
    say(
      'never_secure',
      'The cookie never carries `Secure`, not even on HTTPS: whoever sees plain traffic can take the session. Leave `cookie.secure` out.',
    )
  if (!/; HttpOnly(?:;|$)/.test(cookie.plain.tail))
    say('not_http_only', 'Scripts in the page can read the cookie. Leave `cookie.httpOnly` out.')
  if (!/; SameSite=(?:Lax|Strict)(?:;|$)/.test(cookie.plain.tail))
    say(
      'no_same_site',
      'Other sites can make requests that carry the cookie. Leave `cookie.sameSite` out, or check where requests come from.',
    )
  if (gcEvery === null)
    say('no_sweep', 'Dead records are removed only when the app calls `gc()`: `gcEvery` is false.')
  return found
}
