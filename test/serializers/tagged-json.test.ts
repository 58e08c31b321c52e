import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  float,
  isFloat,
  isMarkup,
  isTuple,
  isUuid,
  markup,
  taggedJson,
  tuple,
  uuid,
} from '../../src/flask/index.ts'
import { live, normal, typed, vectors } from '../flask/vectors.ts'

const decode = (text: string) => taggedJson.decode(text)
const encode = (entries: ReadonlyMap<string, unknown>) => taggedJson.encode(entries)
const keep = (value: unknown, path: string) => taggedJson.keep(value, path)
const same = (a: unknown, b: unknown) => taggedJson.same(a, b)
const nested = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels)
const arrays = (levels: number) => nested('[', ']', levels)
function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const codes = (text: string) => Array.from(text, (char) => char.codePointAt(0)!)

/** What an app sees of a text. */
function seen(text: string): Record<string, unknown> {
  return Object.fromEntries([...decode(text)].map(([key, kept]) => [key, taggedJson.live(kept)]))
}

/** The text of values that an app has assigned. */
function written(values: object): string {
  return encode(new Map(Object.entries(values).map(([key, value]) => [key, keep(value, key)])))
}

/** The text of a session whose every value was taken out and assigned again. */
function rewritten(text: string): string {
  return encode(new Map([...decode(text)].map(([key, kept]) => [key, keep(taggedJson.live(kept), key)])))
}

const untouched = (text: string) => encode(decode(text))

describe("Flask's vectors", () => {
  // Integer keys sort as numbers in Python; in JavaScript every key is text.
  const encodable = (vectors.tagged_json.encode as any[]).filter(({ name }) => name !== 'int keys')

  test.each(encodable)('writes: $name', ({ value, json }) => {
    expect(written(live(value) as object)).toBe(json)
  })

  test.each(vectors.tagged_json.encode as any[])('reads and leaves alone: $name', ({ json, decoded }) => {
    expect(typed(seen(json))).toEqual(normal(decoded))
    expect(untouched(json)).toBe(json)
  })

  test.each(vectors.tagged_json.decode as any[])('reads $json', ({ json, decoded }) => {
    const isSession = decoded !== undefined && ['dict', 'null'].includes(decoded[0])
    if (!isSession) expect(() => decode(json)).toThrow(/./)
    else expect(typed(seen(json))).toEqual(decoded[0] === 'null' ? ['dict', []] : normal(decoded))
  })
})

describe('values that are not there in JavaScript', () => {
  test('come as objects that behave like what they are', () => {
    const { t, f, u, m } = seen(
      '{"f":2.0,"m":{" m":"<b>"},"t":{" t":[1,2]},"u":{" u":"12345678123456781234567812345678"}}',
    ) as any
    expect([isTuple(t), isFloat(f), isUuid(u), isMarkup(m)]).toEqual([true, true, true, true])
    expect([t.length, t[1], t.map((n: number) => n + 1), isTuple(t.map(String))]).toEqual([
      2,
      2,
      [2, 3],
      false,
    ])
    expect([f * 2, f + 1, `${f}`, JSON.stringify({ f })]).toEqual([4, 3, '2', '{"f":2}'])
    expect(`${u}`).toBe('12345678-1234-5678-1234-567812345678')
    expect([m + '!', m.length, JSON.stringify(m)]).toEqual(['<b>!', 3, '"<b>"'])
    for (const frozen of [t, f, u, m]) expect(Object.isFrozen(frozen)).toBe(true)
    expect(() => (t[0] = 9)).toThrow(TypeError)
  })

  test('the guards know nothing else', () => {
    for (const other of [1, '', [], {}, null, undefined, new Number(1), new String('')]) {
      expect([isTuple(other), isFloat(other), isUuid(other), isMarkup(other)]).toEqual([
        false,
        false,
        false,
        false,
      ])
    }
  })

  test('uuid() reads what Python reads', () => {
    const hyphened = '12345678-1234-5678-1234-567812345678'
    for (const text of [
      hyphened,
      hyphened.toUpperCase(),
      `{${hyphened}}`,
      `urn:uuid:${hyphened}`,
      hyphened.replaceAll('-', ''),
    ]) {
      expect(uuid(text).valueOf()).toBe(hyphened)
    }
    for (const text of ['', 'zz', `${hyphened}0`, `x${hyphened.slice(1)}`])
      expect(() => uuid(text)).toThrow(TypeError)
  })
})

