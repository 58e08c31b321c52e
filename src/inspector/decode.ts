import { createHmac, timingSafeEqual } from 'node:crypto'
import { sealedCookie } from '../codecs/sealed.ts'
import { deriveKey, type KeyDerivation } from '../itsdangerous/key.ts'
import { unpackPayload } from '../itsdangerous/payload.ts'
import { Signatures } from '../itsdangerous/signature.ts'
import { decodeTimestamp } from '../itsdangerous/timestamp.ts'
import { decodeBase64url } from '../lib/base64url.ts'
import { isId, recordId } from '../lib/id.ts'
import { jsonSerializer } from '../serializers/json.ts'
import { taggedJson } from '../serializers/tagged-json.ts'
import type { Serializer } from '../contracts/serializer.ts'
import { readIron } from './decode-iron.ts'
import { lengthOfTime } from './lengths.ts'
import type { NamedSecret } from './secrets.ts'
import { type Shown, shown, wide } from './shown.ts'

/** What could be read of a cookie. */
export interface Decoded {
  readonly format: string
  readonly facts: readonly (readonly [name: string, value: string])[]
  /** The values, where they can be read; they are not to be trusted unless `secret` says so. */
  readonly values: Shown | null
  /** The name of the secret that verifies it; null: none of those given, or none were. */
  readonly secret: string | null
  /** Whether the format has a signature or a seal that a secret could verify. */
  readonly verifiable: boolean
  /** The record the cookie names, if it is the id of one. */
  readonly record: string | null
}

/** What the decoder knows besides the text. */
export interface Around {
  readonly secrets: readonly NamedSecret[]
  readonly mask: RegExp
  readonly now: number
  /** The full names that the app's own cookie may have: a sealed cookie is bound to its name. */
  readonly cookieNames: readonly string[]
}

/** Longer text is no cookie: browsers keep 4096 bytes. */
export const longestCookie = 8_192

const unreadable: Decoded = {
  format: 'unknown',
  facts: [
    [
      'What this is',
      'no format known here: hipflask, Flask, itsdangerous, express-session, cookie-session, iron, JWT',
    ],
  ],
  values: null,
  secret: null,
  verifiable: false,
  record: null,
}

/** Says what a pasted cookie is: its value, a `name=value` pair, or a whole Cookie or Set-Cookie line. Never throws. */
export function decode(pasted: string, around: Around): Decoded {
  const text = valueOf(pasted)
  for (const read of [ownId, express, iron, jwt, flask, ownSealed, cookieSession]) {
    const decoded = read(text, around)
    if (decoded !== null) return decoded
  }
  return unreadable
}

