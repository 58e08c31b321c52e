import { SessionError } from '../errors.ts'
import type { Duration } from '../lib/duration.ts'
import type { Secret } from '../lib/secret.ts'
import type { RedisClient } from '../stores/redis.ts'
import type { SqlClient } from './sql-database.ts'

/** A key that may be absent, or `None` as in Python: Flask's default. */
type OrNone<T> = T | null | undefined

/** Where Flask-Session keeps sessions, as SESSION_TYPE names it. */
export type FlaskSessionType = 'filesystem' | 'cachelib' | 'redis' | 'memcached' | 'sqlalchemy'

/** Flask's and Flask-Session's configuration, key by key; null and undefined stand for `None`. */
export interface FlaskConfig {
  /** Signs the cookies that sessions live in, and with SESSION_USE_SIGNER the ids of Flask-Session. */
  readonly SECRET_KEY?: OrNone<Secret>
  /** Earlier keys that still verify, oldest first. */
  readonly SECRET_KEY_FALLBACKS?: OrNone<readonly Secret[]>
  /** Whole seconds, or a text such as `'31 days'`. Default 31 days. */
  readonly PERMANENT_SESSION_LIFETIME?: OrNone<Duration>
  /** Default true. */
  readonly SESSION_REFRESH_EACH_REQUEST?: OrNone<boolean>
  /** Default `session`. */
  readonly SESSION_COOKIE_NAME?: OrNone<string>
  readonly SESSION_COOKIE_DOMAIN?: OrNone<string>
  /** Default: APPLICATION_ROOT. */
  readonly SESSION_COOKIE_PATH?: OrNone<string>
  /** Default true. */
  readonly SESSION_COOKIE_HTTPONLY?: OrNone<boolean>
  /** Default false. */
  readonly SESSION_COOKIE_SECURE?: OrNone<boolean>
  /** `Lax`, `Strict` or `None`, in any letter case. Default: no such attribute. */
  readonly SESSION_COOKIE_SAMESITE?: OrNone<string>
  /** Default false; true makes the cookie Secure too. */
  readonly SESSION_COOKIE_PARTITIONED?: OrNone<boolean>
  /** Default `/`. */
  readonly APPLICATION_ROOT?: OrNone<string>
  /** A cookie whose name and value have more bytes is a warning; 0: never. Default 4093. Over 4096 it is an error. */
  readonly MAX_COOKIE_SIZE?: OrNone<number>

  /** Flask-Session's backend, in any letter case. Default: Flask's own sessions, which live in their cookie. */
  readonly SESSION_TYPE?: OrNone<FlaskSessionType>
  /** Whether new sessions outlive the browser. Default true. */
  readonly SESSION_PERMANENT?: OrNone<boolean>
  /** Whether cookies carry signed ids. Default false. */
  readonly SESSION_USE_SIGNER?: OrNone<boolean>
  /** Default `session:`. */
  readonly SESSION_KEY_PREFIX?: OrNone<string>
  /** The bytes of a new id. Default 32. */
  readonly SESSION_ID_LENGTH?: OrNone<number>
  /** What is written; both are read. Default `msgpack`. */
  readonly SESSION_SERIALIZATION_FORMAT?: OrNone<'msgpack' | 'json'>
  /** Default `flask_session`. */
  readonly SESSION_FILE_DIR?: OrNone<string>
  /** Beyond so many sessions expired ones make room, in Flask live ones too. Default 500. */
  readonly SESSION_FILE_THRESHOLD?: OrNone<number>
  /** Default 0o600. */
  readonly SESSION_FILE_MODE?: OrNone<number>
  /** In place of a FileSystemCache: its directory. Default `flask_session`. */
  readonly SESSION_CACHELIB?: OrNone<string>
  /** A client of the package `redis` or `ioredis`, connected by the app. */
  readonly SESSION_REDIS?: OrNone<RedisClient>
  /** The server as `host:port`, or the path of its socket. Default `127.0.0.1:11211`. */
  readonly SESSION_MEMCACHED?: OrNone<string>
  /** In place of SQLAlchemy: a `Pool` of pg, a pool of mysql2, or an open database of better-sqlite3 or node:sqlite. */
  readonly SESSION_SQLALCHEMY?: OrNone<SqlClient>
  /** Default `sessions`. */
  readonly SESSION_SQLALCHEMY_TABLE?: OrNone<string>
  readonly SESSION_SQLALCHEMY_SCHEMA?: OrNone<string>
  /** Taken for the same configuration on both sides; expired rows are removed every hour here, see `gcEvery`. */
  readonly SESSION_CLEANUP_N_REQUESTS?: OrNone<number>
}

/** The keys that are not `None`. */
export type GivenKeys = { readonly [K in keyof FlaskConfig]: NonNullable<FlaskConfig[K]> }

interface Key {
  /** What its value must be. */
  readonly says: string
  readonly holds: (value: unknown) => boolean
  /** The values of SESSION_TYPE that know it. Default: all, and none. */
  readonly of?: readonly FlaskSessionType[]
}