describe('numbers', () => {
  test('keep what they are: int or float, exact', () => {
    const text = '{"a":1.0,"b":1,"c":-0.0,"d":1e+16,"e":9007199254740993,"f":NaN,"g":0.1,"h":1e-07,"i":100.0}'
    expect(rewritten(text)).toBe(text)
  })

  test('A21 are read as Python reads them', () => {
    const text = '{"a":-0,"b":1e999,"c":9007199254740993,"d":-1e999,"e":1E5}'
    expect(typed(seen(text))).toEqual(
      normal([
        'dict',
        [
          [
            ['str', 'a'],
            ['int', '0'],
          ],
          [
            ['str', 'b'],
            ['float', 'inf'],
          ],
          [
            ['str', 'c'],
            ['int', '9007199254740993'],
          ],
          [
            ['str', 'd'],
            ['float', '-inf'],
          ],
          [
            ['str', 'e'],
            ['float', '100000.0'],
          ],
        ],
      ]),
    )
    expect(seen(text).a).toBe(0) // not -0, which Python's int has not
    expect(untouched(text)).toBe(text)
    expect(rewritten(text)).toBe('{"a":0,"b":Infinity,"c":9007199254740993,"d":-Infinity,"e":100000.0}')
  })

  test('of JavaScript are ints where they are integral', () => {
    expect(written({ a: 1, b: -0, c: 1e21, d: 1.5, e: 2 ** 53, f: 5n, g: -(2n ** 80n) })).toBe(
      '{"a":1,"b":0,"c":1000000000000000000000,"d":1.5,"e":9007199254740992,"f":5,"g":-1208925819614629174706176}',
    )
  })

  test('have at most as many digits as CPython reads', () => {
    const digits = '9'.repeat(4300)
    expect(untouched(`{"a":-${digits}}`)).toBe(`{"a":-${digits}}`)
    expect(() => decode(`{"a":${digits}9}`)).toThrow(SyntaxError)
    expect(written({ a: BigInt(`-${digits}`) })).toContain(digits)
    expect(() => keep(BigInt(`${digits}9`), 'a')).toThrow('a is an integer of more than 4300 digits')
  })

  test.each([
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    '0x1',
    '1_0',
    '--1',
    '-Infinit',
    'Nan',
    'infinity',
    'tru',
    'nul',
    '١',
  ])('%s is none', (text) => {
    expect(() => decode(`{"a":${text}}`)).toThrow(SyntaxError)
  })

  test('print like repr() of Python', () => {
    // Doubles with few digits, and all the others: reading the text gives the number again, and the form is Python's.
    const doubles = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer().map((n) => n / 1000),
    )
    fc.assert(
      fc.property(doubles, (value) => {
        const text = written({ a: float(value) }).slice(5, -1)
        expect(Number(text)).toBe(value)
        expect(text).toMatch(/^-?(\d+\.\d+|\d(\.\d+)?e[+-]\d\d+)$/)
        const size = Math.abs(value)
        expect(text.includes('e')).toBe(size !== 0 && (size < 1e-4 || size >= 1e16))
      }),
    )
  })
})

