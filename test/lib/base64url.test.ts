import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../src/lib/base64url.ts'
import { decodePythonBase64 } from '../../src/lib/python-base64.ts'
import { decodeBase64 } from '../../src/itsdangerous/base64.ts'
import { vectors } from '../flask/vectors.ts'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

test.each(vectors.base64.encode as { hex: string; b64: string }[])(
  'writes $hex as "$b64"',
  ({ hex, b64 }) => {
    expect(encodeBase64url(bytes(hex))).toBe(b64)
    expect(decodeBase64url(b64)?.toString('hex')).toBe(hex)
  },
)

test('writes a view of a larger buffer', () => {
  expect(encodeBase64url(bytes('006100').subarray(1, 2))).toBe('YQ')
})

test.each(vectors.base64.decode as { input: string; hex?: string }[])(
  'reads $input as Python does when asked to, else only if canonical',
  ({ input, hex }) => {
    expect(decodeBase64(input, true)?.toString('hex') ?? null).toBe(hex ?? null)
    const canonical = hex !== undefined && encodeBase64url(bytes(hex)) === input
    expect(decodeBase64url(input)?.toString('hex') ?? null).toBe(canonical ? hex : null)
  },
)

test('every text has at most one reading that writes it again', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...Array.from('AQgwx-_+/=\n !é')), maxLength: 9 }),
      (text) => {
        const read = decodeBase64url(text)
        if (read !== null) expect(encodeBase64url(read)).toBe(text)
      },
    ),
    { numRuns: 5000 },
  )
})

test('what was written is read, strictly and leniently', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (value) => {
      expect(Uint8Array.from(decodeBase64url(encodeBase64url(value))!)).toEqual(value)
      const padded = Buffer.from(Buffer.from(value).toString('base64'))
      expect(Uint8Array.from(decodePythonBase64(padded, 'standard')!)).toEqual(value)
    }),
  )
})

test('the standard alphabet skips what only the other one has', () => {
  expect(decodePythonBase64(Buffer.from('-_8='), 'standard')).toBeNull()
  expect(decodePythonBase64(Buffer.from('-_8='), 'urlSafe')?.toString('hex')).toBe('fbff')
})
