import { SessionError } from '../errors.ts'
import type { Duration } from '../lib/duration.ts'
import type { Secret } from '../lib/secret.ts'

/** A key that may be absent, or `None` as in Python: Flask's default. */
type OrNone<T> = T | null | undefined

/** Flask's own configuration of sessions, key by key; null and undefined stand for `None`. */
export interface FlaskConfig {
  /** Signs cookie sessions. */
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
}

/** The keys that are not `None`. */
export type GivenKeys = { readonly [K in keyof FlaskConfig]: NonNullable<FlaskConfig[K]> }

interface Key {
  /** What its value must be. */
  readonly says: string
  readonly holds: (value: unknown) => boolean
}

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
}

/** Flask's keys without those that are `None`; throws ERR_SESSION_CONFIG naming each one that is unknown or wrong. */
export function readKeys(config: FlaskConfig): GivenKeys {
  if (!isObject(config)) throw refused('takes an object of Flask’s configuration keys')
  const given = Object.entries(config).filter(([, value]) => value !== null && value !== undefined)
  const unknown = given.map(([name]) => name).filter((name) => !Object.hasOwn(keys, name))
  if (unknown.length > 0) throw refused(`does not know ${unknown.join(', ')}`)
  for (const [name, value] of given) {
    const { says, holds } = keys[name as keyof FlaskConfig]
    if (!holds(value)) throw refused(`needs ${says} for ${name}`)
  }
  return Object.fromEntries(given)
}

/** What `flaskConfig` has to say against a configuration, as an ERR_SESSION_CONFIG. */
export function refused(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `flaskConfig ${problem}.`)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
