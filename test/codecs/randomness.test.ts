import type * as NodeCrypto from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'

const generator = vi.hoisted(() => ({ fails: false }))

// The system's generator cannot be made to fail, so its failure is played.
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof NodeCrypto>()
  return {
    ...crypto,
    randomFillSync(buffer: Buffer) {
      if (generator.fails) throw new Error('no entropy')
      return crypto.randomFillSync(buffer)
    },
  }
})

const { randomBytes } = await import('../../src/lib/random.ts')
const { sealedCookie } = await import('../../src/codecs/sealed.ts')

afterEach(() => {
  generator.fails = false
})

test('A25 without a random source nothing is sealed, and nothing weaker is used', () => {
  const codec = sealedCookie({ secret: randomBytes(32) })
  const context = { cookieName: 'session', now: 1, lifetime: 1000 }
  const seal = () => codec.seal({ data: '{}', createdAt: 1, seenAt: 1, expiresAt: 9, endsAt: 9 }, context)
  const nonces = new Set([seal()])
  generator.fails = true
  // What was drawn before the failure may be used up; then there is no more.
  expect(() => {
    for (let i = 0; i < 1000; i++) nonces.add(seal())
  }).toThrow('no entropy')
  expect(seal).toThrow('no entropy')
  generator.fails = false
  const before = nonces.size
  for (let i = 0; i < 1000; i++) nonces.add(seal())
  expect(nonces.size).toBe(before + 1000)
})

test('random bytes are handed out once and have the asked length', () => {
  const seen = new Set<string>()
  for (let i = 0; i < 1000; i++) seen.add(randomBytes(1 + (i % 32) + 16).toString('hex'))
  expect(seen.size).toBe(1000)
  expect(randomBytes(4096)).toHaveLength(4096)
})
