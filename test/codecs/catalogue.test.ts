import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { deflateSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import type { CodecContext, CookieContents, SessionCodec } from '../../src/contracts/codec.ts'
import { flaskCookie } from '../../src/flask/index.ts'
import { Signer, URLSafeTimedSerializer } from '../../src/itsdangerous/index.ts'
import { fuzzRuns, fuzzTimeout, mutated, randomStream } from './mutations.ts'

// The names are those of the attack and fault catalogue: A01 and on.

const now = 1_700_000_000_000
const context: CodecContext = { cookieName: 'session', now, lifetime: 3_600_000 }
const secret = randomBytes(32)
const times = { createdAt: now, seenAt: now, expiresAt: now + 3_600_000, endsAt: now + 3_600_000 }
const clock = () => now
const b64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url')
const contentsOf = (data: string): CookieContents => ({ data, ...times })
const sessions = [
  '{}',
  '{"user":42}',
  '{"name":"Ann","roles":["a","b"]}',
  `{"text":"${'lorem ipsum '.repeat(12)}"}`,
]

type Codec = (options: { secret: never; fallbacks?: never[] }) => SessionCodec
const codecs: [string, Codec][] = [
  ['flaskCookie', flaskCookie],
  ['sealedCookie', sealedCookie],
]
const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe.each(codecs)('%s', (_, codecOf) => {
  const make = (key: unknown, ...fallbacks: unknown[]) =>
    codecOf({ secret: key as never, fallbacks: fallbacks as never[] })
  const codec = make(secret)
  const seal = (data: string, by = codec) => by.seal(contentsOf(data), context)
  const tokens = sessions.map((data) => seal(data))
  const opens = (token: string, by = codec, at = context) => by.open(token, at).ok

  test('what is sealed opens again', () => {
    sessions.forEach((data, i) => {
      expect(codec.open(tokens[i]!, context)).toMatchObject({ ok: true, stale: false, contents: { data } })
    })
  })

  test('the cookie is made of cookie characters', () => {
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_.-]+$/)
  })

  test('A01 no single changed character opens, at any position', () => {
    for (const token of tokens.slice(0, 3)) {
      for (let at = 0; at < token.length; at++) {
        for (const char of `${base64url}.=+/ é\0\n"`) {
          if (char === token[at]) continue
          const changed = token.slice(0, at) + char + token.slice(at + 1)
          if (opens(changed)) throw new Error(`opened with ${JSON.stringify(char)} at ${at}`)
        }
      }
    }
  })

  test('A02 nothing opens without its signature', () => {
    const [payload] = tokens[1]!.split('.')
    const bare = [
      '',
      '.',
      '..',
      '...',
      '....',
      payload!,
      `${payload}.`,
      `${payload}..`,
      `.${payload}`,
      `..${payload}`,
    ]
    for (const token of bare) if (token !== tokens[1]) expect(opens(token)).toBe(false)
    for (let length = 0; length < tokens[1]!.length; length++)
      expect(opens(tokens[1]!.slice(0, length))).toBe(false)
  })

  test('A03 A04 parts of one cookie do not fit into another', () => {
    const later = { ...context, now: now + 1000 }
    const all = [...tokens, codec.seal(contentsOf(sessions[1]!), later)]
    for (const one of all) {
      for (const other of all) {
        const [a, b] = [one.split('.'), other.split('.')]
        for (let part = 0; part < Math.max(a.length, b.length); part++) {
          const mixed = a.with(Math.min(part, a.length - 1), b[Math.min(part, b.length - 1)]!).join('.')
          if (!all.includes(mixed)) expect(opens(mixed, codec, later)).toBe(false)
        }
        for (const cut of [10, 40, -10, -22, -40]) {
          const mixed = one.slice(0, cut) + other.slice(cut)
          if (!all.includes(mixed)) expect(opens(mixed, codec, later)).toBe(false)
        }
      }
    }
  })

  test('A05 a signature cut short, made longer or doubled', () => {
    const token = tokens[1]!
    for (let cut = 1; cut <= 27; cut++) expect(opens(token.slice(0, -cut))).toBe(false)
    for (const more of ['A', 'AA', 'AAAA', token.slice(-27), '.', '='])
      expect(opens(token + more)).toBe(false)
    expect(opens(`${token}.${token.slice(-27)}`)).toBe(false)
  })

  test('A06 only the canonical spelling opens', () => {
    for (const token of tokens) {
      const spellings = [
        `${token}=`,
        `${token}==`,
        ` ${token}`,
        `${token}\n`,
        `"${token}"`,
        token.replaceAll('-', '+').replaceAll('_', '/'),
        `${token.slice(0, -5)}!!!!${token.slice(-5)}`,
        ...token.split('.').map((part) => token.replace(part, `${part}=`)),
        ...Array.from(base64url, (char) => token.slice(0, -1) + char),
      ]
      for (const spelling of spellings) if (spelling !== token) expect(opens(spelling)).toBe(false)
    }
  })

  test('A12 nothing in a token names a key', () => {
    for (const id of ['__proto__', 'constructor', 'toString', '1', '0', 'A'.repeat(10_000)]) {
      for (const token of [`${id}.${tokens[1]}`, `${tokens[1]}.${id}`, `${id}~${tokens[1]}`, id]) {
        expect(opens(token)).toBe(false)
      }
    }
  })

  test('A13 the secret signs, never a fallback', () => {
    const [oldest, old, current] = [randomBytes(32), randomBytes(32), randomBytes(32)]
    const token = seal('{"a":1}', make(current, oldest, old))
    expect(opens(token, make(current))).toBe(true)
    expect(opens(token, make(old))).toBe(false)
    expect(opens(token, make(oldest))).toBe(false)
  })

  test('A14 what a fallback opened is stale, and lost when the fallback goes', () => {
    const [oldest, old, current] = [randomBytes(32), randomBytes(32), randomBytes(32)]
    const rotated = make(current, oldest, old)
    for (const key of [oldest, old]) {
      const opened = rotated.open(seal('{"a":1}', make(key)), context)
      expect(opened).toMatchObject({ ok: true, stale: true, contents: { data: '{"a":1}' } })
    }
    expect(rotated.open(seal('{}', rotated), context)).toMatchObject({ ok: true, stale: false })
    expect(opens(seal('{}', make(old)), make(current))).toBe(false)
  })

  test('A15 production does not start with a weak secret, nor a weak fallback', () => {
    vi.stubEnv('NODE_ENV', 'production')
    try {
      for (const weak of [
        '',
        'dev',
        'secret',
        'keyboard cat',
        'ThisIsSecret',
        'a'.repeat(32),
        randomBytes(8),
      ]) {
        expect(() => make(weak)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_SECRET' }))
        expect(() => make(secret, weak)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_SECRET' }))
      }
      expect(opens(seal('{}', make(randomBytes(32))), codec)).toBe(false)
    } finally {
      vi.unstubAllEnvs()
    }
  })

  test('A16 text, bytes and KeyObject of one secret open the same cookies', () => {
    const text = 'Grüße, and forty more bytes of no secret'
    const token = seal('{}', make(text))
    for (const form of [
      Buffer.from(text),
      Uint8Array.from(Buffer.from(text)),
      createSecretKey(Buffer.from(text)),
    ]) {
      expect(opens(token, make(form))).toBe(true)
    }
  })

  test('E04 a cookie is dead from the millisecond its time is over', () => {
    const end = codec.open(tokens[0]!, context)
    if (!end.ok) throw new Error(end.reason)
    expect(opens(tokens[0]!, codec, { ...context, now: end.contents.expiresAt - 1 })).toBe(true)
    expect(codec.open(tokens[0]!, { ...context, now: end.contents.expiresAt })).toEqual({
      ok: false,
      reason: 'expired',
    })
    expect(codec.open(tokens[0]!, { ...context, now: now + 1e12 })).toEqual({ ok: false, reason: 'expired' })
  })

  test('R40 the codec shows no secret, whoever looks', () => {
    const text = 'a-secret-text-that-nobody-must-ever-see'
    const seen = inspect(make(text), { showHidden: true, depth: 9 }) + JSON.stringify(make(text))
    expect(seen).not.toContain(text)
  })

  test(`no changed cookie opens and none throws (${fuzzRuns} times)`, { timeout: fuzzTimeout }, () => {
    const random = randomStream(20261121)
    for (let i = 0; i < fuzzRuns; i++) {
      const token = mutated(tokens, random)
      if (opens(token)) throw new Error(`opened: ${JSON.stringify(token)}`)
    }
  })
})

describe('A10 A11 values made for another use', () => {
  test('a sealed cookie opens under its own name alone', () => {
    const codec = sealedCookie({ secret })
    const token = codec.seal(contentsOf('{}'), context)
    for (const cookieName of ['__Host-session', 'Session', 'session2', 'sessio', '']) {
      expect(codec.open(token, { ...context, cookieName })).toEqual({ ok: false, reason: 'signature' })
    }
  })

  test('a sealed cookie is not a Flask cookie, nor the reverse', () => {
    const [sealed, flask] = [sealedCookie({ secret }), flaskCookie({ secret })]
    expect(flask.open(sealed.seal(contentsOf('{}'), context), context).ok).toBe(false)
    expect(sealed.open(flask.seal(contentsOf('{}'), context), context).ok).toBe(false)
  })

  test('tokens that the same secret signed for something else are no Flask session', () => {
    const flask = flaskCookie({ secret })
    for (const salt of ['csrf-token', 'remember-me', 'flask-session', 'itsdangerous', '']) {
      const token = new URLSafeTimedSerializer(secret, { salt, keyDerivation: 'hmac', clock }).dumps({
        user: 1,
      })
      expect(flask.open(token, context)).toEqual({ ok: false, reason: 'signature' })
    }
    const own = new URLSafeTimedSerializer(secret, { salt: 'cookie-session', keyDerivation: 'hmac', clock })
    expect(flask.open(own.dumps({ user: 1 }), context)).toMatchObject({
      ok: true,
      contents: { data: '{"user":1}' },
    })
  })
})

describe('A08 only the configured algorithm is computed', () => {
  test.each([
    { digest: 'sha256' },
    { keyDerivation: 'django-concat' },
    { keyDerivation: 'concat' },
    { keyDerivation: 'none' },
  ] as const)('%o is another one', (options) => {
    const token = flaskCookie({ secret, ...options }).seal(contentsOf('{}'), context)
    expect(flaskCookie({ secret, ...options }).open(token, context).ok).toBe(true)
    expect(flaskCookie({ secret }).open(token, context)).toEqual({ ok: false, reason: 'signature' })
  })

  test('a token that names an algorithm is no token', () => {
    const header = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const codec of [flaskCookie({ secret }), sealedCookie({ secret })]) {
      expect(codec.open(`${header}.e30.`, context).ok).toBe(false)
    }
  })
})

