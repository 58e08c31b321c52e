import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import { decode, type Decoded } from '../../src/inspector/decode.ts'
import { namedSecrets } from '../../src/inspector/secrets.ts'
import { defaultMask, line } from '../../src/inspector/shown.ts'
import { Signer, URLSafeSerializer, URLSafeTimedSerializer } from '../../src/itsdangerous/index.ts'
import { recordId } from '../../src/lib/id.ts'
import { secretOf, vectors } from '../flask/vectors.ts'
import { lab } from '../engine/visitor.ts'

const current = 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA'
const older = 'aJ5gF0dH6bL3sY9kT1rZ7vQx4N2m8WpC'
const now = 1_800_000_000_000

function read(pasted: string, secrets: Record<string, any> = { current, older }): Decoded {
  return decode(pasted, {
    secrets: namedSecrets(secrets),
    mask: defaultMask,
    now,
    cookieNames: ['__Host-session', 'session'],
  })
}

describe('hipflask', () => {
  test('an id leads to its record, and is not shown', async () => {
    const app = lab()
    await app.request((s) => s.set('a', 1))
    const token = app.jar!.split('=')[1]!
    const decoded = read(app.jar!)
    expect(decoded).toMatchObject({
      format: expect.stringContaining('id of a stored session'),
      record: recordId(token),
      verifiable: false,
    })
    expect(JSON.stringify(decoded)).not.toContain(token)
  })

  test('in production a weak secret is passed over, not a reason to fail', async () => {
    const app = lab({ codec: sealedCookie({ secret: current }) })
    await app.request((s) => s.set('a', 1))
    vi.stubEnv('NODE_ENV', 'production')
    try {
      expect(read(app.jar!, { weak: 'dev', current })).toMatchObject({ secret: 'current' })
    } finally {
      vi.unstubAllEnvs()
    }
  })

  test('a sealed cookie opens with its secret only, and only then shows anything', async () => {
    const app = lab({ codec: sealedCookie({ secret: older }) })
    await app.request((s) => Object.assign(s, { name: 'Ann', password: 'hunter2' }))
    const opened = read(app.jar!)
    expect(opened).toMatchObject({
      format: expect.stringContaining('sealed'),
      secret: 'older',
      verifiable: true,
    })
    expect(line(opened.values!)).toBe('{name: "Ann", password: ••••••}')
    expect(opened.facts.map(([name]) => name)).toEqual(['Cookie', 'Born', 'Written', 'Ends'])
    const closed = read(app.jar!, { current })
    expect(closed).toMatchObject({ secret: null, values: null, verifiable: true })
  })
})

describe('Flask and itsdangerous', () => {
  test('every golden cookie of Flask is known, and verified by its secret', () => {
    for (const {
      cookie,
      secret,
      fallbacks,
      salt,
      digest,
      key_derivation: derivation,
      clock,
      name,
    } of vectors.session_cookies) {
      if (salt !== 'cookie-session' || digest !== 'sha1' || derivation !== 'hmac' || clock < 1_000_000_000)
        continue
      if (secretOf(secret).length === 0) continue
      const decoded = read(cookie, { wrong: older, right: secretOf(secret) })
      expect(decoded.secret, name).toBe('right')
      expect(decoded.format, name).toBe('Flask: a signed session')
      expect(decoded.facts[0]![1], name).toContain(new Date(clock * 1000).toISOString().slice(0, 10))
      expect(decoded.values, name).not.toBeNull()
      expect(fallbacks ?? [], name).toBeDefined()
    }
  })

  test('without a secret the values are read all the same, unverified', () => {
    const { cookie } =
      vectors.session_cookies.find(({ name }: any) => name.includes('compressed')) ??
      vectors.session_cookies[1]
    expect(read(cookie, {})).toMatchObject({ secret: null, verifiable: true, values: { type: 'object' } })
  })

  test('serializers and signers, by their defaults', () => {
    const clock = (): number => now - 60_000
    expect(read(new URLSafeTimedSerializer(current, { clock }).dumps({ id: 5 }))).toMatchObject({
      format: 'itsdangerous: URLSafeTimedSerializer',
      secret: 'current',
      facts: [['Signed', expect.stringContaining('(1 minute ago)')], expect.anything()],
    })
    expect(read(new URLSafeSerializer(older).dumps({ id: 5 }))).toMatchObject({
      format: 'itsdangerous: URLSafeSerializer',
      secret: 'older',
    })
    const sid = new Signer(current, { salt: 'flask-session', keyDerivation: 'hmac' }).sign('s1d')
    expect(read(`session=${sid}; Path=/`)).toMatchObject({
      format: 'Flask-Session: a signed id',
      secret: 'current',
    })
  })
})

