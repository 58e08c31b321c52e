import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cacheControlForCookie,
  isOfThePage,
  varyWithCookie,
  withSetCookie,
} from '../../src/lib/response-headers.ts'

describe('Vary', () => {
  it.each([
    [undefined, 'Cookie'],
    [null, 'Cookie'],
    ['', 'Cookie'],
    ['Accept-Encoding', 'Accept-Encoding, Cookie'],
    ['Accept-Encoding,Origin', 'Accept-Encoding, Origin, Cookie'],
    ['cookie', 'cookie'],
    ['Origin, COOKIE', 'Origin, COOKIE'],
    ['*', '*'],
    ['Origin, *', 'Origin, *'],
    [['Accept-Encoding', 'Origin'], 'Accept-Encoding, Origin, Cookie'],
    [['Accept-Encoding', 'Cookie'], 'Accept-Encoding, Cookie'],
    ['Cookie-Consent', 'Cookie-Consent, Cookie'],
    [', ,Origin,', 'Origin, Cookie'],
  ])('%j becomes %j', (current, expected) => {
    expect(varyWithCookie(current)).toBe(expected)
  })

  it('names Cookie once, however often it is asked', () => {
    const name = fc.constantFrom('Accept', 'Origin', 'cookie', 'Cookie', '*', 'Cookies')
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const once = varyWithCookie(names)
        expect(varyWithCookie(once)).toBe(once)
        expect(once.split(', ')).toEqual(
          names.some((n) => n === '*' || n.toLowerCase() === 'cookie') ? names : [...names, 'Cookie'],
        )
      }),
    )
  })
})

describe('Cache-Control beside a session cookie', () => {
  it.each([
    [undefined, 'no-store'],
    ['', 'no-store'],
    ['no-store', 'no-store'],
    ['public, no-store', 'public, no-store'],
    ['NO-STORE, max-age=0', 'NO-STORE, max-age=0'],
    ['private', 'private'],
    ['private, max-age=60', 'private, max-age=60'],
    [['private', 'max-age=60'], 'private, max-age=60'],
    ['private, s-maxage=60', 'private, no-store'],
    ['private, public', 'private, no-store'],
    ['private="set-cookie, x-user"', 'private="set-cookie, x-user", no-store'],
    ['public, s-maxage=600', 'no-store'],
    ['Public', 'no-store'],
    ['max-age=60, stale-while-revalidate=30, immutable', 'no-store'],
    ['no-cache', 'no-cache, no-store'],
    ['no-cache, must-revalidate, max-age=0', 'no-cache, must-revalidate, no-store'],
    ['public, max-age=5, no-transform', 'no-transform, no-store'],
    ['x="no-store"', 'x="no-store", no-store'],
    ['x="a, no-store, b", public', 'x="a, no-store, b", no-store'],
    ['x="unclosed, public', 'x="unclosed, no-store'],
  ])('%j becomes %j', (current, expected) => {
    expect(cacheControlForCookie(current)).toBe(expected)
  })
})

describe('Set-Cookie', () => {
  it.each([
    [undefined, ['sid=new; Path=/']],
    ['a=1', ['a=1', 'sid=new; Path=/']],
    [
      ['b=2', 'a=1'],
      ['b=2', 'a=1', 'sid=new; Path=/'],
    ],
    [
      ['b=2', 'sid=old', 'a=1'],
      ['b=2', 'a=1', 'sid=new; Path=/'],
    ],
    [
      ['sid2=x', 'xsid=y', 'SID=z'],
      ['sid2=x', 'xsid=y', 'SID=z', 'sid=new; Path=/'],
    ],
  ])('%j is completed to %j', (current, expected) => {
    const before = structuredClone(current)
    expect(withSetCookie(current, 'sid=new; Path=/')).toEqual(expected)
    expect(current).toEqual(before)
  })
})

describe('headers of a page', () => {
  it.each([
    'content-length',
    'Content-Type',
    'content-encoding',
    'ETag',
    'cache-control',
    'Transfer-Encoding',
  ])('%s goes with its page', (name) => expect(isOfThePage(name)).toBe(true))
  it.each([
    'content-security-policy',
    'Content-Security-Policy-Report-Only',
    'vary',
    'set-cookie',
    'x-etag',
    'location',
  ])('%s stays', (name) => expect(isOfThePage(name)).toBe(false))
})
