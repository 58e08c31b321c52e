import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { gzipSync, deflateRawSync, deflateSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { SessionError } from '../../src/errors.ts'
import { float, isFloat, markup, tuple, uuid } from '../../src/flask/index.ts'
import {
  BadData,
  BadPayload,
  BadSignature,
  BadTimeSignature,
  SignatureExpired,
  Signer,
  TimestampSigner,
  URLSafeSerializer,
  URLSafeTimedSerializer,
} from '../../src/itsdangerous/index.ts'
import { fuzzRuns, fuzzTimeout, mutated, randomStream } from '../codecs/mutations.ts'

const secret = randomBytes(32)
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

afterEach(() => {
  vi.unstubAllEnvs()
})

function thrown(work: () => unknown): any {
  try {
    work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('separators', () => {
  test.each(['', 'a', '-', '_', '=', 'abc', '-_='])(
    '"%s" could be part of a signature, so it is refused',
    (sep) => {
      expect(thrown(() => new Signer(secret, { sep })).code).toBe('ERR_SESSION_CONFIG')
    },
  )

  test.each(['.', ':', '..', '~x', 'é', '/'])('"%s" separates text and bytes alike', (sep) => {
    const signer = new Signer(secret, { sep })
    const signed = signer.sign(`va${sep}lué`)
    expect(signer.unsign(signed)).toBe(`va${sep}lué`)
    expect(Buffer.from(signer.sign(Buffer.from(`va${sep}lué`))).toString()).toBe(signed)
    const dated = new TimestampSigner(secret, { sep })
    expect(Buffer.from(dated.unsign(Buffer.from(dated.sign('é')))).toString()).toBe('é')
  })
})

test.each([{ digest: 'md5' }, { keyDerivation: 'scrypt' }, { keyDerivation: 'toString' }])(
  'A08 %o is no choice',
  (options) => {
    expect(thrown(() => new Signer(secret, options as never)).code).toBe('ERR_SESSION_CONFIG')
  },
)

test('A08 only the configured digest, derivation and salt verify', () => {
  const digests = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const
  const derivations = ['hmac', 'django-concat', 'concat', 'none'] as const
  const signers = digests.flatMap((digest) =>
    derivations.flatMap((keyDerivation) =>
      (keyDerivation === 'none' ? ['a'] : ['a', 'b']).map(
        (salt) => new Signer(secret, { digest, keyDerivation, salt }),
      ),
    ),
  )
  signers.forEach((one) => {
    const signed = one.sign('value')
    expect(signers.filter((other) => other.validate(signed))).toEqual([one])
  })
})

test('a salt may be bytes, and a secret of each form gives the same signature', () => {
  const text = 'not only a secret but also a text'
  const expected = new Signer(text, { salt: 'é' }).sign('v')
  expect(new Signer(Buffer.from(text), { salt: Buffer.from('é') }).sign('v')).toBe(expected)
})

describe('secrets', () => {
  test.each([[''], [[]], [undefined], [['']]])('%j is refused', (none) => {
    expect(thrown(() => new Signer(none as never)).code).toBe('ERR_SESSION_SECRET')
  })

  test('a published one is refused in production', () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(thrown(() => new URLSafeTimedSerializer(['secret', secret])).code).toBe('ERR_SESSION_SECRET')
  })

  test('A13 the newest of a list signs, each of them verifies', () => {
    const [old, current] = [randomBytes(32), randomBytes(32)]
    const signed = new Signer([old, current]).sign('value')
    expect(new Signer(current).validate(signed)).toBe(true)
    expect(new Signer(old).validate(signed)).toBe(false)
    expect(new Signer([old, current]).validate(new Signer(old).sign('value'))).toBe(true)
  })
})

describe('what errors carry', () => {
  const clock = { now: 1_700_000_000_000 }
  const signer = new TimestampSigner(secret, { clock: () => clock.now })
  const signed = signer.sign('user-42')

  test('all are BadData and SessionErrors, each of its own name', () => {
    for (const [kind, error] of Object.entries({
      BadSignature: thrown(() => signer.unsign('no separator')),
      BadTimeSignature: thrown(() => signer.unsign(`${signed}x`)),
      SignatureExpired: thrown(() => signer.unsign(signed, { maxAge: -1 })),
      BadPayload: thrown(() =>
        new URLSafeSerializer(secret).loads(new Signer(secret, { salt: 'itsdangerous' }).sign('A')),
      ),
    })) {
      expect(error).toBeInstanceOf(BadData)
      expect(error).toBeInstanceOf(SessionError)
      expect(error.name).toBe(kind)
      expect(error.code).toBe('ERR_SESSION_FOREIGN')
    }
  })

  test('the value that was split off, and the time it names', () => {
    const bad = thrown(() => signer.unsign(`${signed.slice(0, -1)}x`))
    expect(bad).toBeInstanceOf(BadTimeSignature)
    expect(bad).not.toBeInstanceOf(SignatureExpired)
    expect(bad.payload).toBe('user-42')
    expect(bad.dateSigned).toEqual(new Date(clock.now))
    expect(thrown(() => signer.unsign('nothing')).payload).toBeNull()
    expect(thrown(() => signer.unsign(Buffer.from('a.b.c'))).payload).toEqual(
      Uint8Array.from(Buffer.from('a')),
    )
    expect(thrown(() => new Signer(secret).unsign('a.b.c')).payload).toBe('a.b')
  })

  test('an old signature, or one from the future, is expired and names its time', () => {
    const later = new TimestampSigner(secret, { clock: () => clock.now + 61_000 })
    const old = thrown(() => later.unsign(signed, { maxAge: 60 }))
    expect(old).toBeInstanceOf(SignatureExpired)
    expect(old).toMatchObject({ payload: 'user-42', dateSigned: new Date(clock.now) })
    expect(old.message).toContain('61 seconds old')
    const earlier = new TimestampSigner(secret, { clock: () => clock.now - 1 })
    expect(thrown(() => earlier.unsign(signed, { maxAge: 60 })).message).toContain('future')
    expect(earlier.unsign(signed)).toBe('user-42')
  })

  test('after the year 9999 there is no Date', () => {
    const far = new TimestampSigner(secret, { clock: () => 253_402_300_800_000 })
    expect(far.unsignDated(far.sign('x'))).toEqual({ value: 'x', dateSigned: null })
  })

  test('timestamps that are malformed or not there, under a good signature', () => {
    const plain = new Signer(secret)
    for (const text of ['none', 'x.A', 'x.AAAAAGVT8QA', 'x.AQEBAQEBAQEB', 'x.!!!', 'x.ZVPxAB']) {
      expect(thrown(() => signer.unsign(plain.sign(text)))).toMatchObject({
        name: 'BadTimeSignature',
        dateSigned: null,
      })
    }
  })

  test('R40 no message and no inspection shows what was signed', () => {
    const error = thrown(() => signer.unsign(`${signed}x`))
    expect(inspect(error)).not.toContain('user-42')
    expect(inspect(error)).not.toContain(signed.split('.').at(-1))
    expect(JSON.stringify(error)).not.toContain('user-42')
    expect(inspect(new URLSafeTimedSerializer(secret), { showHidden: true, depth: 9 })).not.toContain(
      secret.toString('hex').slice(0, 8),
    )
  })
})

describe('payloads under a good signature', () => {
  const signer = new Signer(secret, { salt: 'itsdangerous' })
  const strict = new URLSafeSerializer(secret, { maxInflated: 1000 })
  const lenient = new URLSafeSerializer(secret, { lenient: true })
  const json = Buffer.from('{"a":1}')

  const bad: [string, string][] = [
    ['not base64', 'A'],
    ['not UTF-8', b64(Buffer.from([0x22, 0xff, 0x22]))],
    ['not JSON', b64(Buffer.from('{"a":1'))],
    ['not zlib', `.${b64(json)}`],
    ['gzip', `.${b64(gzipSync(json))}`],
    ['raw deflate', `.${b64(deflateRawSync(json))}`],
    ['a truncated stream', `.${b64(deflateSync(json).subarray(0, -1))}`],
    ['a wrong checksum', `.${b64(Buffer.concat([deflateSync(json).subarray(0, -1), Buffer.of(0xee)]))}`],
    ['a preset dictionary', `.${b64(deflateSync(json, { dictionary: Buffer.from('{"a":') }))}`],
    ['too much', `.${b64(deflateSync(Buffer.from(JSON.stringify('x'.repeat(1000)))))}`],
  ]
  test.each(bad)('A20 %s is a BadPayload, which is no BadSignature', (_, payload) => {
    const error = thrown(() => strict.loads(signer.sign(payload)))
    expect(error).toBeInstanceOf(BadPayload)
    expect(error).not.toBeInstanceOf(BadSignature)
    expect(error.originalError).toBe(error.cause ?? null)
  })

  test('as much as is allowed is read', () => {
    const text = 'x'.repeat(998)
    expect(strict.loads(strict.dumps(text))).toBe(text)
  })

  test('what Flask never writes needs `lenient`', () => {
    const padded = signer.sign(`${b64(Buffer.from('{"ab":1}'))}=`)
    const trailed = signer.sign(`.${b64(Buffer.concat([deflateSync(json), Buffer.from('xx')]))}`)
    for (const token of [padded, trailed]) {
      expect(thrown(() => strict.loads(token))).toBeInstanceOf(BadPayload)
      expect(lenient.loads(token)).toBeTypeOf('object')
    }
  })
})

describe('values', () => {
  const serializer = new URLSafeTimedSerializer(secret, { clock: () => 5000 })

  const text = (value: unknown) => Buffer.from(serializer.dumps(value).split('.')[0]!, 'base64url').toString()

  test('JSON as Python writes it', () => {
    expect(text({ é: 1e-7, b: [NaN, Infinity, -Infinity], a: 2n ** 70n })).toBe(
      '{"é":1e-07,"b":[NaN,Infinity,-Infinity],"a":1180591620717411303424}',
    )
    expect(text([tuple(1, tuple()), float(1), markup('<b>'), null, '\x7f\n'])).toBe(
      '[[1,[]],1.0,"<b>",null,"\x7f\\n"]',
    )
  })

  test.each([
    new Date(0),
    new Uint8Array(1),
    uuid('0'.repeat(32)),
    new Map(),
    () => 1,
    undefined,
    Symbol('x'),
  ])('%s has no form', (value) => {
    expect(thrown(() => serializer.dumps({ deep: [value] }))).toMatchObject({
      code: 'ERR_SESSION_VALUE',
      message: expect.stringContaining('value.deep[0] is'),
    })
  })

  test('numbers come back as Python has them, or as the given JSON has them', () => {
    const token = serializer.dumps({ f: float(1), i: 1, big: 2n ** 64n, nan: NaN })
    const loaded = serializer.loads(token) as Record<string, unknown>
    expect(isFloat(loaded.f)).toBe(true)
    expect(loaded).toMatchObject({ i: 1, big: 2n ** 64n, nan: NaN })
    const plain = new URLSafeTimedSerializer(secret, { json: JSON })
    expect(plain.loads(plain.dumps({ f: 1.5 }))).toEqual({ f: 1.5 })
    expect(thrown(() => plain.dumps(undefined)).code).toBe('ERR_SESSION_VALUE')
    expect(thrown(() => plain.loads(token))).toBeInstanceOf(BadPayload)
  })

  test('loadsDated tells when', () => {
    expect(serializer.loadsDated(serializer.dumps('x'))).toEqual({ value: 'x', dateSigned: new Date(5000) })
  })
})

test('text with a lone surrogate is not signed, and not taken for the replacement character', () => {
  const signer = new Signer(secret)
  expect(thrown(() => signer.sign('\ud800')).code).toBe('ERR_SESSION_VALUE')
  const signed = signer.sign('\ufffd')
  expect(signer.validate(signed.replace('\ufffd', '\ud800'))).toBe(false)
})

test('whatever is signed comes back', () => {
  const signer = new TimestampSigner(secret)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, bytes) => {
      expect(signer.unsign(signer.sign(text))).toBe(text)
      expect(signer.unsign(signer.sign(bytes))).toEqual(bytes)
    }),
  )
})

test(
  `no changed token verifies, and none makes another error than BadData (${fuzzRuns} times)`,
  { timeout: fuzzTimeout },
  () => {
    const serializer = new URLSafeTimedSerializer(secret, { clock: () => 1_700_000_000_000 })
    const tokens = [1, 'text', { user: 42, name: 'x'.repeat(60) }, [1, 2, 3]].map((value) =>
      serializer.dumps(value),
    )
    const random = randomStream(20260111)
    for (let i = 0; i < fuzzRuns; i++) {
      const token = mutated(tokens, random)
      const error = thrown(() => serializer.loads(token, { maxAge: 60 }))
      if (!(error instanceof BadData)) throw new Error(`${JSON.stringify(token)}: ${error}`)
    }
  },
)
