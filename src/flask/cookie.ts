import type { CodecContext, CookieContents, Opened, Rejection, SessionCodec } from '../contracts/codec.ts'
import type { Kept, Serializer } from '../contracts/serializer.ts'
import { deriveKey } from '../itsdangerous/key.ts'
import type { Digest, KeyDerivation } from '../itsdangerous/key.ts'
import { packPayload, unpackPayload } from '../itsdangerous/payload.ts'
import { Signatures } from '../itsdangerous/signature.ts'
import { decodeTimestamp, encodeTimestamp, expiredAge } from '../itsdangerous/timestamp.ts'
import { SessionError } from '../errors.ts'
import { readSecrets } from '../lib/secret.ts'
import type { Secret } from '../lib/secret.ts'
import { taggedJson } from '../serializers/tagged-json.ts'

/** Options of `flaskCookie`; the defaults are Flask's. */
export interface FlaskCookieOptions {
  /** Flask's SECRET_KEY: signs and verifies. */
  readonly secret: Secret
  /** Flask's SECRET_KEY_FALLBACKS, oldest first: they only verify, and what they verified is signed anew. */
  readonly fallbacks?: readonly Secret[]
  /** Default `cookie-session`. */
  readonly salt?: string | Uint8Array
  /** Default `sha1`. */
  readonly digest?: Digest
  /** Default `hmac`. */
  readonly keyDerivation?: KeyDerivation
  /** The most bytes a compressed cookie may inflate to. Default 65536. */
  readonly maxInflated?: number
  /** Take every spelling of a cookie that Flask takes, not only the one it writes. Default false. */
  readonly lenient?: boolean
  /** Cookies appear and disappear as Flask's own do: also for assignments that change nothing, and by this refresh rule. */
  readonly rules?: { readonly refreshEachRequest: boolean }
}

/**
 * A codec for the cookies of Flask 3.1's own sessions, both ways: signed, readable by everyone, valid for the reader's
 * lifetime since they were written. Throws ERR_SESSION_SECRET for a missing secret, in production also for a weak one.
 */
export function flaskCookie(options: FlaskCookieOptions): SessionCodec {
  const { salt = 'cookie-session', digest = 'sha1', keyDerivation = 'hmac' } = options
  const { maxInflated = 65_536, lenient = false } = options
  const secrets = readSecrets(options.secret, options.fallbacks, { owner: 'flaskCookie', minBytes: 16 })
  const keys = secrets.map((secret) => deriveKey(secret, salt, digest, keyDerivation))
  const signatures = new Signatures(keys, digest, lenient)
  /** The session that `open` has read last: as it came, its text, and until somebody takes them its entries. */
  let last: { readonly payload: string; readonly data: string; entries: Map<string, Kept> | null } | null =
    null

  function open(token: string, context: CodecContext): Opened {
    const end = token.lastIndexOf('.')
    if (end === -1) return rejected('malformed')
    const signed = token.slice(0, end)
    const key = signatures.keyOf(signed, token.slice(end + 1), 'utf8')
    if (key === -1) return rejected('signature')

    const middle = signed.lastIndexOf('.')
    const seconds = middle === -1 ? null : decodeTimestamp(signed.slice(middle + 1), lenient)
    if (seconds === null) return rejected('malformed')
    const maxAge = Math.floor(context.lifetime / 1000)
    if (expiredAge(seconds, context.now, maxAge) !== null) return rejected('expired')

    const data = authenticText(signed.slice(0, middle))
    if (data === null) return rejected('payload')
    const createdAt = seconds * 1000
    // An age of exactly the lifetime is still good, up to the next full second.
    const endsAt = createdAt + (maxAge + 1) * 1000
    const contents = { data, createdAt, seenAt: createdAt, expiresAt: endsAt, endsAt }
    return { ok: true, contents, stale: key > 0 }
  }

  /** The text of a payload whose signature is good, or null if it is no session. */
  function authenticText(payload: string): string | null {
    try {
      const data = unpackPayload(payload, { maxInflated, lenient })
      last = { payload, data, entries: taggedJson.decode(data) }
      return data
    } catch {
      return null // whatever cannot be read here, Flask answers 500 to
    }
  }

  function seal({ data }: CookieContents, context: CodecContext): string {
    // A session that is only renewed goes out as it came; to compress it is most of the work.
    const payload = !lenient && last?.data === data ? last.payload : packPayload(data)
    if (payload.startsWith('.') && Buffer.byteLength(data) > maxInflated)
      throw new SessionError(
        'ERR_SESSION_SIZE',
        `flaskCookie: the session has more than the ${maxInflated} bytes that a compressed cookie may inflate to, so it could not be read again. Keep less in it, raise \`maxInflated\`, or keep sessions in a store.`,
      )
    const signed = `${payload}.${encodeTimestamp(Math.floor(context.now / 1000))}`
    return `${signed}.${signatures.of(signed, 'utf8')}`
  }

  /** What `open` has just read need not be read again. */
  function decode(data: string): Map<string, Kept> {
    const entries = last?.data === data ? last.entries : null
    if (entries === null) return taggedJson.decode(data)
    last!.entries = null // a second reader gets values of its own
    return entries
  }

  const serializer: Serializer = { ...taggedJson, decode }
  const codec = { kind: 'flask', serializer, keepsTimes: false, fixedName: true, open, seal }
  return options.rules === undefined ? codec : { ...codec, flask: options.rules }
}

function rejected(reason: Rejection): Opened {
  return { ok: false, reason }
}
