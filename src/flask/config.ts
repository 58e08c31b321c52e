import process from 'node:process'
import type { SessionCodec } from '../contracts/codec.ts'
import type { SessionStore } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import type { CookieOptions } from '../lib/cookie.ts'
import { milliseconds } from '../lib/duration.ts'
import { readKeys, refused } from './config-keys.ts'
import type { FlaskConfig, GivenKeys } from './config-keys.ts'
import { flaskCookie } from './cookie.ts'

/** What `createSessions` takes; times are milliseconds. */
export type FlaskSessions = {
  readonly lifetime: number
  readonly permanent: boolean
  readonly cookie: CookieOptions
} & (
  | { readonly codec: SessionCodec; readonly store?: never }
  | { readonly store: SessionStore; readonly codec?: never }
)

/**
 * Flask's configuration as options of `createSessions`, with Flask's defaults. Throws ERR_SESSION_CONFIG naming the keys
 * that are unknown, wrong or contradict each other, and ERR_SESSION_SECRET for a missing SECRET_KEY.
 */
export function flaskConfig(config: FlaskConfig): FlaskSessions {
  const given = readKeys(config)
  return { codec: cookieSessions(given), lifetime: lifetime(given), permanent: false, cookie: cookie(given) }
}

function lifetime({ PERMANENT_SESSION_LIFETIME: given = '31 days' }: GivenKeys): number {
  return typeof given === 'number' ? given * 1000 : milliseconds(given, 'PERMANENT_SESSION_LIFETIME')
}

const sameSites: ReadonlyMap<string, 'Lax' | 'Strict' | 'None'> = new Map([
  ['lax', 'Lax'],
  ['strict', 'Strict'],
  ['none', 'None'],
])

function cookie(given: GivenKeys): CookieOptions {
  const { SESSION_COOKIE_PARTITIONED: partitioned = false, SESSION_COOKIE_DOMAIN: domain } = given
  const secure = given.SESSION_COOKIE_SECURE === true || partitioned
  const sameSite = sameSites.get(given.SESSION_COOKIE_SAMESITE?.toLowerCase() ?? '') ?? null
  if (sameSite === 'None' && !secure)
    throw refused('needs SESSION_COOKIE_SECURE for SESSION_COOKIE_SAMESITE None: browsers refuse it without')
  return {
    name: given.SESSION_COOKIE_NAME ?? 'session',
    path: given.SESSION_COOKIE_PATH ?? given.APPLICATION_ROOT ?? '/',
    ...(domain !== undefined && { domain }),
    httpOnly: given.SESSION_COOKIE_HTTPONLY ?? true,
    secure,
    sameSite,
    partitioned,
    prefix: false,
  }
}

/** Flask's own sessions, which live in their cookie. */
function cookieSessions(given: GivenKeys): SessionCodec {
  const { SECRET_KEY: secret, SECRET_KEY_FALLBACKS: fallbacks = [], MAX_COOKIE_SIZE: most = 4093 } = given
  if (secret === undefined)
    throw new SessionError(
      'ERR_SESSION_SECRET',
      'flaskConfig needs SECRET_KEY, the one of the Flask app: without SESSION_TYPE it signs the cookies that sessions live in.',
    )
  const rules = { refreshEachRequest: given.SESSION_REFRESH_EACH_REQUEST ?? true }
  const codec = flaskCookie({ secret, fallbacks, rules })
  let warned = most === 0

  function seal(...[contents, context]: Parameters<SessionCodec['seal']>): string {
    const token = codec.seal(contents, context)
    const bytes = context.cookieName.length + token.length
    if (bytes > most && !warned) {
      warned = true
      process.emitWarning(
        `The session cookie ${context.cookieName} has ${bytes} bytes, more than MAX_COOKIE_SIZE (${most}); browsers drop cookies over 4096.`,
        { code: 'HIPFLASK_COOKIE_SIZE' },
      )
    }
    return token
  }

  return { ...codec, seal }
}
