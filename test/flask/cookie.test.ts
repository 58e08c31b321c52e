import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { CodecContext, Opened, SessionCodec } from '../../src/contracts/codec.ts'
import { flaskCookie, taggedJson } from '../../src/flask/index.ts'
import { TimestampSigner } from '../../src/itsdangerous/index.ts'
import { live, normal, secretOf, typed, vectors } from './vectors.ts'

function codecOf(vector: any, more: object = {}): SessionCodec {
  return flaskCookie({
    secret: secretOf(vector.secret),
    fallbacks: (vector.fallbacks ?? []).map(secretOf),
    salt: vector.salt,
    digest: vector.digest ?? 'sha1',
    keyDerivation: vector.key_derivation ?? 'hmac',
    ...more,
  })
}

function moment(vector: any): CodecContext {
  const lifetime = (vector.lifetime ?? 2_678_400) * 1000
  return { cookieName: 'session', now: vector.clock * 1000, lifetime }
}

/** The session inside what was opened, in the notation of the vectors. */
function sessionOf(opened: Opened, { serializer }: SessionCodec): unknown {
  if (!opened.ok) return opened.reason
  const entries = serializer!.decode(opened.contents.data)
  return typed(Object.fromEntries([...entries].map(([key, kept]) => [key, serializer!.live(kept)])))
}

const cookies = vectors.session_cookies as any[]

test.each(cookies)('reads the cookie: $name', (vector) => {
  const codec = codecOf(vector)
  const opened = codec.open(vector.cookie, moment(vector))
  if (!opened.ok) throw new Error(opened.reason)
  const { data, createdAt } = opened.contents
  expect(createHash('sha256').update(data).digest('hex')).toBe(vector.json_sha256)
  expect(Buffer.byteLength(data)).toBe(vector.json_bytes)
  expect(createdAt).toBe(Math.floor(vector.clock) * 1000)
  expect(opened.stale).toBe(false)
  expect(taggedJson.encode(codec.serializer!.decode(data))).toBe(data)
  expect(sessionOf(opened, codec)).toEqual(normal(vector.loaded))
})

// Integer keys sort as numbers in Python; in JavaScript every key is text.
test.each(cookies.filter(({ name }) => name !== 'int keys'))('writes the cookie: $name', (vector) => {
  const codec = codecOf(vector)
  const values = Object.entries(live(vector.value) as object)
  const serializer = codec.serializer!
  const data = serializer.encode(new Map(values.map(([key, value]) => [key, serializer.keep(value, key)])))
  expect(createHash('sha256').update(data).digest('hex')).toBe(vector.json_sha256)
  const token = codec.seal({ data, createdAt: 0, seenAt: 0, expiresAt: 0, endsAt: 0 }, moment(vector))
  // Zlib output, and at the boundary the decision to use it, differs between builds of zlib.
  if (vector.compressed || token.startsWith('.')) {
    expect(token.split('.').at(-2)).toBe(vector.timestamp_part)
    const opened = codec.open(token, moment(vector))
    expect(opened.ok && opened.contents.data).toBe(data)
  } else {
    expect(token).toBe(vector.cookie)
  }
})

test('of the compressed vectors nearly all are compressed here too', () => {
  const compressed = cookies.filter((vector) => vector.compressed)
  const agreeing = compressed.filter((vector) => {
    const codec = codecOf(vector)
    const opened = codec.open(vector.cookie, moment(vector))
    // Another codec seals: this one knows how the session came.
    return opened.ok && codecOf(vector).seal(opened.contents, moment(vector)).startsWith('.')
  })
  expect(agreeing.length).toBeGreaterThanOrEqual(compressed.length - 3)
})

const loads = vectors.cookie_loads as any[]

/** What Flask makes of a cookie: its session, a 500 (`payload`) or silence. */
function expected(vector: any): unknown {
  if (vector.status === 500) return 'payload'
  return vector.loads.ok ? normal(vector.session) : expect.stringMatching(/^(malformed|signature|expired)$/)
}

test.each(loads)('as Flask, if lenient: $name', (vector) => {
  const codec = codecOf(vector, { lenient: true })
  const opened = codec.open(vector.cookie, moment(vector))
  expect(sessionOf(opened, codec)).toEqual(expected(vector))
  if (vector.loads.error === 'SignatureExpired') expect(opened).toEqual({ ok: false, reason: 'expired' })
})

/** What Flask reads but never writes: M08, our deliberate differences. */
const onlyLenient = new Map([
  ['signature without change but padded', 'signature'],
  ['signature with other unused bits', 'signature'],
  ['signed: payload padded with =', 'payload'],
  ['signed: zlib with trailing bytes', 'payload'],
])

test.each(loads)('as Flask but for other spellings of the same: $name', (vector) => {
  const codec = codecOf(vector)
  const opened = codec.open(vector.cookie, moment(vector))
  expect(sessionOf(opened, codec)).toEqual(onlyLenient.get(vector.name) ?? expected(vector))
})