describe('untouched values', () => {
  test('come out in the characters they came in, whoever wrote them', () => {
    const odd =
      '{"a":1e5,"b":{ "z" : [1 ,2.50], "y":"\\u00E9\\/" },"c":{" d":"Mon, 02 Jan 2024 03:04:05 +0530"},"d":{" d":"zz"}}'
    expect(untouched(odd)).toBe(odd)
    const entries = decode(odd)
    for (const kept of entries.values()) taggedJson.live(kept) // looked at, not changed
    entries.set('e', keep([1], 'e'))
    expect(encode(entries)).toBe(`${odd.slice(0, -1)},"e":[1]}`)
  })

  test('are the same as themselves taken out and put back', () => {
    const text =
      '{"a":1e5,"b":{ "z" : [1 ,2.50]},"c":{" d":"Mon, 02 Jan 2024 03:04:05 +0530"},"d":{" d":"zz"}}'
    for (const [key, kept] of decode(text)) {
      expect(same(kept, keep(taggedJson.live(kept), key))).toBe(true)
      expect(same(kept, keep([taggedJson.live(kept)], key))).toBe(false)
    }
  })

  test('1 and 1.0, a list and a tuple, text and Markup are different values', () => {
    expect(same(keep(1, 'a'), keep(float(1), 'a'))).toBe(false)
    expect(same(keep([1], 'a'), keep(tuple(1), 'a'))).toBe(false)
    expect(same(keep('x', 'a'), keep(markup('x'), 'a'))).toBe(false)
    expect(same(keep({ a: 1, b: 2 }, 'a'), keep({ b: 2, a: 1 }, 'a'))).toBe(true)
  })

  test('live values belong to whoever asked', () => {
    const [kept] = decode('{"a":{"list":[1]}}').values()
    const one = taggedJson.live(kept) as any
    one.list.push(2)
    expect(taggedJson.live(kept)).toEqual({ list: [1] })
    const assigned = { n: [1] }
    const rest = keep(assigned, 'a')
    assigned.n.push(2)
    expect(taggedJson.live(rest)).toEqual({ n: [1] })
  })
})

describe('the fast way of reading', () => {
  const leaf = fc.constantFrom(
    ...[
      '1',
      '-1',
      '1.0',
      '-0',
      '0',
      '0.1',
      '1e21',
      '1e+21',
      '1e22',
      '1e-7',
      '1e-07',
      '100000000000000000000',
    ],
    ...['9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740992', 'NaN', '1e999'],
    ...[
      'true',
      'null',
      '""',
      '" t"',
      '"é"',
      '"\\u00e9"',
      '"\\u00E9"',
      '"\\/"',
      '"\\u007f"',
      '"\\ud800"',
      '"\\n"',
      '"1.0"',
    ],
  )
  const name = fc.constantFrom(
    'a',
    'b',
    'é',
    '\\u00e9',
    '1',
    '10',
    '2',
    '__proto__',
    'toJSON',
    ' t',
    ' d',
    ' di',
    ' t__',
  )
  const comma = fc.constantFrom(',', ',', ',', ', ')
  const { session } = fc.letrec<{ part: string; list: string; session: string }>((tie) => ({
    part: fc.oneof({ maxDepth: 4 }, leaf, tie('list'), tie('session')),
    list: fc
      .tuple(fc.array(tie('part'), { maxLength: 3 }), comma)
      .map(([parts, by]) => `[${parts.join(by)}]`),
    session: fc
      .tuple(fc.array(fc.tuple(name, tie('part')), { maxLength: 3 }), comma)
      .map(([members, by]) => `{${members.map(([key, part]) => `"${key}":${part}`).join(by)}}`),
  }))
  const told = (text: string): unknown => {
    try {
      const entries = decode(text)
      const values = [...entries].map(([key, kept]) => [key, typed(taggedJson.live(kept))])
      return { values, again: encode(entries), anew: rewritten(text) }
    } catch {
      return 'no session'
    }
  }

  test('says what the other one says, of whatever text', () => {
    // A space before it, and a text is read the other way.
    const alike = fc.property(session, (text) => {
      expect(told(text)).toEqual(told(` ${text}`))
    })
    fc.assert(alike, { numRuns: 5000 })
  })

  test.each([63, 64, 65, 70_000])('reads %i levels as the other one does', (levels) => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const text = `{"a":${open.repeat(levels)}1${close.repeat(levels)}}`
      expect(told(text)).toEqual(told(` ${text}`))
    }
  })
})

