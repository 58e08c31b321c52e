import { describe, expect, test } from 'vitest'
import type { Serializer } from '../../src/contracts/serializer.ts'
import { cachelibJson, cachelibPickle } from '../../src/serializers/cachelib.ts'
import { vectors } from '../flask/vectors.ts'
import { typed } from './typed.ts'

const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1')

function session(serializer: Serializer, data: string): unknown {
  const entries = serializer.decode(data)
  return ['dict', [...entries].map(([key, kept]) => [typed(key), typed(serializer.live(kept))])]
}

describe('files of cachelib', () => {
  test.each(vectors.flask_session_files.cases)('$name, $serializer', (...[vector]: any[]) => {
    const serializer = vector.serializer === 'json' ? cachelibJson : cachelibPickle
    const data = latin1(vector.file_hex).slice(4)
    if (vector.serializer === 'pickle') expect(session(serializer, data)).toEqual(vector.value)
    else
      expect(session(serializer, data)).toEqual(
        JSON.parse(JSON.stringify(vector.value).replaceAll('"tuple"', '"list"')),
      )
    const entries = serializer.decode(data)
    expect(serializer.encode(entries)).toBe(data)
    const again = new Map(
      [...entries].map(([key, kept]) => [key, serializer.keep(serializer.live(kept), key)]),
    )
    expect(session(serializer, serializer.encode(again))).toEqual(session(serializer, data))
    for (const [key, kept] of entries) expect(serializer.same(kept, again.get(key))).toBe(true)
  })
})

test('flashed messages are tuples, as Flask makes them', () => {
  const flashes = [
    ['message', 'Hello'],
    ['error', 'é'],
  ]
  const data = cachelibPickle.encode(new Map([['_flashes', cachelibPickle.keep(flashes, '_flashes')]]))
  const [[, kept]] = [...cachelibPickle.decode(data)] as [[string, unknown]]
  expect(typed(cachelibPickle.live(kept))).toEqual([
    'list',
    flashes.map((pair) => ['tuple', pair.map((text) => ['str', text])]),
  ])
})

test('a dict that nobody touched keeps its order, also where JavaScript puts its keys in another', () => {
  const cart = new Map([
    ['30', [1]],
    [
      '7',
      new Map([
        ['b', 1],
        ['2', 2],
        ['a', 3],
      ]),
    ],
    ['12', []],
  ] as [string, unknown][])
  const data = cachelibPickle.encode(new Map([['cart', cachelibPickle.keep(cart, 'cart')]]))
  const entries = cachelibPickle.decode(data)
  const theme = cachelibPickle.keep('dark', 'theme')
  const later = cachelibPickle.decode(cachelibPickle.encode(new Map([...entries, ['theme', theme]])))
  expect(cachelibPickle.encode(new Map([['cart', later.get('cart')]]))).toBe(data)

  const live = cachelibPickle.live(entries.get('cart')) as Record<string, unknown>
  expect(live).toEqual({ '30': [1], '7': { b: 1, '2': 2, a: 3 }, '12': [] })
  expect(cachelibPickle.same(cachelibPickle.keep(live, 'cart'), entries.get('cart'))).toBe(true)
})
