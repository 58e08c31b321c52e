import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { SessionError } from '../../src/errors.ts'
import { readSecret, readSecrets, weakness } from '../../src/lib/secret.ts'

const use = { owner: 'sealedCookie', minBytes: 32 }

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

function refusal(work: () => unknown): SessionError {
  try {
    work()
  } catch (error) {
    return error as SessionError
  }
  throw new Error('was not refused')
}

describe('A15 a weak or published secret', () => {
  const weak: [string, string | Uint8Array][] = [
    ['dev', 'dev'],
    ['secret', 'secret'],
    ['another case, punctuation and digits', 'Secret_Key-1234'],
    ['supersecretkey', 'supersecretkey'],
    ['ThisIsSecret', 'ThisIsSecret'],
    ['keyboard cat', 'keyboard cat'],
    ['changeme', 'changeme'],
    ["Superset's first default", '\x02\x01thisismyscretkey\x01\x02\\e\\y\\y\\h'],
    ["Superset's second default", 'CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET'],
    ["Flask's documentation, bytes", Buffer.from('_5#y2L"F4Q8z\n\xec]/', 'latin1')],
    ["Flask's documentation, text", '192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf'],
    ["a README's", 'complex_password_at_least_32_characters_long'],
    ['8 bytes', randomBytes(8)],
    ['32 times a', 'a'.repeat(32)],
    ['a word repeated', 'passwordpasswordpasswordpassword'],
    ['digits repeated', '12345678901234567890123456789012'],
    ['counted up', Uint8Array.from({ length: 48 }, (_, i) => i)],
    ['the alphabet', 'abcdefghijklmnopqrstuvwxyz0123456789'],
  ]

  test.each(weak)('is refused in production: %s', (_, secret) => {
    vi.stubEnv('NODE_ENV', 'production')
    const error = refusal(() => readSecret(secret, 'secret', use))
    expect(error).toMatchObject({ name: 'SessionError', code: 'ERR_SESSION_SECRET' })
    expect(error.message).toContain('npx hipflask secret')
    expect(error.message).toContain('randomBytes(32)')
    if (typeof secret === 'string' && secret.length > 8) expect(inspect(error)).not.toContain(secret)
  })

  test.each([undefined, null, 42, {}, ['a']])('%s is refused anywhere', (secret) => {
    expect(refusal(() => readSecret(secret as never, 'secret', use)).code).toBe('ERR_SESSION_SECRET')
  })

  test.each(['', new Uint8Array(), createSecretKey(Buffer.alloc(0))])(
    'an empty one is refused anywhere',
    (secret) => {
      expect(refusal(() => readSecret(secret, 'secret', use)).message).toContain('empty')
    },
  )

  test('is warned about once elsewhere, and the secret is not told', async () => {
    vi.resetModules()
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const fresh = await import('../../src/lib/secret.ts')
    fresh.readSecret('mysupersecretsecret', 'secret', use)
    fresh.readSecret('changeme', 'secret', use)
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]![1]).toEqual({ code: 'HIPFLASK_WEAK_SECRET' })
    expect(warn.mock.calls[0]![0]).toContain('sealedCookie: `secret` has 19 bytes where 32 are needed')
    expect(warn.mock.calls[0]![0]).not.toContain('mysupersecretsecret')
  })

  test('the fallbacks are looked at too', () => {
    vi.stubEnv('NODE_ENV', 'production')
    const error = refusal(() => readSecrets(randomBytes(32), [randomBytes(32), 'dev'], use))
    expect(error.message).toContain('`fallbacks[1]`')
    expect(refusal(() => readSecrets(randomBytes(32), 'dev' as never, use)).message).toContain('array')
  })
})

test('random secrets of every usual spelling are good', () => {
  const spellings: ((bytes: Buffer) => string | Uint8Array)[] = [
    (bytes) => bytes,
    (bytes) => bytes.toString('hex'),
    (bytes) => bytes.toString('base64url'),
    (bytes) => bytes.subarray(0, 16).toString('hex'),
  ]
  fc.assert(
    fc.property(fc.constantFrom(...spellings), (spell) => {
      expect(weakness(Buffer.from(spell(randomBytes(32))), 32)).toBeNull()
      expect(weakness(randomBytes(16), 16)).toBeNull()
    }),
    { numRuns: 2000 },
  )
})

test('keys come in the order they are tried: the secret, then the fallbacks from the newest', () => {
  const [a, b, c] = [randomBytes(32), randomBytes(32), randomBytes(32)]
  expect(readSecrets(a, [b, c], use).map((key) => key.export())).toEqual([a, c, b])
  expect(readSecrets(a, undefined, use)).toHaveLength(1)
})

test('A16 text, bytes and KeyObject of the same bytes are the same secret', () => {
  const text = randomBytes(24).toString('base64')
  const forms = [
    text,
    Buffer.from(text),
    Uint8Array.from(Buffer.from(text)),
    createSecretKey(Buffer.from(text)),
  ]
  for (const form of forms) expect(readSecret(form, 'secret', use).export().toString()).toBe(text)
})

test('a key pair is no secret', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  expect(refusal(() => readSecret(privateKey, 'secret', use)).code).toBe('ERR_SESSION_SECRET')
})

test('R40 the key that comes out shows nothing, whoever looks', () => {
  const secret = randomBytes(32).toString('base64url')
  const key = readSecret(secret, 'secret', use)
  const seen = [inspect(key, { showHidden: true, depth: 9 }), JSON.stringify({ key })].join()
  expect(seen).not.toContain(secret)
  expect(seen).not.toContain(Buffer.from(secret).toString('hex'))
})