describe('A22 data that looks like a tag', () => {
  const lookalikes = [
    { ' t': [1] },
    { ' di': 1 },
    { ' u': 'x' },
    { ' m': '<b>' },
    { ' d': 1 },
    { ' b': '%%%' },
    { ' t__': 1 },
  ]

  test.each(lookalikes)('%j comes back as the plain object it is', (value) => {
    const [key] = Object.keys(value) as [keyof typeof value]
    const escaped =
      key === ' t__' ? JSON.stringify(value) : `{" di":{"${key}__":${JSON.stringify(value[key])}}}`
    expect(written({ x: value })).toBe(`{"x":${escaped}}`)
    expect(seen(written({ x: value }))).toEqual({ x: value })
    expect(seen(written(value))).toEqual(value)
    expect(written(value)).toBe(escaped)
    expect(rewritten(written(value))).toBe(written(value))
  })

  test('an absent second property does not make it a two-key object', () => {
    expect(written({ x: { ' t': [1], other: undefined } })).toBe('{"x":{" di":{" t__":[1]}}}')
  })
})

test.each([
  '{" t":5}',
  '{" u":"zz"}',
  '{" u":5}',
  '{" di":7}',
  '{" di":{}}',
  '{" d":true}',
  '{" b":5}',
  '{" b":"é"}',
  '{" t":{" d":"x"}}',
  '{" m":{" b":""}}',
])('A23 the tag %s around the wrong type is refused', (tag) => {
  expect(() => decode(`{"x":${tag}}`)).toThrow(/./)
  expect(() => decode(tag)).toThrow(/./)
})

test('A23 a bad date is null, as in Flask, and so is a date of what Python takes for false', () => {
  for (const none of [
    '"x"',
    'null',
    'false',
    '0',
    '0.0',
    '""',
    '[]',
    '{}',
    '{" t":[]}',
    '{" m":""}',
    '{" b":"YQ=="}',
  ]) {
    expect(seen(`{"x":{" d":${none}}}`)).toEqual({ x: null })
  }
})

test.each([
  ['Tue, 02 Jan 2024 03:04:05 GMT', '2024-01-02T03:04:05'],
  ['2 January 24 3.4.5 EST', '2024-01-02T08:04:05'],
  ['Tue Jan 2 03:04:05 2024', '2024-01-02T03:04:05'],
  ['Jan 2, 2024 03:04 PDT', '2024-01-02T10:04:00'],
  ['Tue,02 Jan 2024 03:04:05 -0130', '2024-01-02T04:34:05'],
  ['02-Jan-70 03:04:05 Z', '1970-01-02T03:04:05'],
  ['02 Jan 03:04:05 2024 UT', '2024-01-02T03:04:05'],
  ['02 Jan GMT 03:04:05 2024', '2024-01-02T03:04:05'],
  ['02 Jan 2024 03:04:05+0100', '2024-01-02T02:04:05'],
  ['02 Jan 2024, 03:04:05, nowhere', '2024-01-02T03:04:05'],
  ['31 Feb 2024 00:00:00 GMT', null],
  ['02 Jan 2024 24:00:00 GMT', null],
  ['02 Jan 2024 03:04:05 +2400', null],
  ['02 Foo 2024 03:04:05 GMT', null],
  ['Mon,', null],
  ['02 Jan 2024 3 GMT', null],
  ['02 Jan 2024 1:2:3:4 GMT', null],
  ['02 Jan 10000 03:04:05 GMT', null],
  ['31 Dec 9999 23:59:59 -0100', null],
  ['31 Dec 9999 23:59:59 +0100', '9999-12-31T22:59:59'],
  ['02 Jan 2024 03:04:05 GMT+', '2024-01-02T03:04:05'],
  ['x-y Jan 2024 03:04:05 GMT', null],
  ['1--2 3 4', null],
])('the date "%s" is %s', (text, iso) => {
  const { x } = seen(JSON.stringify({ x: { ' d': text } }))
  expect(x).toEqual(iso === null ? null : new Date(`${iso}Z`))
})

