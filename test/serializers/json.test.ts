import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { jsonSerializer } from '../../src/serializers/json.ts'

const { keep, live, encode, decode, same } = jsonSerializer
const unchanged = jsonSerializer.unchanged!

const trip = (value: unknown): unknown => live(decode(encode(new Map([['k', keep(value, 'k')]]))).get('k'))

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', '\0', '\u2028', ' date', '__proto__', '😀'),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
)
const key = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    ' date',
    '  date',
    ' map',
    ' set',
    ' undefined',
    ' nothing',
    ' ',
    '',
    '10',
    '2',
  ),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => new Set(values)),
  ),
}))

/** Puts `other` somewhere into lists and objects, or does nothing where there is no place. */
function replaceOne(target: unknown, other: unknown, at: number): void {
  if (typeof target !== 'object' || target === null || target instanceof Uint8Array) return
  const keys = Object.keys(target)
  if (keys.length === 0) return
  const chosen = keys[at % keys.length]!
  const part = (target as Record<string, unknown>)[chosen]
  if (at % 3 === 0 && typeof part === 'object' && part !== null) replaceOne(part, other, Math.floor(at / 3))
  else
    Object.defineProperty(target, chosen, {
      value: other,
      writable: true,
      enumerable: true,
      configurable: true,
    })
}

