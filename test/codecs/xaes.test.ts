import { expect, test } from 'vitest'
import { xaesWithKey } from '../../src/codecs/xaes.ts'

// The specification's vectors (c2sp.org/XAES-256-GCM): key byte, plaintext, associated data, ciphertext with tag.
const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
const published = [
  [1, 'XAES-256-GCM', '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
  [3, 'XAES-256-GCM', 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
] as const

test.each(published)('agrees with the specification (key of %i)', (byte, plain, bound, sealed) => {
  const cipher = xaesWithKey(Buffer.alloc(32, byte))
  const box = cipher.encrypt(nonce, Buffer.from(plain), Buffer.from(bound))
  expect(box.toString('hex')).toBe(nonce.toString('hex') + sealed)
  expect(cipher.decrypt(box, Buffer.from(bound))?.toString()).toBe(plain)
  expect(cipher.decrypt(box, Buffer.from(`${bound}x`))).toBeNull()
})

test('the same again after other messages: no state is left behind', () => {
  const cipher = xaesWithKey(Buffer.alloc(32, 1))
  cipher.encrypt(Buffer.alloc(24, 9), Buffer.from('another'), Buffer.alloc(0))
  const box = cipher.encrypt(nonce, Buffer.from('XAES-256-GCM'), Buffer.alloc(0))
  expect(box.subarray(24).toString('hex')).toBe(published[0][3])
})