describe('A09 nothing that is only signed, or plain, opens where cookies are sealed', () => {
  const json = Buffer.from('{"user":1}')
  const mac = createHmac('sha256', secret).update(json).digest('base64url')
  test.each([
    ['plain', json.toString('base64url')],
    ['signed', `${json.toString('base64url')}.${mac}`],
    ['signed by itsdangerous', new Signer(secret).sign(json.toString('base64url'))],
    ["Rails'", `${json.toString('base64')}--${mac}`],
    ["Rack's", encodeURIComponent(`${json.toString('base64')}--${mac}`)],
    ["cookie-session's", json.toString('base64')],
  ])('%s', (_, token) => {
    expect(sealedCookie({ secret }).open(token, context).ok).toBe(false)
  })
})

describe('sealed', () => {
  const codec = sealedCookie({ secret })

  test('its times survive', () => {
    const contents = {
      data: '{"a":"é\\ud800"}',
      createdAt: 1,
      seenAt: now - 1,
      expiresAt: now + 1,
      endsAt: 2 ** 48 - 1,
    }
    expect(codec.open(codec.seal(contents, context), context)).toEqual({ ok: true, stale: false, contents })
    expect(codec).toMatchObject({ serializer: null, keepsTimes: true, fixedName: false })
  })

  test('times beyond its six bytes move to the edge', () => {
    const contents = { data: '', createdAt: -5, seenAt: 1.9, expiresAt: Infinity, endsAt: 2 ** 52 }
    const opened = codec.open(codec.seal(contents, context), context)
    expect(opened).toMatchObject({
      contents: { createdAt: 0, seenAt: 1, expiresAt: 2 ** 48 - 1, endsAt: 2 ** 48 - 1 },
    })
  })

  test('E01 so is the end of the idle time', () => {
    const token = codec.seal({ ...contentsOf('{}'), endsAt: now + 20, expiresAt: now + 10 }, context)
    expect(codec.open(token, { ...context, now: now + 9 }).ok).toBe(true)
    expect(codec.open(token, { ...context, now: now + 10 })).toEqual({ ok: false, reason: 'expired' })
  })

  test('E02 the end of the absolute lifetime is the end', () => {
    const token = codec.seal({ ...contentsOf('{}'), endsAt: now + 10, expiresAt: now + 20 }, context)
    expect(codec.open(token, { ...context, now: now + 9 }).ok).toBe(true)
    expect(codec.open(token, { ...context, now: now + 10 })).toEqual({ ok: false, reason: 'expired' })
  })

  test('A24 each sealing is another cookie, and no nonce comes twice', () => {
    const nonces = new Set<string>()
    const rounds = 50_000
    for (let i = 0; i < rounds; i++) nonces.add(codec.seal(contentsOf('{}'), context).slice(0, 33))
    expect(nonces.size).toBe(rounds)
  })

  test('A26 the version is inside what is authenticated', () => {
    const bytes = Buffer.from(codec.seal(contentsOf('{}'), context), 'base64url')
    for (let version = 0; version < 256; version++) {
      const token = Buffer.concat([Buffer.of(version), bytes.subarray(1)]).toString('base64url')
      expect(codec.open(token, context).ok).toBe(version === 1)
    }
    expect(codec.open(bytes.subarray(1).toString('base64url'), context).ok).toBe(false)
  })

  test('a cookie is 87 characters and four for each three bytes of the session', () => {
    expect(codec.seal(contentsOf(''), context)).toHaveLength(87)
    expect(codec.seal(contentsOf('x'.repeat(300)), context)).toHaveLength(487)
  })
})

