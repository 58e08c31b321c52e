import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Kept, Serializer } from '../../src/contracts/serializer.ts'
import { SessionError } from '../../src/errors.ts'
import { float, markup, tuple, uuid } from '../../src/flask/index.ts'
import { cachelibJson, cachelibPickle, cachelibRedis } from '../../src/serializers/cachelib.ts'
import { flaskJson, flaskMsgpack } from '../../src/serializers/flask-session.ts'
import { vectors } from '../flask/vectors.ts'
import * as any from './arbitrary.ts'
import { live, typed } from './typed.ts'
import type { Typed } from './typed.ts'

/** Bytes from hexadecimal digits; spaces are for readers. */
const latin1 = (hex: string): string => Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('latin1')
const unspaced = (hex: string): string => hex.replaceAll(' ', '')
const msgpackOf = (hex: string): Map<string, Kept> => flaskMsgpack.decode(latin1(hex))
const hexOf = (entries: ReadonlyMap<string, Kept>): string =>
  Buffer.from(flaskMsgpack.encode(entries), 'latin1').toString('hex')

const loose = any.nested(
  fc.oneof(any.nothing, any.bool, any.str, any.int64, any.anyFloat, any.bytes, any.utcDatetime),
  fc.oneof({ weight: 5, arbitrary: any.str }, any.bytes, any.int64),
)
const jsonLike = any.nested(fc.oneof(any.nothing, any.bool, any.str, any.anyInt, any.finiteFloat), any.str)