test('the times of a cookie: written at its timestamp, dead one second after an age of exactly the lifetime', () => {
  const codec = flaskCookie({ secret: 'not so long but long enough' })
  const at = { cookieName: 'session', now: 1_700_000_000_999, lifetime: 60_999 }
  const token = codec.seal({ data: '{}', createdAt: 1, seenAt: 2, expiresAt: 3, endsAt: 4 }, at)
  const opened = codec.open(token, at)
  expect(opened).toEqual({
    ok: true,
    stale: false,
    contents: {
      data: '{}',
      createdAt: 1_700_000_000_000,
      seenAt: 1_700_000_000_000,
      expiresAt: 1_700_000_061_000,
      endsAt: 1_700_000_061_000,
    },
  })
  expect(codec.open(token, { ...at, now: 1_700_000_060_999 }).ok).toBe(true)
  expect(codec.open(token, { ...at, now: 1_700_000_061_000 })).toEqual({ ok: false, reason: 'expired' })
  expect(codec.open(token, { ...at, now: 1_699_999_999_999 })).toEqual({ ok: false, reason: 'expired' })
})

test('it says what the engine must know', () => {
  expect(flaskCookie({ secret: 'not so long but long enough' })).toMatchObject({
    keepsTimes: false,
    fixedName: true,
  })
})

test('two cookies opened in a row are not mixed up', () => {
  const codec = flaskCookie({ secret: 'not so long but long enough' })
  const context = { cookieName: 'session', now: 1e12, lifetime: 1000 }
  const times = { createdAt: 0, seenAt: 0, expiresAt: 0, endsAt: 0 }
  const [a, b] = ['{"a":1}', '{"b":2}'].map((data) =>
    codec.open(codec.seal({ data, ...times }, context), context),
  )
  expect(sessionOf(a!, codec)).toEqual(typed({ a: 1 }))
  expect(sessionOf(b!, codec)).toEqual(typed({ b: 2 }))
  expect(sessionOf(b!, codec)).toEqual(typed({ b: 2 }))
})

test('a session that is only renewed goes out in the payload that it came in', () => {
  const secret = 'not so long but long enough'
  const times = { createdAt: 0, seenAt: 0, expiresAt: 0, endsAt: 0 }
  const context = { cookieName: 'session', now: 1e12, lifetime: 1000 }
  const signer = new TimestampSigner(secret, { salt: 'cookie-session', keyDerivation: 'hmac' })
  const data = `{"a":"${'x'.repeat(100)}"}`
  const payload = `.${deflateSync(data, { level: 1, memLevel: 1, windowBits: 9 }).toString('base64url')}`
  const own = flaskCookie({ secret })
    .seal({ data, ...times }, context)
    .split('.')[1]
  expect(`.${own}`).not.toBe(payload)
  const now = Math.floor(Date.now() / 1000) * 1000
  const token = signer.sign(payload)
  for (const lenient of [false, true]) {
    const codec = flaskCookie({ secret, lenient })
    const opened = codec.open(token, { ...context, now })
    if (!opened.ok) throw new Error(opened.reason)
    const entries = codec.serializer!.decode(opened.contents.data)
    const renewed = codec.seal(
      { data: codec.serializer!.encode(entries), ...times },
      { ...context, now: now + 1000 },
    )
    // Where any spelling of a payload is taken, it is not handed on.
    expect(renewed.startsWith(`${payload}.`)).toBe(!lenient)
    expect(renewed).not.toBe(token)
    expect(codec.open(renewed, { ...context, now: now + 1000 })).toMatchObject({
      ok: true,
      contents: { data },
    })
    const changed = codec.seal({ data: '{"a":1}', ...times }, context)
    expect(changed.split('.')[0]).toBe(Buffer.from('{"a":1}').toString('base64url'))
  }
})

test('what inflates to more than is read again is not written', () => {
  const [secret, now] = ['a-secret-of-thirty-two-bytes-xxxx1', 1_800_000_000_000]
  const context = { cookieName: 'session', now, lifetime: 60_000 }
  const sealed = (codec: SessionCodec, length: number): Opened => {
    const data = JSON.stringify({ text: 'a'.repeat(length - '{"text":""}'.length) })
    return codec.open(
      codec.seal({ data, createdAt: 0, seenAt: 0, expiresAt: 0, endsAt: 0 }, context),
      context,
    )
  }
  const codec = flaskCookie({ secret })
  expect(sealed(codec, 65_536).ok).toBe(true)
  const tooMuch = expect.objectContaining({
    code: 'ERR_SESSION_SIZE',
    message: expect.stringContaining('65536'),
  })
  expect(() => sealed(codec, 65_537)).toThrow(tooMuch)
  expect(sealed(flaskCookie({ secret, maxInflated: 100_000 }), 65_537).ok).toBe(true)
})