describe('others', () => {
  test('express-session', () => {
    const id = 'Q2hvb3NlIHlvdXIgd29yZHM'
    const value = encodeURIComponent(
      `s:${id}.${createHmac('sha256', older).update(id).digest('base64').replace(/=+$/, '')}`,
    )
    const decoded = read(`Set-Cookie: connect.sid=${value}; Path=/; HttpOnly`)
    expect(decoded).toMatchObject({ format: 'express-session: a signed id', secret: 'older' })
    expect(JSON.stringify(decoded)).not.toContain(id)
    expect(read(value, { current })).toMatchObject({ secret: null, verifiable: true })
  })

  test('iron, sealed as its format says', () => {
    const [salt, macSalt, iv] = [
      randomBytes(32).toString('hex'),
      randomBytes(32).toString('hex'),
      randomBytes(16),
    ]
    for (const rounds of [1, 8192]) {
      const key = (from: string): Buffer => pbkdf2Sync(older, from, rounds, 32, 'sha1')
      const cipher = createCipheriv('aes-256-cbc', key(salt), iv)
      const text = Buffer.concat([cipher.update('{"user":"ann"}'), cipher.final()]).toString('base64url')
      const signed = `Fe26.2**${salt}*${iv.toString('base64url')}*${text}*${now + 3_600_000}`
      const mac = createHmac('sha256', key(macSalt)).update(signed).digest('base64url')
      const decoded = read(`${signed}*${macSalt}*${mac}~2`)
      expect(decoded).toMatchObject({
        secret: 'older',
        facts: [['Ends', expect.stringContaining('in 1 hour')]],
      })
      expect(line(decoded.values!)).toBe('{user: "ann"}')
      expect(read(`${signed}*${macSalt}*${mac}`, { current })).toMatchObject({ secret: null, values: null })
    }
  })

  test('JSON Web Tokens and cookie-session', () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'ann', exp: now / 1000 + 60 })}`
    const signature = createHmac('sha256', current).update(signed).digest('base64url')
    expect(read(`${signed}.${signature}`)).toMatchObject({ format: 'a JSON Web Token', secret: 'current' })
    expect(read(`${signed}.${signature.slice(0, -2)}AA`)).toMatchObject({ secret: null })
    expect(line(read(Buffer.from('{"views":3}').toString('base64')).values!)).toBe('{views: 3}')
  })

  test('anything else is said to be unknown, and nothing makes it throw', () => {
    expect(read('hello').format).toBe('unknown')
    const pasted = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .array(
          fc.constantFrom(
            'Fe26.2*',
            '.',
            's:',
            '%',
            '=',
            'eyJhIjoxfQ',
            '*',
            ';',
            'A'.repeat(27),
            'AQ',
            '-',
            '\u2028',
          ),
        )
        .map((parts) => parts.join('')),
      fc
        .constantFrom(...vectors.session_cookies.map(({ cookie }: any) => cookie as string))
        .chain((cookie) =>
          fc.nat(cookie.length).map((at) => `${cookie.slice(0, at)}A${cookie.slice(at + 1)}`),
        ),
    )
    fc.assert(
      fc.property(pasted, (text) => {
        expect(typeof read(text).format).toBe('string')
      }),
      { numRuns: 500, seed: 20260102 },
    )
  })
})