describe.each([
  ['flaskMsgpack', flaskMsgpack, loose],
  ['flaskJson', flaskJson, jsonLike],
  ['cachelibPickle', cachelibPickle, loose],
  ['cachelibRedis', cachelibRedis, loose],
  ['cachelibJson', cachelibJson, jsonLike],
] as [string, Serializer, fc.Arbitrary<Typed>][])('%s', (_, serializer, value) => {
  const members = any.session(value).map((session) => session[1] as [Typed, Typed][])
  const kept = (session: [Typed, Typed][]): Map<string, Kept> =>
    new Map(session.map(([[, key], part]) => [key, serializer.keep(live(part), key)]))

  test('what is kept comes back, in order, and is the same', () => {
    fc.assert(
      fc.property(members, (session) => {
        const entries = serializer.decode(serializer.encode(kept(session)))
        expect([...entries.keys()]).toEqual(session.map(([[, key]]) => key))
        for (const [[, key], part] of session) {
          const rest = entries.get(key)
          expect(any.settled(typed(serializer.live(rest)))).toEqual(any.settled(part))
          expect(serializer.same(rest, serializer.keep(serializer.live(rest), key))).toBe(true)
        }
      }),
      { numRuns: 50 },
    )
  })

  test('what nobody touched comes out as it came in, beside what was', () => {
    fc.assert(
      fc.property(members, value, (session, other) => {
        const data = serializer.encode(kept(session))
        const entries = serializer.decode(data)
        expect(serializer.encode(entries)).toBe(data)
        const changed = new Map([...entries, ['a new key', serializer.keep(live(other), 'a new key')]])
        const again = new Map(serializer.decode(serializer.encode(changed)))
        again.delete('a new key')
        expect(serializer.encode(again)).toBe(data)
      }),
      { numRuns: 50 },
    )
  })

  test('what is accepted is read again: 64 levels are, 65 are refused', () => {
    const levels = (count: number): unknown => (count === 0 ? 1 : [levels(count - 1)])
    const deep = (count: number): Map<string, Kept> =>
      new Map([['deep', serializer.keep(levels(count), 'deep')]])
    const back = serializer.live(serializer.decode(serializer.encode(deep(64))).get('deep'))
    expect(back).toEqual(levels(64))
    expect(() => deep(65)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_VALUE' }))
  })

  test('live values are the app’s own: changing one changes nothing that rests', () => {
    const entries = serializer.decode(
      serializer.encode(new Map([['cart', serializer.keep({ items: [1] }, 'cart')]])),
    )
    const one = serializer.live(entries.get('cart')) as { items: number[] }
    one.items.push(2)
    expect(serializer.live(entries.get('cart'))).toEqual({ items: [1] })
    expect(serializer.same(serializer.keep(one, 'cart'), entries.get('cart'))).toBe(false)
    const deep = kept([
      [
        ['str', '__proto__'],
        [
          'dict',
          [
            [
              ['str', '__proto__'],
              ['int', '1'],
            ],
          ],
        ],
      ],
    ])
    const back = serializer.live(serializer.decode(serializer.encode(deep)).get('__proto__')) as object
    expect(Object.keys(back)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  })

  test('what has no form is refused where it is, by its path', () => {
    const refused = (value: unknown): string => {
      try {
        serializer.keep(value, 'cart')
      } catch (error) {
        if (error instanceof SessionError) return `${error.code} ${error.message}`
        throw error
      }
      return 'kept'
    }
    expect(refused({ items: [1, () => 1] })).toMatch(/^ERR_SESSION_VALUE cart\.items\[1\] is a function/)
    expect(refused([undefined])).toContain('cart[0] is undefined')
    expect(refused(new (class Thing {})())).toContain('cart is an instance of Thing')
    expect(refused([new Date(NaN)])).toContain('cart[0] is')
    const circle: unknown[] = []
    circle.push({ circle })
    expect(refused(circle)).toContain('levels deep, or contains itself')
    let twice: unknown = []
    for (let i = 0; i < 63; i++) twice = [twice, twice]
    expect(refused(twice)).toContain('parts')
    expect(refused(undefined)).toContain('undefined')
    expect(refused({ gone: undefined })).toBe('kept')
  })
})

describe('msgpack', () => {
  test('a key and its value keep any spelling; a new value gets the shortest one, its key too', () => {
    const odd = 'df00000002 d90161 d30000000000000001 da000162 ca3fc00000'
    const entries = msgpackOf(odd)
    expect(flaskMsgpack.live(entries.get('a'))).toBe(1)
    expect(hexOf(entries)).toBe(unspaced(odd))
    expect(flaskMsgpack.same(entries.get('a'), flaskMsgpack.keep(1, 'a'))).toBe(true)
    entries.set('b', flaskMsgpack.keep(2, 'b'))
    expect(hexOf(entries)).toBe(unspaced('82 d90161 d30000000000000001 a162 02'))
  })

  test('a value that moves to another key takes that key’s name', () => {
    const entries = msgpackOf('81d9016101')
    expect(hexOf(new Map([['z', entries.get('a')]]))).toBe('81a17a01')
  })

  test('keys that are no text stay, and are not seen', () => {
    const entries = msgpackOf('83 01 a178 a161 01 c0 c3')
    expect(Object.keys(Object.fromEntries(entries))).toEqual(['a'])
    entries.set('a', flaskMsgpack.keep(2, 'a'))
    expect(hexOf(entries)).toBe(unspaced('83 01 a178 a161 02 c0 c3'))
    const inJson = flaskJson.decode(latin1('8201a178a16101'))
    inJson.set('a', flaskJson.keep(2, 'a'))
    expect(flaskJson.encode(inJson)).toBe('{"1":"x","a":2}')
  })

  test('a container that was touched keeps what JavaScript lacks: microseconds, ext values, keys of other types', () => {
    const when = 'd7ffa1dcd42065937d25'
    const data = `81a16182a177${when}01d40507`
    const entries = msgpackOf(data)
    const value = flaskMsgpack.live(entries.get('a')) as Map<unknown, unknown>
    expect((value.get('w') as Date).toISOString()).toBe('2024-01-02T03:04:05.678Z')
    expect(flaskMsgpack.same(flaskMsgpack.keep(value, 'a'), entries.get('a'))).toBe(true)
    value.set('n', 1)
    expect(hexOf(new Map([['a', flaskMsgpack.keep(value, 'a')]]))).toBe(`81a16183a177${when}01d40507a16e01`)
    ;(value.get('w') as Date).setUTCMilliseconds(679)
    expect(hexOf(new Map([['a', flaskMsgpack.keep(value, 'a')]]))).toContain('a177d7ffa1e2df0065937d25')
  })

  test('ints and floats are Python’s: an int has 64 bits, a float is one even where it is whole', () => {
    const hex = (value: unknown): string => hexOf(new Map([['a', flaskMsgpack.keep(value, 'a')]])).slice(6)
    expect(hex(1)).toBe('01')
    expect(hex(float(1))).toBe('cb3ff0000000000000')
    expect(hex(-0)).toBe('00')
    expect(hex(1e300)).toBe('cb7e37e43c8800759c')
    expect(hex(2n ** 64n - 1n)).toBe('cfffffffffffffffff')
    expect(() => hex(2n ** 64n)).toThrow(/integer larger/)
    expect(hex('\ud83d!')).toBe(`a4${Buffer.from('\ufffd!').toString('hex')}`)
    expect(hex(tuple(1, uuid('12345678123456781234567812345678')))).toBe(
      `9201d924${Buffer.from('12345678-1234-5678-1234-567812345678').toString('hex')}`,
    )
    expect(() => hex(markup('<b>'))).toThrow(/instance of Markup/)
    expect(() => hex(new Set())).toThrow(/instance of Set/)
  })

  test('JSON is read where msgpack is written; what only JSON can hold does not fail a request that looks at it', () => {
    const data = Buffer.from('{"big":[123456789012345678901234567890],"n":1.0,"t":"é"}').toString('latin1')
    const entries = flaskMsgpack.decode(data)
    const big = flaskMsgpack.live(entries.get('big'))
    expect(flaskMsgpack.same(flaskMsgpack.keep(big, 'big'), entries.get('big'))).toBe(true)
    entries.set('x', flaskMsgpack.keep(1, 'x'))
    expect(() => flaskMsgpack.encode(entries)).toThrow(/big\[0\] is an integer larger/)
    entries.delete('big')
    expect(hexOf(entries)).toBe(unspaced('83 a16e cb3ff0000000000000 a174 a2c3a9 a178 01'))
    ;(big as unknown[]).push(1n)
    expect(() => flaskMsgpack.keep(big, 'big')).toThrow(SessionError)
  })

  test.each([
    ['nothing', ''],
    ['no map', '9101'],
    ['null', 'c0'],
    ['more after its end', '8000'],
    ['a pickle', '80059520000000000000007d94288c0a5f7065726d616e656e7494888c0475736572948c03616e6e94752e'],
    ['a map longer than the input', 'dfffffffff'],
    ['an array longer than the input', '81a161ddffffffff'],
    ['text longer than the input', '81a161dbffffffff61'],
    ['bytes longer than the input', '81a161c6ffffffff61'],
    ['an ext longer than the input', '81a161c9ffffffff0561'],
    ['text that is no UTF-8', '81a161a2c328'],
    ['a type that does not exist', '81a161c1'],
    ['a timestamp of a billion nanoseconds', '81a161c70cff3b9aca000000000065937d25'],
    ['a timestamp of five bytes', '81a161c705ff0000000000'],
    ['a timestamp after the year 9999', '81a161c70cff00000000000000ffffffffff'],
    ['a dict that is a key', '81a16181 80 01'],
    ['65 levels', `81a161${'91'.repeat(65)}00`],
  ])('refused: %s', (_, hex) => {
    expect(() => msgpackOf(hex)).toThrow(SyntaxError)
    expect(() => flaskJson.decode(latin1(hex))).toThrow(SyntaxError)
  })

  test.each([
    '{"a":NaN}',
    '{"a":[Infinity]}',
    '{"a":1e400}',
    '{"a":{"b":"\\ud83d"}}',
    '{"\\ud83d":1}',
    '{"a":1}x',
    '[]',
    '\xef\xbb\xbf{}',
    '{"a":"\xff"}',
  ])('refused as msgspec does: %s', (data) => {
    expect(() => flaskJson.decode(data)).toThrow(SyntaxError)
  })
})

describe('cachelib in Redis', () => {
  test.each(vectors.cachelib_redis)('$name', (...[{ value, value_hex }]: any[]) => {
    const data = latin1(value_hex)
    if (value[0] !== 'dict') {
      expect(() => cachelibRedis.decode(data)).toThrow(SyntaxError)
      return
    }
    const entries = cachelibRedis.decode(data)
    expect([
      'dict',
      [...entries].map(([key, kept]) => [typed(key), typed(cachelibRedis.live(kept))]),
    ]).toEqual(value)
    expect(cachelibRedis.encode(entries)).toBe(data)
    expect(() => cachelibRedis.decode(data.slice(1))).toThrow(SyntaxError)
  })
})
