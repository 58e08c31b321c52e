import { createHash, createHmac, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { SessionError } from '../errors.ts'

/** The hash function of a signature. */
export type Digest = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512'

/** How the signing key comes of the secret and the salt. */
export type KeyDerivation = 'hmac' | 'django-concat' | 'concat' | 'none'

const digests: ReadonlySet<string> = new Set<Digest>(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])

const derivations: Record<KeyDerivation, (secret: KeyObject, salt: Uint8Array, digest: Digest) => KeyObject> =
  {
    hmac: (secret, salt, digest) => createSecretKey(createHmac(digest, secret).update(salt).digest()),
    'django-concat': (secret, salt, digest) => hashed(digest, salt, Buffer.from('signer'), secret.export()),
    concat: (secret, salt, digest) => hashed(digest, salt, secret.export()),
    none: (secret) => secret,
  }

/** The key that signs; throws ERR_SESSION_CONFIG for a digest or derivation that does not exist. */
export function deriveKey(
  secret: KeyObject,
  salt: string | Uint8Array,
  digest: Digest,
  keyDerivation: KeyDerivation,
): KeyObject {
  if (!digests.has(digest)) {
    throw new SessionError('ERR_SESSION_CONFIG', `\`digest\` must be one of ${[...digests].join(', ')}.`)
  }
  if (!Object.hasOwn(derivations, keyDerivation)) {
    const names = Object.keys(derivations).join(', ')
    throw new SessionError('ERR_SESSION_CONFIG', `\`keyDerivation\` must be one of ${names}.`)
  }
  return derivations[keyDerivation](secret, Buffer.from(salt), digest)
}

function hashed(digest: Digest, ...parts: readonly Uint8Array[]): KeyObject {
  return createSecretKey(createHash(digest).update(Buffer.concat(parts)).digest())
}