test.each([
  ['[1,true,null]', '[1, True, None]'],
  ['{"a":"it\'s"}', "{'a': \"it's\"}"],
  ['["\\"\'\\\\\\n\\u2028\\u0001\\ud83d\\ude00\\ud800"]', "['\"\\'\\\\\\n\\u2028\\x01😀\\ud800']"],
  ['{" t":[1]}', '(1,)'],
  ['{" t":[1,2.0]}', '(1, 2.0)'],
  ['{" u":"12345678123456781234567812345678"}', '12345678-1234-5678-1234-567812345678'],
  [
    '[{" u":"12345678123456781234567812345678"},{" m":"<"}]',
    "[UUID('12345678-1234-5678-1234-567812345678'), Markup('<')]",
  ],
  ['NaN', 'nan'],
  ['-Infinity', '-inf'],
  ['12345678901234567890', '12345678901234567890'],
  ['1.5', '1.5'],
  ['{" m":"<i>"}', '<i>'],
])('Markup of %s is its text in Python', (json, text) => {
  const { x } = seen(`{"x":{" m":${json}}}`) as any
  expect(x.valueOf()).toBe(text)
})

test('a tuple of what Python iterates over', () => {
  expect(typed(seen('{"x":{" t":{" m":"é😀"}}}'))).toEqual(typed({ x: tuple('é', '😀') }))
  expect(typed(seen('{"x":{" t":{"k":1,"l":2}}}'))).toEqual(typed({ x: tuple('k', 'l') }))
  expect(typed(seen('{"x":{" t":{" b":"YWI="}}}'))).toEqual(typed({ x: tuple(97, 98) }))
})

test.each([
  ['null', {}],
  ['[]', {}],
  ['""', {}],
  [' { } ', {}],
  ['[["a",1],["b",[2]]]', { a: 1, b: [2] }],
  ['["ab",["a",1]]', { a: 1 }],
  ['{" t":[["a",1]]}', { a: 1 }],
  [
    '[[1,"int"],[1.0,"float"],[null,"none"],[true,"bool"],[12345678901234567890,"big"]]',
    { '1': 'int', '1.0': 'float', null: 'none', true: 'bool', '12345678901234567890': 'big' },
  ],
  ['[[{" m":"k"},1]]', { k: 1 }],
])('%s makes the session that Flask makes of it', (text, session) => {
  expect(seen(text)).toEqual(session)
  expect(seen(rewritten(text))).toEqual(session)
})

test.each([
  '5',
  'true',
  '"ab"',
  '[1]',
  '[["a"]]',
  '[["a",1,2]]',
  '[[["k"],1]]',
  '{" u":"12345678123456781234567812345678"}',
  '',
  ' ',
  '{}x',
  '\ufeff{}',
  '{"a":1}{}',
  "{'a':1}",
  '{"a":1,}',
  '{"a" 1}',
  '{a:1}',
  '{"a":"\\x41"}',
  '{"a":"\\ud8"}',
  '{"a":"',
  '{"a":"x',
  '{"a":"\\',
  '[',
  '{',
  '{"a":[1 2]}',
])('%s is no session', (text) => {
  expect(() => decode(text)).toThrow(/./)
})

test('what is wrong is told by its position, never by its text', () => {
  expect(() => decode('{"password":"hunter2\\q"}')).toThrow(
    /^Not JSON as Python reads it, at position \d+\.$/,
  )
})