function valueOf(pasted: string): string {
  const line = pasted.trim().replace(/^(?:set-)?cookie:\s*/i, '')
  const pair = /^[\w!#$%&'*+.^`|~-]+=([^;]+)/.exec(line)
  const value = (pair?.[1] ?? line.split(';')[0] ?? '').trim().replace(/^"(.*)"$/, '$1')
  try {
    return decodeURIComponent(value)
  } catch {
    return value // a `%` that is not an escape belongs to the value
  }
}

function ownId(text: string): Decoded | null {
  if (!isId(text)) return null
  return {
    ...unreadable,
    format: 'hipflask: the id of a stored session',
    facts: [
      ['What this is', '256 random bits; whoever has them is this visitor. The values are in the store.'],
    ],
    record: recordId(text),
  }
}

/** Sealed by hipflask: base64url of a version, a nonce, the sealed text and a tag. */
function ownSealed(text: string, { secrets, mask, now, cookieNames }: Around): Decoded | null {
  const bytes = decodeBase64url(text)
  if (bytes === null || bytes.length < 65 || bytes[0] !== 1) return null
  const format = 'hipflask: a sealed session (XAES-256-GCM)'
  for (const { name, key, weakness } of secrets) {
    // In production no cookie is ever sealed with a weak secret: sealedCookie refuses it.
    if (weakness !== null && process.env['NODE_ENV'] === 'production') continue
    for (const cookieName of cookieNames) {
      const opened = sealedCookie({ secret: key }).open(text, {
        cookieName,
        now,
        lifetime: Number.MAX_SAFE_INTEGER,
      })
      if (!opened.ok) {
        if (opened.reason !== 'expired') continue
        return {
          ...unreadable,
          format,
          facts: [['Time', 'over: it has expired']],
          secret: name,
          verifiable: true,
        }
      }
      const { data, createdAt, seenAt, expiresAt } = opened.contents
      return {
        ...unreadable,
        format,
        facts: [
          ['Cookie', cookieName],
          ['Born', when(createdAt, now)],
          ['Written', when(seenAt, now)],
          ['Ends', when(expiresAt, now)],
        ],
        values: valuesOf(data, jsonSerializer, mask),
        secret: name,
        verifiable: true,
      }
    }
  }
  return {
    ...unreadable,
    format,
    facts: [['Contents', 'encrypted: only a secret opens them']],
    verifiable: true,
  }
}

interface Salted {
  readonly what: string
  readonly salt: string
  readonly derivation: KeyDerivation
}

const timed: readonly Salted[] = [
  { what: 'Flask: a signed session', salt: 'cookie-session', derivation: 'hmac' },
  { what: 'itsdangerous: URLSafeTimedSerializer', salt: 'itsdangerous', derivation: 'django-concat' },
  { what: 'itsdangerous: TimestampSigner', salt: 'itsdangerous.Signer', derivation: 'django-concat' },
]

const undated: readonly Salted[] = [
  { what: 'Flask-Session: a signed id', salt: 'flask-session', derivation: 'hmac' },
  { what: 'itsdangerous: URLSafeSerializer', salt: 'itsdangerous', derivation: 'django-concat' },
  { what: 'itsdangerous: Signer', salt: 'itsdangerous.Signer', derivation: 'django-concat' },
]

/** Whatever itsdangerous signs with SHA-1: a payload, perhaps a time, a signature. */
function flask(text: string, { secrets, mask, now }: Around): Decoded | null {
  const end = text.lastIndexOf('.')
  const signature = text.slice(end + 1)
  if (end < 1 || !/^[\w-]{27}$/.test(signature)) return null
  const signed = text.slice(0, end)
  const middle = signed.lastIndexOf('.')
  const seconds = middle < 1 ? null : decodeTimestamp(signed.slice(middle + 1), true)
  // From 2001 to 2514; anything else is no time but a part of the payload.
  const dated = seconds !== null && seconds > 1_000_000_000 && seconds < 2 ** 34
  const payload = dated ? signed.slice(0, middle) : signed
  let fits: Salted | null = null
  let secret: string | null = null
  for (const { name, key } of secrets) {
    for (const way of dated ? timed : undated) {
      const signatures = new Signatures([deriveKey(key, way.salt, 'sha1', way.derivation)], 'sha1', true)
      if (fits === null && signatures.keyOf(signed, signature, 'utf8') === 0) [fits, secret] = [way, name]
    }
  }
  const data = payloadText(payload)
  const values = data === null ? null : valuesOf(data, taggedJson, mask)
  const facts: [string, string][] = []
  if (dated) facts.push(['Signed', when(seconds * 1000, now)])
  if (payload.startsWith('.')) facts.push(['Payload', 'compressed with zlib'])
  if (data !== null) facts.push(['Readable', 'by everyone who has it: it is signed, not encrypted'])
  const format =
    fits?.what ??
    (dated
      ? 'Flask, or itsdangerous with a time'
      : 'Flask-Session’s signed id, or itsdangerous without a time')
  return { ...unreadable, format, facts, values, secret, verifiable: true }
}

function payloadText(payload: string): string | null {
  try {
    return unpackPayload(payload, { maxInflated: 65_536, lenient: true })
  } catch {
    return null // not a payload that can be read: nothing to show
  }
}

function express(text: string, { secrets }: Around): Decoded | null {
  const parts = /^s:([^.]+)\.([A-Za-z\d+/]{43})=?$/.exec(text)
  if (parts === null) return null
  const [, id = '', signature = ''] = parts
  const verifies = ({ key }: NamedSecret): boolean =>
    timingSafeEqual(createHmac('sha256', key).update(id).digest(), Buffer.from(signature, 'base64'))
  return {
    ...unreadable,
    format: 'express-session: a signed id',
    facts: [
      ['Id', `${id.length} characters; whoever has the cookie is this visitor`],
      ['Contents', 'in the app’s store'],
    ],
    secret: secrets.find(verifies)?.name ?? null,
    verifiable: true,
  }
}

function iron(text: string, { secrets, mask, now }: Around): Decoded | null {
  const seal = readIron(text)
  if (seal === null) return null
  const facts: [string, string][] = []
  if (seal.expiresAt !== null) facts.push(['Ends', when(seal.expiresAt, now)])
  for (const { name, key } of secrets) {
    const data = seal.open(key)
    if (data !== null)
      return {
        ...unreadable,
        format: 'iron: a sealed session (iron-session, h3)',
        facts,
        values: valuesOf(data, plainJson, mask),
        secret: name,
        verifiable: true,
      }
  }
  facts.push(['Contents', 'encrypted: only a secret opens them'])
  return { ...unreadable, format: 'iron: a sealed session (iron-session, h3)', facts, verifiable: true }
}

function jwt(text: string, { secrets, mask, now }: Around): Decoded | null {
  const [head = '', body = '', signature = '', ...rest] = text.split('.')
  if (rest.length > 0 || signature === '') return null
  const header = jsonOf(head)
  const claims = jsonOf(body)
  if (header === null || claims === null || typeof header['alg'] !== 'string') return null
  const facts: [string, string][] = [['Algorithm', header['alg'].slice(0, 20)]]
  for (const [claim, name] of [
    ['iat', 'Issued'],
    ['exp', 'Ends'],
  ] as const) {
    const seconds = claims[claim]
    if (typeof seconds === 'number') facts.push([name, when(seconds * 1000, now)])
  }
  const given = Buffer.from(signature, 'base64url')
  const verifies = ({ key }: NamedSecret): boolean => {
    const right = createHmac('sha256', key).update(`${head}.${body}`).digest()
    return given.length === right.length && timingSafeEqual(given, right)
  }
  const secret = header['alg'] === 'HS256' ? (secrets.find(verifies)?.name ?? null) : null
  return {
    ...unreadable,
    format: 'a JSON Web Token',
    facts,
    values: shown('', claims, mask, wide),
    secret,
    verifiable: true,
  }
}

function cookieSession(text: string, { mask }: Around): Decoded | null {
  const values = jsonOf(text)
  if (values === null) return null
  return {
    ...unreadable,
    format: 'JSON in base64, as cookie-session keeps it',
    facts: [['Signature', 'in a cookie of its own, named like this one with .sig']],
    values: shown('', values, mask, wide),
  }
}

const plainJson: Pick<Serializer, 'decode' | 'live'> = {
  decode: (data) => new Map(Object.entries(JSON.parse(data) as object)),
  live: (kept) => kept,
}

function valuesOf(data: string, serializer: Pick<Serializer, 'decode' | 'live'>, mask: RegExp): Shown | null {
  try {
    const entries = [...serializer.decode(data)]
    const values = Object.fromEntries(entries.map(([key, kept]) => [key, serializer.live(kept)]))
    return shown('', values, mask, wide)
  } catch {
    return shown('', data, mask, wide) // it is no session, but it is what the cookie says
  }
}

function jsonOf(text: string): Record<string, unknown> | null {
  if (!/^[\w+/-]+=*$/.test(text)) return null
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null // no JSON, so not this format
  }
}

function when(time: number, now: number): string {
  if (!(Math.abs(time) <= 8.64e15)) return 'at no time there is'
  const distance = lengthOfTime(Math.max(Math.abs(now - time), 1))
  const iso = new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')
  return `${iso} (${time <= now ? `${distance} ago` : `in ${distance}`})`
}