describe('what a session keeps', () => {
  test('comes back as itself', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(isDeepStrictEqual(trip(one), one)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })
  test('a value at rest is the same as itself after a trip, and a live copy does not touch it', () => {
    fc.assert(
      fc.property(value, (one) => {
        const kept = keep(one, 'k')
        const copy = live(kept)
        if (Array.isArray(copy)) copy.push('more')
        expect(same(kept, keep(one, 'k'))).toBe(true)
        expect(same(kept, decode(encode(new Map([['k', kept]]))).get('k'))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
  test('what is unchanged would rest the same: whatever was put in its place', () => {
    const near = fc.constantFrom<unknown>(
      -0,
      0,
      Number.NaN,
      undefined,
      null,
      new Date(0),
      new Map(),
      new Set(),
      [],
      {},
    )
    fc.assert(
      fc.property(value, fc.oneof(value, near), fc.nat(), (one, other, at) => {
        const kept = keep(one, 'k')
        const copy = live(kept)
        replaceOne(copy, other, at)
        if (unchanged(copy, kept)) expect(same(keep(copy, 'k'), kept)).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })
  test('plain values are seen to be unchanged, and in lists and objects every change is seen', () => {
    const plain = { list: [1, 'a', null, { ok: true, '2': [] }], one: { key: '' }, text: 'a' }
    const kept = keep(plain, 'k')
    expect(unchanged(live(kept), kept)).toBe(true)
    const changes: ((copy: any) => void)[] = [
      (copy) => copy.list.push(undefined),
      (copy) => copy.list.pop(),
      (copy) => (copy.list[0] = 2),
      (copy) => (copy.list[3]['2'] = {}),
      (copy) => (copy.one = { other: '' }),
      (copy) => (copy.one.key = new Date(0)),
      (copy) => delete copy.text,
      (copy) => (copy.one = { another: undefined }),
      (copy) => {
        const { list } = copy
        delete copy.list
        copy.list = list
      },
      (copy) => (copy.more = 1),
      (copy) => (copy.text = ['a']),
      (copy) => (copy.one = Object.assign(Object.create(null) as object, { key: '' })),
      (copy) => (copy[Symbol('s')] = 1),
    ]
    for (const change of changes) {
      const copy = live(kept)
      change(copy)
      expect(unchanged(copy, kept), String(change)).toBe(false)
    }
    expect(unchanged({ ' date': 0 }, keep(new Date(0), 'k'))).toBe(false)
    expect(unchanged(-0, keep(0, 'k'))).toBe(false)
  })
  test('untouched text comes out as it came in', () => {
    fc.assert(
      fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (values) => {
        const text = encode(new Map(Object.entries(values).map(([k, v]) => [k, keep(v, k)])))
        expect(encode(decode(text))).toBe(text)
      }),
      { numRuns: 500 },
    )
  })
  test('any text is a key', () => {
    const hostile = [
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'hasOwnProperty',
      'then',
      '',
      '\0',
      'k'.repeat(10_240),
    ]
    const entries = decode(encode(new Map(hostile.map((name) => [name, keep({ [name]: name }, name)]))))
    expect([...entries.keys()]).toEqual(hostile)
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })
  test('H02 a stored __proto__ is a key, not a prototype', () => {
    const back = trip(JSON.parse('{"a":{"__proto__":{"admin":true}}}')) as { a: { admin?: boolean } }
    expect(back.a.admin).toBeUndefined()
    expect(Object.keys(back.a)).toEqual(['__proto__'])
  })
  test('undefined items and holes are kept as undefined', () => {
    // oxlint-disable-next-line no-sparse-arrays
    expect(trip([undefined, , 1])).toStrictEqual([undefined, undefined, 1])
  })
  test('a Buffer comes back as bytes', () => {
    expect(trip(Buffer.from([1, 2]))).toStrictEqual(new Uint8Array([1, 2]))
  })
})

describe('what a session refuses, with its path', () => {
  class Cart {}
  class Named extends Map {}
  class Ordered extends Array {}
  class Moment extends Date {}
  const sparse: number[] = []
  sparse[50_000_000] = 1
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  let deep: unknown = 1
  for (let i = 0; i < 65; i++) deep = [deep]
  let bomb: unknown = [1]
  for (let i = 0; i < 60; i++) bomb = [bomb, bomb]
  test.each([
    ['a function', { items: [1, 2, { fn() {} }] }, /^cart\.items\[2\]\.fn is a function/],
    ['a symbol', { 'odd key': Symbol('s') }, /^cart\["odd key"\] is a symbol/],
    ['a symbol key', { [Symbol('s')]: 1 }, /^cart is an object with a symbol/],
    ['a class instance', [new Cart()], /^cart\[0\] is an instance of Cart/],
    ['a Map of a class', new Named(), /^cart is an instance of Named/],
    ['an array of a class', { items: new Ordered() }, /^cart\.items is an instance of Ordered/],
    ['a Date of a class', new Moment(), /^cart is an instance of Moment/],
    ['a list with room for millions', [sparse], /^cart\[0\] is a list of more than 1000000/],
    ['a RegExp', /x/, /^cart is an instance of RegExp/],
    ['an Error', new Error('x'), /^cart is an instance of Error/],
    ['a cycle', cycle, /^cart\.self is a cycle/],
    ['an invalid date', { at: new Date(Number.NaN) }, /^cart\.at is an invalid date/],
    ['a function in a Map', new Map([['a', () => 1]]), /^cart\.get\("a"\) is a function/],
    ['a function as a key', new Map([[() => 1, 1]]), /^cart\.keys\(\)\[0\] is a function/],
    ['a function in a Set', new Set([() => 1]), /^cart\[0\] is a function/],
    ['65 levels', deep, /more than 64 levels/],
    ['a value that unfolds without end', bomb, /more than 1000000 parts/],
  ])('%s', (_, one, message) => {
    expect(() => keep(one, 'cart')).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_VALUE', message: expect.stringMatching(message) }),
    )
  })
  test('64 levels are kept', () => {
    let allowed: unknown = 1
    for (let i = 0; i < 64; i++)
      allowed = i % 3 === 0 ? new Map([['k', allowed]]) : i % 3 === 1 ? new Set([allowed]) : [allowed]
    expect(trip(allowed)).toStrictEqual(allowed)
  })
})

describe('stored text that is no session', () => {
  const deep = `{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`
  test.each([
    '',
    'null',
    '[]',
    '5',
    '"x"',
    '{"a":1',
    '{"a":{" nothing":1}}',
    '{"a":{" date":"x"}}',
    '{"a":[{" map":[[1]]}]}',
    '{"a":{" set":1}}',
    '{"a":{" bigint":"x"}}',
    '{"a":{" bytes":"+"}}',
    '{"a":{" number":"1"}}',
    '{"a":{" undefined":1}}',
    '{"a":{" date":9e15}}',
    `{"a":${'['.repeat(200)}${']'.repeat(200)}}`,
    deep,
  ])('%.40s', (text) => {
    expect(() => decode(text)).toThrow(Error)
  })
})

test('what is accepted is read again, at whatever depth', () => {
  for (const bottom of [1n, Number.NaN, -0, undefined, new Date(1), 'text']) {
    const deepest = typeof bottom === 'object' ? 63 : 64
    let value: unknown = bottom
    for (let level = 0; level < deepest; level++) value = new Map([[level, value]])
    const kept = keep(value, 'deep')
    expect(live(decode(encode(new Map([['deep', kept]]))).get('deep'))).toEqual(value)
    expect(() => keep(new Map([[0, value]]), 'deep')).toThrow(/levels deep/)
  }
})

test('lists and plain objects of another realm are what they are', () => {
  const theirs = runInNewContext('({ list: [1], plain: { a: 1 } })') as object
  expect(JSON.stringify(keep(theirs, 'k'))).toBe('{"list":[1],"plain":{"a":1}}')
})