describe('what cannot be kept is refused where it stands', () => {
  class Cart {
    items = []
  }
  const refused: [string, unknown, string][] = [
    ['a function', () => 1, 'cart.items[1].x is a function'],
    ['a symbol', Symbol('s'), 'cart.items[1].x is a symbol'],
    ['a Map', new Map(), 'cart.items[1].x is an instance of Map'],
    ['a class instance', new Cart(), 'cart.items[1].x is an instance of Cart'],
    [
      'an instance of a nameless class',
      new (class {
        n = 1
      })(),
      'cart.items[1].x is an instance of a class',
    ],
    ['an invalid date', new Date(NaN), 'cart.items[1].x is no date'],
    ['a date before the year 1', new Date(-1e14), 'cart.items[1].x is no date'],
    ['another typed array', new Uint16Array(1), 'cart.items[1].x is an instance of Uint16Array'],
    ['undefined in an array', [undefined], 'cart.items[1].x[0] is undefined'],
    ['a hole', [1, , 3], 'cart.items[1].x[1] is undefined'], // oxlint-disable-line no-sparse-arrays -- meant
    ['an odd key', { 'a b': { c: undefined, d: () => 1 } }, 'cart.items[1].x["a b"].d is a function'],
    ['inside a tuple', tuple(1, () => 1), 'cart.items[1].x[1] is a function'],
    ['inside an escaped object', { ' t': Symbol('s') }, 'cart.items[1].x[" t"] is a symbol'],
  ]
  test.each(refused)('%s', (_, value, message) => {
    expect(() => keep({ items: [0, { x: value }] }, 'cart')).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_VALUE', message: expect.stringContaining(message) }),
    )
  })

  test('a value that contains itself', () => {
    const loop: any = { a: [] }
    loop.a.push(loop)
    expect(() => keep(loop, 'x')).toThrow('contains itself')
  })

  test('a value that unfolds to more than memory holds', () => {
    let twice: unknown = [1]
    for (let i = 0; i < 40; i++) twice = [twice, twice]
    expect(() => keep(twice, 'x')).toThrow('more than 1000000 parts')
  })

  test('undefined itself', () => {
    expect(() => keep(undefined, 'x')).toThrow('x is undefined')
  })
})

describe('A21 depth', () => {
  test('64 levels come and go, 65 do neither', () => {
    const text = `{"x":${arrays(64)}}`
    expect(rewritten(text)).toBe(text)
    expect(() => decode(`{"x":${arrays(65)}}`)).toThrow(SyntaxError)
    let deep: unknown = []
    for (let i = 0; i < 63; i++) deep = { a: deep }
    expect(rewritten(written({ x: deep }))).toBe(written({ x: deep }))
    expect(() => keep([deep], 'x')).toThrow('more than 64 levels deep')
  })

  test('whatever can be written can be read', () => {
    const wrap: ((inner: unknown) => unknown)[] = [
      (v) => [v],
      (v) => tuple(v),
      (v) => ({ ' t': v }),
      (v) => ({ a: v, b: 1 }),
    ]
    const leaves = [1, new Date(0), new Uint8Array(1), tuple(), [], {}, { ' t': 1 }]
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...wrap), { minLength: 25, maxLength: 70 }),
        fc.constantFrom(...leaves),
        fc.constantFrom('x', ' t'),
        (wraps, leaf, key) => {
          const value = wraps.reduce((inner, wrap) => wrap(inner), leaf as unknown)
          let text: string
          try {
            text = written({ [key]: value })
          } catch {
            return
          }
          expect(untouched(text)).toBe(text)
          expect(rewritten(text)).toBe(text)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test.each([1001, 5000, 1_000_000])('%i levels are refused without an overflow', (levels) => {
    for (const text of [
      arrays(levels),
      '['.repeat(levels),
      nested('{"a":', '}', levels),
      nested('{" t":[', ']}', levels),
      nested('{" di":{" t__":', '}}', levels),
    ]) {
      expect(() => decode(text)).toThrow(SyntaxError)
      expect(() => decode(`{"x":${text}}`)).toThrow(SyntaxError)
    }
    let deep: unknown = 1
    for (let i = 0; i < levels; i++) deep = [deep]
    expect(() => keep(deep, 'x')).toThrow('more than 64 levels deep')
  })

  test('100,000 keys and a megabyte of text are only long', () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]))
    expect(Object.keys(seen(written({ many })).many as object)).toHaveLength(100_000)
    expect(decode(written(many)).size).toBe(100_000)
    expect(seen(written({ text: 'é'.repeat(1_000_000) })).text).toHaveLength(1_000_000)
  })
})