describe('Flask cookies that are authentic, yet hostile (a leaked secret)', () => {
  const signer = new Signer(secret, { salt: 'cookie-session', keyDerivation: 'hmac' })
  const codec = flaskCookie({ secret })
  const open = (payload: string, by = codec) => by.open(signer.sign(`${payload}.ZVPxAA`), context)
  const refused = { ok: false, reason: 'payload' }

  test('A18 a bomb stops at the limit', () => {
    const bomb = `.${b64(deflateSync(Buffer.from(`{"a":"${'0'.repeat(50 * 2 ** 20)}"}`)))}`
    expect(open(bomb)).toEqual(refused)
    expect(open(bomb, flaskCookie({ secret, maxInflated: 51 * 2 ** 20 })).ok).toBe(true)
    const most = `{"a":"${'0'.repeat(65_536 - 8)}"}`
    expect(open(`.${b64(deflateSync(Buffer.from(most)))}`).ok).toBe(true)
    expect(open(`.${b64(deflateSync(Buffer.from(`${most} `)))}`)).toEqual(refused)
  })

  const zipped = deflateSync(Buffer.from('{"a":"aaaaaaaaaaaaaaaa"}'))
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a truncated stream', zipped.subarray(0, -3)],
    ['a wrong checksum', Buffer.concat([zipped.subarray(0, -1), Buffer.of(zipped.at(-1)! ^ 1)])],
    ['trailing data', Buffer.concat([zipped, Buffer.of(0)])],
    ['a stream in a stream', deflateSync(zipped)],
    ['a preset dictionary', deflateSync(Buffer.from('{"a":1}'), { dictionary: Buffer.from('{"a":1}') })],
  ])('A20 %s', (_, bytes) => {
    expect(open(`.${b64(bytes)}`)).toEqual(refused)
  })

  test.each([1001, 5000, 1_000_000])('A21 %i levels', (levels) => {
    const roomy = flaskCookie({ secret, maxInflated: 20_000_000 })
    for (const [start, end] of [
      ['[', ']'],
      ['{"a":', '}'],
      ['{" t":[', ']}'],
      ['{" di":{" t__":', '}}'],
    ] as const) {
      const json = `{"x":${start.repeat(levels)}1${end.repeat(levels)}}`
      expect(open(`.${b64(deflateSync(Buffer.from(json)))}`, roomy)).toEqual(refused)
    }
  })

  test.each(['{" t":5}', '{" u":"zz"}', '{" di":7}', '{" b":"%%%"}'])('A23 the tag %s', (tag) => {
    const json = `{"x":${tag}}`
    expect(open(b64(json))).toEqual(
      tag.includes('%%%') ? { ok: true, stale: false, contents: expect.anything() } : refused,
    )
  })

  test('text that is no session', () => {
    for (const json of ['5', '"ab"', 'true', '[1]', '', '{', '{"a":\u0001}', '{} {}'])
      expect(open(b64(json))).toEqual(refused)
    expect(open(b64(Buffer.of(0x7b, 0xff, 0x7d)))).toEqual(refused)
    expect(open('A')).toEqual(refused)
  })

  test('timestamps that are none', () => {
    for (const signed of ['e30', 'e30.A', 'e30.AAAAAGVT8QA', 'e30.AQEBAQEBAQEB', 'e30.ZVPxAB', 'e30.!!!']) {
      expect(codec.open(signer.sign(signed), context)).toEqual({ ok: false, reason: 'malformed' })
    }
    expect(codec.open(signer.sign('e30.'), context)).toEqual({ ok: false, reason: 'expired' })
    expect(codec.open(signer.sign('e30.__________8'), context)).toEqual({ ok: false, reason: 'expired' })
  })

  test('whatever is signed, opening throws nothing', { timeout: fuzzTimeout }, () => {
    const random = randomStream(7)
    const below = (n: number) => Math.floor(random() * n)
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '"a"',
      '" t"',
      '" di"',
      '" d"',
      '" m"',
      '1',
      '1.5',
      '-',
      'e',
      'null',
      '\\',
      '\ud800',
    ]
    for (let i = 0; i < fuzzRuns / 10; i++) {
      const json = Array.from({ length: below(14) }, () => pieces[below(pieces.length)]!).join('')
      const bytes = random() < 0.5 ? Buffer.from(json) : deflateSync(Buffer.from(json))
      if (random() < 0.3 && bytes.length > 0) bytes[below(bytes.length)] = below(256)
      open((random() < 0.5 ? '.' : '') + b64(bytes))
    }
    expect(open(b64('{}')).ok).toBe(true)
  })
})
