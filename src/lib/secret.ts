import { createSecretKey, KeyObject } from 'node:crypto'
import process from 'node:process'
import { SessionError } from '../errors.ts'
import { isPublishedSecret } from './published-secrets.ts'

/** What a secret may be given as; text stands for its UTF-8 bytes, as it is (hexadecimal text is not decoded). */
export type Secret = string | Uint8Array | KeyObject

/** Who asks for a secret (named in messages), and the least number of bytes it must have there. */
export interface SecretUse {
  readonly owner: string
  readonly minBytes: number
}

const makeOne =
  "make one with `npx hipflask secret` (or `node -e \"console.log(require('crypto').randomBytes(32).toString('base64url'))\"`) and pass it from outside the code"

let warned = false

/**
 * The secret as a KeyObject, which no `inspect`, JSON or error reveals. Throws ERR_SESSION_SECRET when it is missing or
 * empty, and with NODE_ENV=production when it is weak or published; elsewhere that is one warning, HIPFLASK_WEAK_SECRET.
 */
export function readSecret(secret: Secret, name: string, use: SecretUse): KeyObject {
  const bytes = bytesOf(secret)
  if (bytes === null) {
    throw new SessionError(
      'ERR_SESSION_SECRET',
      `${use.owner}: \`${name}\` must be a string, a Uint8Array or a secret KeyObject; ${makeOne}.`,
    )
  }
  if (bytes.length === 0) {
    throw new SessionError('ERR_SESSION_SECRET', `${use.owner}: \`${name}\` is empty; ${makeOne}.`)
  }
  const fault = weakness(bytes, use.minBytes)
  if (fault !== null)
    refuse(`${use.owner}: \`${name}\` ${fault}, so anyone could forge sessions; ${makeOne}.`)
  return createSecretKey(bytes)
}

/** The keys in the order they are tried: `secret`, which also signs, then `fallbacks` (given oldest first) from the last. */
export function readSecrets(
  secret: Secret,
  fallbacks: readonly Secret[] | undefined,
  use: SecretUse,
): readonly KeyObject[] {
  const keys = [readSecret(secret, 'secret', use)]
  if (fallbacks === undefined) return keys
  if (!Array.isArray(fallbacks)) {
    throw new SessionError(
      'ERR_SESSION_SECRET',
      `${use.owner}: \`fallbacks\` must be an array of secrets, oldest first.`,
    )
  }
  const older = fallbacks.map((fallback: Secret, i) => readSecret(fallback, `fallbacks[${i}]`, use))
  return keys.concat(older.toReversed())
}

/** Why `bytes` is no good secret where `minBytes` are needed ("has 8 bytes, ..."), or null. Never quotes it. */
export function weakness(bytes: Uint8Array, minBytes: number): string | null {
  if (isPublishedSecret(bytes)) return 'is publicly known'
  if (bytes.length < minBytes) return `has ${bytes.length} bytes where ${minBytes} are needed`
  const unit = bytes.subarray(0, shortestPeriod(bytes))
  // Random bytes, base64 and hexadecimal text all have more than this; what is repeated or counted up has less.
  const enough = minBytes * 2.5
  if (entropy(unit) < enough || entropy(steps(unit)) < enough)
    return 'repeats itself or has too little variety'
  return null
}

function bytesOf(secret: unknown): Uint8Array | null {
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8')
  if (secret instanceof Uint8Array) return secret
  return secret instanceof KeyObject && secret.type === 'secret' ? secret.export() : null
}

function refuse(message: string): void {
  if (process.env.NODE_ENV === 'production') throw new SessionError('ERR_SESSION_SECRET', message)
  if (warned) return
  warned = true
  process.emitWarning(`${message} With NODE_ENV=production this is an error.`, {
    code: 'HIPFLASK_WEAK_SECRET',
  })
}

/** The length of the shortest start whose repetition gives all of `bytes` (its own length when nothing repeats). */
function shortestPeriod(bytes: Uint8Array): number {
  const border = new Uint32Array(bytes.length)
  let length = 0
  for (let i = 1; i < bytes.length; i++) {
    while (length > 0 && bytes[i] !== bytes[length]) length = border[length - 1]!
    if (bytes[i] === bytes[length]) length++
    border[i] = length
  }
  return bytes.length - length
}

/** Shannon's entropy of all of `bytes` together, in bits. */
function entropy(bytes: Uint8Array): number {
  const counts = new Map<number, number>()
  for (const byte of bytes) counts.set(byte, (counts.get(byte) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits += count * Math.log2(bytes.length / count)
  return bits
}

function steps(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => byte - (i === 0 ? 0 : bytes[i - 1]!))
}
