import type { CodecContext, CookieContents, Opened, Rejection, SessionCodec } from '../contracts/codec.ts'
import { decodeBase64url, encodeBase64url } from '../lib/base64url.ts'
import { randomBytes } from '../lib/random.ts'
import { readSecrets } from '../lib/secret.ts'
import type { Secret } from '../lib/secret.ts'
import { NONCE_BYTES, TAG_BYTES, xaes } from './xaes.ts'

/** Options of `sealedCookie`. */
export interface SealedCookieOptions {
  /** Seals and opens; at least 32 random bytes. */
  readonly secret: Secret
  /** Earlier secrets, oldest first: they only open, and what they opened is sealed anew. */
  readonly fallbacks?: readonly Secret[]
}

// token = base64url(version | nonce | ciphertext | tag); plaintext = four times of six bytes | the data as UTF-8.
const VERSION = 1
const HEAD = Buffer.of(VERSION)
const TIME_BYTES = 6
const HEADER_BYTES = 4 * TIME_BYTES
const MIN_BYTES = 1 + NONCE_BYTES + HEADER_BYTES + TAG_BYTES
const LATEST = 2 ** (8 * TIME_BYTES) - 1
const PURPOSE = 'hipflask sealed cookie 1'

/**
 * A codec whose cookies are encrypted and authenticated (XAES-256-GCM), bound to the cookie's name, and carry their own
 * times. Throws ERR_SESSION_SECRET for a missing secret, in production also for a weak one.
 */
export function sealedCookie(options: SealedCookieOptions): SessionCodec {
  const use = { owner: 'sealedCookie', minBytes: 32 }
  const ciphers = readSecrets(options.secret, options.fallbacks, use).map((key) => xaes(key, PURPOSE))
  const newest = ciphers[0]!
  const bounds = new Map<string, Buffer>()

  /** What a token is bound to: this format in this version, for a cookie of this name; an app has one or two names. */
  function boundTo(cookieName: string): Buffer {
    let bound = bounds.get(cookieName)
    if (bound === undefined) bounds.set(cookieName, (bound = Buffer.from(`${PURPOSE}:${cookieName}`, 'utf8')))
    return bound
  }

  function open(token: string, context: CodecContext): Opened {
    const bytes = decodeBase64url(token)
    if (bytes === null || bytes.length < MIN_BYTES || bytes[0] !== VERSION) return rejected('malformed')
    const bound = boundTo(context.cookieName)
    for (const cipher of ciphers) {
      const plain = cipher.decrypt(bytes.subarray(1), bound)
      if (plain === null) continue
      const contents = parse(plain)
      if (context.now >= contents.expiresAt || context.now >= contents.endsAt) return rejected('expired')
      return { ok: true, contents, stale: cipher !== newest }
    }
    return rejected('signature')
  }

  function seal(contents: CookieContents, context: CodecContext): string {
    const bound = boundTo(context.cookieName)
    return encodeBase64url(newest.encrypt(randomBytes(NONCE_BYTES), plaintext(contents), bound, HEAD))
  }

  return { kind: 'sealed', serializer: null, keepsTimes: true, fixedName: false, open, seal }
}

function rejected(reason: Rejection): Opened {
  return { ok: false, reason }
}

function plaintext({ data, createdAt, seenAt, expiresAt, endsAt }: CookieContents): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(data, 'utf8'))
  let at = 0
  for (const time of [createdAt, seenAt, expiresAt, endsAt]) {
    at = bytes.writeUIntBE(Math.min(Math.max(Math.floor(time), 0), LATEST), at, TIME_BYTES)
  }
  bytes.write(data, at, 'utf8')
  return bytes
}

function parse(plain: Buffer): CookieContents {
  const time = (n: number) => plain.readUIntBE(n * TIME_BYTES, TIME_BYTES)
  const data = plain.toString('utf8', HEADER_BYTES)
  return { data, createdAt: time(0), seenAt: time(1), expiresAt: time(2), endsAt: time(3) }
}
