import process from 'node:process'
import type { SessionCodec } from '../contracts/codec.ts'
import type { SessionStore } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import type { CookieOptions } from '../lib/cookie.ts'
import { milliseconds } from '../lib/duration.ts'
import type { Secret } from '../lib/secret.ts'
import { readKeys, refused } from './config-keys.ts'
import type { FlaskConfig, FlaskSessionType, GivenKeys } from './config-keys.ts'
import { flaskCookie } from './cookie.ts'
import { flaskFileStore } from './file.ts'
import type { FlaskLayoutOptions } from './layout.ts'
import { flaskMemcachedStore } from './memcached.ts'
import { flaskRedisStore } from './redis.ts'
import { flaskSqlStore } from './sql.ts'

/** What `createSessions` takes; times are milliseconds. */
export type FlaskSessions = {
  readonly lifetime: number
  readonly idle?: number
  readonly permanent: boolean
  readonly cookie: CookieOptions
} & (
  | { readonly codec: SessionCodec; readonly store?: never }
  | { readonly store: SessionStore; readonly codec?: never }
)

/**
 * The configuration of Flask and Flask-Session as options of `createSessions`, with their defaults. Throws
 * ERR_SESSION_CONFIG naming the keys that are unknown, wrong or of no use together, ERR_SESSION_SECRET for SECRET_KEY.
 */
export function flaskConfig(config: FlaskConfig): FlaskSessions {
  const given = readKeys(config)
  const common = { lifetime: lifetime(given), cookie: cookie(given) }
  const type = given.SESSION_TYPE
  if (type === undefined) return { ...common, permanent: false, codec: cookieSessions(given) }
  if (common.cookie.partitioned === true)
    throw refused('was given SESSION_COOKIE_PARTITIONED, which Flask-Session does not write')
  return {
    ...common,
    // Flask-Session begins the lifetime again with every request: so does `idle`, without writing the session again.
    ...(refreshes(given) && { idle: common.lifetime }),
    permanent: given.SESSION_PERMANENT ?? true,
    store: stores[type](given, layout(given, common.lifetime)),
  }
}

function lifetime({ PERMANENT_SESSION_LIFETIME: given = '31 days' }: GivenKeys): number {
  return typeof given === 'number' ? given * 1000 : milliseconds(given, 'PERMANENT_SESSION_LIFETIME')
}

function refreshes({ SESSION_REFRESH_EACH_REQUEST: given = true }: GivenKeys): boolean {
  return given
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
    path: quoted(given.SESSION_COOKIE_PATH || given.APPLICATION_ROOT || '/'),
    ...(domain !== undefined && { domain: domain.replace(/:.*$/s, '') }),
    httpOnly: given.SESSION_COOKIE_HTTPONLY ?? true,
    secure,
    sameSite,
    partitioned,
    prefix: false,
  }
}

/** A path as Werkzeug writes it. */
function quoted(path: string): string {
  if (/\p{Surrogate}/u.test(path)) throw refused('needs text for SESSION_COOKIE_PATH and APPLICATION_ROOT')
  return path.replaceAll(/[^\w.~%!$&'()*+,/:=@-]/gu, (character) => encodeURIComponent(character))
}

function secretKey({ SECRET_KEY: secret }: GivenKeys, why: string): Secret {
  if (secret !== undefined) return secret
  throw new SessionError('ERR_SESSION_SECRET', `flaskConfig needs SECRET_KEY, the Flask app’s own: ${why}.`)
}

/** Flask's own sessions, which live in their cookie. */
function cookieSessions(given: GivenKeys): SessionCodec {
  const secret = secretKey(given, 'without SESSION_TYPE it signs the cookies that sessions live in')
  const { SECRET_KEY_FALLBACKS: fallbacks = [], MAX_COOKIE_SIZE: most = 4093 } = given
  const codec = flaskCookie({ secret, fallbacks, rules: { refreshEachRequest: refreshes(given) } })
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

/** What the stores of all types have in common. */
function layout(given: GivenKeys, lifetime: number): FlaskLayoutOptions {
  const { SESSION_KEY_PREFIX: prefix, SESSION_ID_LENGTH: idLength } = given
  return {
    lifetime,
    rules: { refreshEachRequest: refreshes(given) },
    ...(prefix !== undefined && { prefix }),
    ...(idLength !== undefined && { idLength }),
    ...(given.SESSION_USE_SIGNER === true && {
      secret: secretKey(given, 'with SESSION_USE_SIGNER it signs the ids'),
    }),
  }
}

const stores: Readonly<
  Record<FlaskSessionType, (given: GivenKeys, layout: FlaskLayoutOptions) => SessionStore>
> = {
  filesystem(given, layout) {
    const { SESSION_FILE_DIR: directory, SESSION_FILE_THRESHOLD: threshold, SESSION_FILE_MODE: mode } = given
    return flaskFileStore({
      ...layout,
      ...(directory !== undefined && { directory }),
      ...(threshold !== undefined && { threshold }),
      ...(mode !== undefined && { mode }),
    })
  },
  cachelib: ({ SESSION_CACHELIB: directory }, layout) =>
    flaskFileStore({ ...layout, ...(directory !== undefined && { directory }) }),
  redis({ SESSION_REDIS: client, SESSION_SERIALIZATION_FORMAT: format }, layout) {
    if (client === undefined)
      throw refused('needs SESSION_REDIS, a client of the package redis or ioredis, for SESSION_TYPE redis')
    return flaskRedisStore({ ...layout, client, ...(format !== undefined && { format }) })
  },
  memcached: ({ SESSION_MEMCACHED: server, SESSION_SERIALIZATION_FORMAT: format }, layout) =>
    flaskMemcachedStore({
      ...layout,
      ...(server !== undefined && { server }),
      ...(format !== undefined && { format }),
    }),
  sqlalchemy(given, layout) {
    const { SESSION_SQLALCHEMY: client, SESSION_SERIALIZATION_FORMAT: format } = given
    const { SESSION_SQLALCHEMY_TABLE: table = 'sessions', SESSION_SQLALCHEMY_SCHEMA: schema } = given
    if (client === undefined)
      throw refused(
        'needs SESSION_SQLALCHEMY, a pool of pg or mysql2 or an open database of better-sqlite3 or node:sqlite, for SESSION_TYPE sqlalchemy',
      )
    return flaskSqlStore({
      ...layout,
      client,
      table: schema === undefined ? table : `${schema}.${table}`,
      ...(format !== undefined && { format }),
    })
  },
}