const types: readonly FlaskSessionType[] = ['filesystem', 'cachelib', 'redis', 'memcached', 'sqlalchemy']

const text: Key = { says: 'a text', holds: (value) => typeof value === 'string' }
const flag: Key = { says: 'true or false', holds: (value) => typeof value === 'boolean' }
const count: Key = {
  says: 'a whole number of 0 or more',
  holds: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
}

const keys: Readonly<Record<keyof FlaskConfig, Key>> = {
  SECRET_KEY: { says: 'text or bytes', holds: (value) => typeof value === 'string' || isObject(value) },
  SECRET_KEY_FALLBACKS: { says: 'an array of keys, oldest first', holds: Array.isArray },
  PERMANENT_SESSION_LIFETIME: {
    says: "whole seconds of at least 1, or a text such as '31 days'",
    holds: (value) => typeof value === 'string' || (Number.isSafeInteger(value) && Number(value) > 0),
  },
  SESSION_REFRESH_EACH_REQUEST: flag,
  SESSION_COOKIE_NAME: text,
  SESSION_COOKIE_DOMAIN: text,
  SESSION_COOKIE_PATH: text,
  SESSION_COOKIE_HTTPONLY: flag,
  SESSION_COOKIE_SECURE: flag,
  SESSION_COOKIE_SAMESITE: {
    says: 'Lax, Strict or None',
    holds: (value) => typeof value === 'string' && /^(?:lax|strict|none)$/i.test(value),
  },
  SESSION_COOKIE_PARTITIONED: flag,
  APPLICATION_ROOT: text,
  MAX_COOKIE_SIZE: count,
  SESSION_TYPE: {
    says: `${types.join(', ')}, or none for Flask’s own sessions,`,
    holds: (value) => typeof value === 'string' && isType(value.toLowerCase()),
  },
  SESSION_PERMANENT: { ...flag, of: types },
  SESSION_USE_SIGNER: { ...flag, of: types },
  SESSION_KEY_PREFIX: { ...text, of: types },
  SESSION_ID_LENGTH: { ...count, of: types },
  SESSION_SERIALIZATION_FORMAT: {
    says: 'msgpack or json',
    holds: (value) => value === 'msgpack' || value === 'json',
    of: ['redis', 'memcached', 'sqlalchemy'],
  },
  SESSION_FILE_DIR: { ...text, of: ['filesystem'] },
  SESSION_FILE_THRESHOLD: { ...count, of: ['filesystem'] },
  SESSION_FILE_MODE: { ...count, of: ['filesystem'] },
  SESSION_CACHELIB: { says: 'the directory of its files', holds: text.holds, of: ['cachelib'] },
  SESSION_REDIS: { says: 'a client', holds: isObject, of: ['redis'] },
  SESSION_MEMCACHED: { ...text, of: ['memcached'] },
  SESSION_SQLALCHEMY: { says: 'a pool or a database', holds: isObject, of: ['sqlalchemy'] },
  SESSION_SQLALCHEMY_TABLE: { ...text, of: ['sqlalchemy'] },
  SESSION_SQLALCHEMY_SCHEMA: { ...text, of: ['sqlalchemy'] },
  SESSION_CLEANUP_N_REQUESTS: { ...count, of: ['sqlalchemy'] },
}

/** Flask's keys without those that are `None`; throws ERR_SESSION_CONFIG naming each one that is unknown, wrong or idle. */
export function readKeys(config: FlaskConfig): GivenKeys {
  if (!isObject(config)) throw refused('takes an object of Flask’s configuration keys')
  const entries = Object.entries(config).filter(([, value]) => value !== null && value !== undefined)
  const unknown = entries.map(([name]) => name).filter((name) => !Object.hasOwn(keys, name))
  if (unknown.length > 0) throw refused(`does not know ${unknown.join(', ')}`)
  for (const [name, value] of entries) {
    const { says, holds } = keys[name as keyof FlaskConfig]
    if (!holds(value)) throw refused(`needs ${says} for ${name}`)
  }
  const given: GivenKeys = Object.fromEntries(entries)
  const type = given.SESSION_TYPE?.toLowerCase() as FlaskSessionType | undefined
  const idle = entries
    .map(([name]) => name)
    .filter((name) => {
      const { of } = keys[name as keyof FlaskConfig]
      return of !== undefined && (type === undefined || !of.includes(type))
    })
  if (idle.length > 0)
    throw refused(
      `was given ${idle.join(', ')}, of no use ${type === undefined ? 'without SESSION_TYPE' : `with SESSION_TYPE ${type}`}`,
    )
  return type === undefined ? given : { ...given, SESSION_TYPE: type }
}

/** What `flaskConfig` has to say against a configuration, as an ERR_SESSION_CONFIG. */
export function refused(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `flaskConfig ${problem}.`)
}

function isType(value: string): value is FlaskSessionType {
  return (types as readonly string[]).includes(value)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
