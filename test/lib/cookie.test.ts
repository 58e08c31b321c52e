import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { cookieForms, cookieValues, deleteCookie, maxCookieAge, setCookie } from '../../src/lib/cookie.ts'

const read = (header: string, name = 'sid'): string[] => cookieValues(header, name, 8)

describe('reading the Cookie header', () => {
  test('finds the one cookie among others', () => {
    expect(read('a=1; sid=good; b=2')).toEqual(['good'])
    expect(read('sid=good')).toEqual(['good'])
    expect(read('a=1; b=2')).toEqual([])
    expect(read('')).toEqual([])
  })
  test('B01 keeps every cookie of the name, in order', () => {
    expect(read('sid=junk; sid=good; x=1; sid=third')).toEqual(['junk', 'good', 'third'])
  })
  test('B03 stops at the number asked for', () => {
    expect(cookieValues('sid=x; '.repeat(200), 'sid', 8)).toHaveLength(8)
  })
  test('B04 compares names exactly', () => {
    expect(read('SID=1; Sid=2; xsid=3; sidx=4; __host-sid=5')).toEqual([])
    expect(read('__HOST-sid=1; __host-sid=2', '__Host-sid')).toEqual([])
  })
  test('B05 trims spaces and tabs, and nothing else', () => {
    expect(read('sid =good')).toEqual(['good'])
    expect(read(' sid=good')).toEqual(['good'])
    expect(read('\tsid=good\t')).toEqual(['good'])
    expect(read('sid= good ')).toEqual(['good'])
    expect(read('sid=a b')).toEqual(['a b'])
    expect(read('sid=   ')).toEqual([''])
  })
  test('B06 passes over nameless cookies and bare words', () => {
    expect(read('=sid=evil')).toEqual([])
    expect(read('==sid=evil; sid; ;;;=; =')).toEqual([])
  })
  test.each(['\u2000', '\u00a0', '\u0085', '\ufeff', '\u00e2\u0080\u0080', '\v', '\f'])(
    'B07 %j before the name is no space',
    (blank) => {
      expect(read(`${blank}__Host-sid=evil`, '__Host-sid')).toEqual([])
      expect(read(`a=1; ${blank}__Host-sid=evil; __Host-sid=good`, '__Host-sid')).toEqual(['good'])
    },
  )
  test('B08 knows no RFC 2109: quotes and $ belong to the value', () => {
    expect(read('$Version=1; sid="a; b"')).toEqual(['"a'])
    expect(read('sid="good"')).toEqual(['"good"'])
    expect(read('x="; sid=evil; y="')).toEqual(['evil'])
  })
  test('finds what a plain split of the header finds', () => {
    const piece = fc.constantFrom(
      'sid',
      'sid=',
      'a=sid=1',
      'sid=v',
      ' ',
      '\t',
      ';',
      '=',
      'xsid=2',
      'sid =3',
      'sidsid=4',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const header = pieces.join('')
        const model = header
          .split(';')
          .filter((cookie) => cookie.includes('='))
          .map((cookie) => [cookie.slice(0, cookie.indexOf('=')), cookie.slice(cookie.indexOf('=') + 1)])
          .filter(([name]) => name!.replace(/^[ \t]+|[ \t]+$/g, '') === 'sid')
          .map(([, value]) => value!.replace(/^[ \t]+|[ \t]+$/g, ''))
        expect(cookieValues(header, 'sid', 100)).toEqual(model)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the cookie’s settings', () => {
  test('are safe as they come', () => {
    const { plain, secure } = cookieForms({}, false)
    expect(setCookie(secure, 'v', null, 0)).toBe('__Host-session=v; Secure; HttpOnly; Path=/; SameSite=Lax')
    expect(setCookie(plain, 'v', null, 0)).toBe('session=v; HttpOnly; Path=/; SameSite=Lax')
  })
  test('take the prefix the browser can enforce', () => {
    expect(cookieForms({ domain: 'example.com' }, false).secure.name).toBe('__Secure-session')
    expect(cookieForms({ path: '/app' }, false).secure.name).toBe('session')
    expect(cookieForms({ prefix: false }, false).secure.name).toBe('session')
    expect(cookieForms({ secure: true }, false).plain.name).toBe('__Host-session')
    expect(cookieForms({ secure: false }, false).secure.name).toBe('session')
    expect(cookieForms({}, true).secure.name).toBe('session')
    expect(cookieForms({ name: '__Host-x', secure: true }, false).secure.name).toBe('__Host-x')
  })
  test('write every attribute in Flask’s order', () => {
    const { secure } = cookieForms(
      {
        name: 'sid',
        domain: '.example.com',
        path: '/p',
        sameSite: 'Strict',
        partitioned: true,
        prefix: false,
      },
      false,
    )
    expect(setCookie(secure, 'v', 1_700_000_070_000, 1_700_000_000_000)).toBe(
      'sid=v; Domain=example.com; Expires=Tue, 14 Nov 2023 22:14:30 GMT; Secure; HttpOnly; Path=/p; SameSite=Strict; Partitioned',
    )
  })
  test('B15 the deletion repeats the attributes', () => {
    const { secure } = cookieForms({ name: 'sid', partitioned: true, sameSite: null, httpOnly: false }, false)
    expect(deleteCookie(secure)).toBe(
      '__Host-sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Secure; Path=/; Partitioned',
    )
  })
  test('a partitioned cookie is not partitioned on plain HTTP', () => {
    expect(cookieForms({ partitioned: true }, false).plain.tail).not.toContain('Partitioned')
  })
  test('B24 a life over 400 days is cut', () => {
    const line = setCookie(cookieForms({}, false).plain, 'v', 10 * maxCookieAge, 0)
    expect(line).toContain(new Date(maxCookieAge).toUTCString())
  })
  test('B11 4096 bytes of name and value pass, one more throws before anything is written', () => {
    const { plain } = cookieForms({}, false)
    const most = 'x'.repeat(4096 - 'session'.length)
    expect(setCookie(plain, most, null, 0)).toContain(most)
    expect(() => setCookie(plain, `${most}x`, null, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_COOKIE_SIZE' }),
    )
  })
  test.each([
    [{ name: 'a b' }],
    [{ name: '' }],
    [{ name: 'a=b' }],
    [{ name: 'a;b' }],
    [{ name: 'é' }],
    [{ name: 'a\r\nb' }],
    [{ path: 'app' }],
    [{ path: '/a;b' }],
    [{ path: '/a\n' }],
    [{ domain: 'a;b' }],
    [{ domain: 'exa mple.com' }],
    [{ domain: '' }],
    [{ sameSite: 'None' }],
    [{ sameSite: 'lax' }],
    [{ partitioned: true, secure: false }],
    [{ secure: 'yes' }],
    [{ name: '__Host-x' }],
    [{ name: '__Host-x', secure: true, domain: 'example.com' }],
    [{ name: '__Host-x', secure: true, path: '/a' }],
    [{ name: '__host-x', secure: true }],
    [{ name: '__Secure-x' }],
    [{ name: '__Http-x', secure: true, httpOnly: false }],
    [{ name: '__Host-Http-x', secure: true, domain: 'example.com' }],
  ])('B12 B13 %j is refused at configuration', (options) => {
    expect(() => cookieForms(options as never, false)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_CONFIG' }),
    )
  })
})