describe('keys', () => {
  test('H01 any text is a key, at the top and below', () => {
    const names = [
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'hasOwnProperty',
      'then',
      'save',
      '',
      'x'.repeat(10_000),
      '10',
      '2',
    ]
    const below = Object.fromEntries(names.map((name) => [name, name.length]))
    const text = encode(
      new Map([...names.map((name) => [name, keep(1, name)] as const), ['below', keep(below, 'below')]]),
    )
    const entries = decode(text)
    expect([...entries.keys()].toSorted()).toEqual([...names, 'below'].toSorted())
    expect(taggedJson.live(entries.get('below'))).toEqual(below)
    expect(encode(entries)).toBe(text)
    expect(rewritten(text)).toBe(text)
  })

  test('H02 __proto__ is data, never a prototype', () => {
    const hostile = JSON.parse('{"__proto__":{"admin":true}}')
    let text = written({ x: hostile, deep: [[{ y: hostile }]] })
    for (let trips = 0; trips < 3; trips++) text = rewritten(text)
    const { x } = seen(text) as any
    expect(x.admin).toBeUndefined()
    expect(Object.hasOwn(x, '__proto__')).toBe(true)
    expect(({} as any).admin).toBeUndefined()
  })

  test('sort by code point, as in Python', () => {
    const unit = fc.constantFrom(
      'a',
      'Z',
      'é',
      '\ue000',
      '\uffff',
      '\ud800',
      '\udbff',
      '\udc00',
      '\udfff',
      '😀',
      '𐀀',
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
        (keys) => {
          const sorted = keys.toSorted((a, b) => {
            const [x, y] = [codes(a), codes(b)]
            const at = x.findIndex((code, i) => code !== y[i])
            return at === -1 ? x.length - y.length : x[at]! - (y[at] ?? -1)
          })
          const text = `{${sorted.map((key) => `${asciiJson(key)}:1`).join(',')}}`
          expect(written(Object.fromEntries(keys.map((key) => [key, 1])))).toBe(text)
          expect(written({ x: Object.fromEntries(keys.map((key) => [key, 1])) })).toBe(`{"x":${text}}`)
        },
      ),
      { numRuns: 3000 },
    )
  })
})

test('flashed messages are tuples, as Flask stores them, and come as arrays', () => {
  const text = '{"_flashes":[{" t":["message","Hello"]}]}'
  expect(written({ _flashes: [['message', 'Hello']] })).toBe(text)
  expect(rewritten(text)).toBe(text)
  const { _flashes } = seen(text) as any
  expect(_flashes.map(([category, message]: string[]) => `${category}: ${message}`)).toEqual([
    'message: Hello',
  ])
  expect(written({ _flashes: 'text', other: [['a', 'b']] })).toBe('{"_flashes":"text","other":[["a","b"]]}')
})

test('objects without a prototype and of another realm are plain, other arrays are lists', () => {
  const bare = Object.assign(Object.create(null), { a: 1 })
  class List extends Array<number> {}
  expect(written({ bare, list: List.from([1, 2]) })).toBe('{"bare":{"a":1},"list":[1,2]}')
})

test('whatever is kept is read again as it was, and kept again as the same text', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double().filter((n) => !Number.isInteger(n)),
    fc.maxSafeInteger(),
    fc.bigInt().filter((n) => !Number.isSafeInteger(Number(n))),
    fc.boolean(),
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => float(Math.trunc(n))),
    fc.uint8Array(),
    fc
      .date({ noInvalidDate: true, min: new Date('0100-01-01'), max: new Date('9999-12-31') })
      .map((d) => new Date(Math.floor(d.getTime() / 1000) * 1000)),
    fc.uuid().map(uuid),
    fc.string().map(markup),
  )
  const key = fc.oneof(fc.string(), fc.constantFrom(' t', ' di', ' b', '__proto__', ' t__'))
  const few = { maxLength: 4 }
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('node'), few),
      fc.array(tie('node'), few).map((items) => tuple(...items)),
      fc.dictionary(key, tie('node'), { maxKeys: 4 }),
    ),
  })).node
  fc.assert(
    fc.property(fc.dictionary(key, value), (session) => {
      const text = written(session)
      expect(typed(seen(text))).toEqual(typed(session))
      expect(rewritten(text)).toBe(text)
      expect(untouched(text)).toBe(text)
      expect(text).toMatch(/^[\x20-\x7e]*$/)
    }),
    { numRuns: 500 },
  )
})
