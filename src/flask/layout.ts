import type { Serializer } from '../contracts/serializer.ts'
import type { SessionIds, SessionInfo } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { milliseconds } from '../lib/duration.ts'
import type { Duration } from '../lib/duration.ts'
import { randomBytes } from '../lib/random.ts'
import type { Secret } from '../lib/secret.ts'
import { flaskJson, flaskMsgpack } from '../serializers/flask-session.ts'
import { Signer } from '../itsdangerous/signer.ts'

/** What all of Flask-Session's layouts have in common; the defaults are Flask-Session's. */
export interface FlaskLayoutOptions {
  /** SESSION_KEY_PREFIX. Default `session:`. */
  readonly prefix?: string
  /** SESSION_ID_LENGTH: the bytes of a new id, 16 to 128. Default 32. */
  readonly idLength?: number
  /** SECRET_KEY where SESSION_USE_SIGNER is on: cookies then carry signed ids. Fallbacks do not exist there. */
  readonly secret?: Secret
  /** PERMANENT_SESSION_LIFETIME. Records hold only their expiry: they were seen one lifetime before it. Default 31 days. */
  readonly lifetime?: Duration
  /** Cookies appear as Flask-Session's do: `refreshEachRequest` is SESSION_REFRESH_EACH_REQUEST. Default: only when they change. */
  readonly rules?: { readonly refreshEachRequest: boolean }
}

/** A layout's common options, checked. */
export interface Layout {
  readonly prefix: string
  readonly ids: SessionIds
  /** Milliseconds. */
  readonly lifetime: number
  readonly rules: { readonly refreshEachRequest: boolean }
}

/** SESSION_SERIALIZATION_FORMAT. */
export type FlaskFormat = 'msgpack' | 'json'

/** The ids that are taken from cookies: Flask-Session's own, UUIDs, and whatever else has only these characters. */
const shape = /^[\w-]{1,200}$/

/** Checks the options; throws ERR_SESSION_CONFIG, and for the secret ERR_SESSION_SECRET. */
export function layoutOf(options: FlaskLayoutOptions, owner: string): Layout {
  const { prefix = 'session:', idLength = 32, secret, lifetime = '31 days' } = options
  const { rules = { refreshEachRequest: false } } = options
  if (typeof prefix !== 'string' || /\p{Surrogate}/u.test(prefix))
    throw new SessionError('ERR_SESSION_CONFIG', `${owner}: \`prefix\` must be text, such as 'session:'.`)
  if (!Number.isInteger(idLength) || idLength < 16 || idLength > 128)
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      `${owner}: \`idLength\` must be a whole number from 16 to 128.`,
    )
  return { prefix, ids: idsOf(idLength, secret), lifetime: milliseconds(lifetime, 'lifetime'), rules }
}

/** What writes a format, and reads both; throws ERR_SESSION_CONFIG for any other. */
export function serializerOf(format: FlaskFormat | undefined, owner: string): Serializer {
  if (format === undefined || format === 'msgpack') return flaskMsgpack
  if (format === 'json') return flaskJson
  throw new SessionError('ERR_SESSION_CONFIG', `${owner}: \`format\` must be 'msgpack' or 'json'.`)
}

/** Whether a name is one that an id can have. */
export function isFlaskId(id: string): boolean {
  return shape.test(id)
}

/** What is known of a session from its expiry, in the terms of a record; `seenAt` where that is known, too. */
export function timesOf(
  expiresAt: number,
  lifetime: number,
  seenAt: number = expiresAt - lifetime,
): Omit<SessionInfo, 'id' | 'size'> {
  return { user: null, label: null, createdAt: seenAt, seenAt, expiresAt, endsAt: expiresAt }
}

/** The error of listing the sessions of a user. */
export function unlistable(owner: string): SessionError {
  return new SessionError(
    'ERR_SESSION_UNSUPPORTED',
    `${owner}: a record of Flask-Session does not say whose it is, so the sessions of a user can be neither listed nor ended. Keep them in a store of hipflask's for that.`,
  )
}

function idsOf(length: number, secret: Secret | undefined): SessionIds {
  const draw = (): string => randomBytes(length).toString('base64url')
  if (secret === undefined) return { next: draw, record: (token) => (isFlaskId(token) ? token : null) }
  const signer = new Signer(secret, { salt: 'flask-session', keyDerivation: 'hmac' })
  return {
    next: () => signer.sign(draw()),
    record(token) {
      const id = token.slice(0, Math.max(0, token.lastIndexOf('.')))
      return isFlaskId(id) && signer.validate(token) ? id : null
    },
  }
}
