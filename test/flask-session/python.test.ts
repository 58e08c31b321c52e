import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Serializer } from '../../src/contracts/serializer.ts'
import { cachelibJson, cachelibPickle } from '../../src/serializers/cachelib.ts'
import { flaskJson, flaskMsgpack } from '../../src/serializers/flask-session.ts'
import { pythonPath, startOracle } from '../real/python.ts'
import type { Oracle } from '../real/python.ts'
import * as any from './arbitrary.ts'
import { live, typed } from './typed.ts'
import type { Typed } from './typed.ts'

/** Sessions of random values each way, in each format; HIPFLASK_RANDOM=10000 for more. */
const count = Number(process.env['HIPFLASK_RANDOM'] ?? 200)
const seed = Number(process.env['HIPFLASK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1')
const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex')

const hashable = fc.oneof(any.str, any.bytes, any.bool, any.nothing)
const tupleKey = fc.array(hashable, { maxLength: 3 }).map<Typed>((items) => ['tuple', items])
const scalars = [any.nothing, any.bool, any.str] as const
const jsonValue = any.nested(fc.oneof(...scalars, any.anyInt, any.finiteFloat), any.str)
const looseJsonValue = any.nested(
  fc.oneof(any.nothing, any.bool, any.looseStr, any.anyInt, any.anyFloat),
  any.looseStr,
)
const msgpackValue = any.nested(
  fc.oneof(...scalars, any.int64, any.anyFloat, any.bytes, any.utcDatetime, any.ext),
  fc.oneof({ weight: 5, arbitrary: any.str }, any.bytes, tupleKey),
)
const jsLeaf = fc.oneof(
  ...[any.nothing, any.bool, any.looseStr, any.anyInt, any.anyFloat, any.bytes, any.bytearray],
  ...[any.uuid, any.markup, any.decimal, any.utcDatetime],
)
/** Also datetimes of other zones and of none, which a Date made here never is. */
const plainLeaf = fc.oneof({ weight: 10, arbitrary: jsLeaf }, any.anyDatetime)
const setItem = fc.oneof(any.str, any.bytes, any.uuid, tupleKey)
const distinct = (items: Typed[]): Typed[] => [
  ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
]
const sets = [
  fc.array(setItem, { maxLength: 6 }).map<Typed>((items) => ['set', distinct(items)]),
  fc.array(setItem, { maxLength: 6 }).map<Typed>((items) => ['frozenset', distinct(items)]),
]
const pickleKey = fc.oneof({ weight: 5, arbitrary: any.looseStr }, any.bytes, tupleKey, any.uuid, sets[1]!)
const pickleOf = (leaf: fc.Arbitrary<Typed>): fc.Arbitrary<Typed> =>
  any.nested(leaf, pickleKey, (value) => [
    ...sets,
    fc.array(value, { maxLength: 6 }).map<Typed>((items) => ['tuple', items]),
  ])

/** Keys that are no text are kept, but nobody sees them. */
function seen(serializer: Serializer, data: string): Typed {
  return [
    'dict',
    [...serializer.decode(data)].map(([key, kept]) => [typed(key), typed(serializer.live(kept))]),
  ]
}

function rewritten(serializer: Serializer, [, members]: Typed): string {
  return serializer.encode(
    new Map(members.map(([[, key], value]: [Typed, Typed]) => [key, serializer.keep(live(value), key)])),
  )
}

/** Random values in portions that fit into memory, each with the work to be done on it. */
async function portions(
  value: fc.Arbitrary<Typed>,
  total: number,
  work: (values: Typed[]) => Promise<void>,
): Promise<void> {
  for (let done = 0; done < total; done += 100)
    await work(fc.sample(value, { numRuns: Math.min(100, total - done), seed: seed + done }))
}

/** Fails with `value` in its message unless the two are equal to Python. */
function agree(found: Typed | null, value: Typed): void {
  const [left, right] = [any.settled(found ?? ['error']), any.settled(value)]
  if (JSON.stringify(left) !== JSON.stringify(right)) expect(left, JSON.stringify(value)).toEqual(right)
}

/** JavaScript sorts keys that look like array indices. */
function keepsOrder(value: Typed): boolean {
  return JSON.stringify(typed(live(value))) === JSON.stringify(value)
}

describe.skipIf(pythonPath === null)(`random sessions, ${count} each way and format, seed ${seed}`, () => {
  let oracle: Oracle
  beforeAll(async () => {
    oracle = startOracle()
    console.log(
      Object.entries(await oracle.versions())
        .map((parts) => parts.join(' '))
        .join(' · '),
    )
  })
  afterAll(() => oracle.stop())

  describe.each([
    { format: 'msgpack', serializer: flaskMsgpack, value: any.session(msgpackValue), exact: true },
    { format: 'json', serializer: flaskJson, value: any.session(jsonValue), exact: true },
    {
      format: 'pickle',
      serializer: cachelibPickle,
      value: any.session(pickleOf(jsLeaf), any.looseStr),
      exact: false,
    },
    {
      format: 'python-json',
      serializer: cachelibJson,
      value: any.session(looseJsonValue, any.looseStr),
      exact: true,
    },
  ])('$format', ({ format, serializer, value, exact }) => {
    test('what Python writes is read', { timeout: 3_000_000 }, () =>
      portions(value, count, async (values) => {
        const written = await oracle.encode(format, values)
        for (const [i, value] of values.entries()) {
          if (written[i] === null) expect.fail(`Python cannot write ${JSON.stringify(value)}`)
          agree(seen(serializer, latin1(written[i]!)), value)
        }
      }),
    )

    test('what is written here Python reads', { timeout: 3_000_000 }, () =>
      portions(value, count, async (values) => {
        const written = values.map((value) => hex(rewritten(serializer, value)))
        const read = await oracle.decode(format, written)
        for (const [i, value] of values.entries()) agree(read[i], value)
        if (!exact) return
        const python = await oracle.encode(format, values)
        for (const [i, value] of values.entries())
          if (written[i] !== python[i] && value[1].every(([, part]: [Typed, Typed]) => keepsOrder(part)))
            expect(written[i]).toBe(python[i])
      }),
    )
  })

  test('every protocol of pickle that has bytes is read', { timeout: 300_000 }, async () => {
    const values = fc.sample(any.session(pickleOf(plainLeaf)), { numRuns: Math.ceil(count / 10), seed })
    for (const protocol of [4, 5]) {
      const written = await oracle.encode(protocol === 5 ? 'pickle' : `pickle-${protocol}`, values)
      for (const [i, value] of values.entries())
        // A bytearray is a call of a builtin before protocol 5.
        if (protocol === 5 || !JSON.stringify(value).includes('"bytearray"'))
          agree(seen(cachelibPickle, latin1(written[i]!)), value)
    }
    const simple = fc.sample(any.session(jsonValue), { numRuns: Math.ceil(count / 10), seed })
    for (const protocol of [2, 3]) {
      const written = await oracle.encode(`pickle-${protocol}`, simple)
      for (const [i, value] of simple.entries()) agree(seen(cachelibPickle, latin1(written[i]!)), value)
    }
  })

  test('a pickle of which one key changes keeps every other value', { timeout: 3_000_000 }, async () => {
    const everything = any.session(
      pickleOf(fc.oneof(plainLeaf, any.opaque)),
      fc.oneof({ weight: 5, arbitrary: any.looseStr }, any.bytes, tupleKey),
    )
    await portions(everything, count, async (values) => {
      const written = await oracle.encode('pickle', values)
      const changed = written.map((data) => {
        const entries = cachelibPickle.decode(latin1(data!))
        // Looked at, which must not change them.
        for (const kept of entries.values())
          if (!cachelibPickle.same(cachelibPickle.keep(cachelibPickle.live(kept), 'looked at'), kept))
            expect.fail(`looking at it changed ${data}`)
        return hex(cachelibPickle.encode(new Map([...entries, ['\0new', cachelibPickle.keep(1, 'new')]])))
      })
      const read = await oracle.decode('pickle', changed)
      const added = [
        ['str', '\0new'],
        ['int', '1'],
      ]
      for (const [i, [, members]] of values.entries()) agree(read[i], ['dict', [...members, added]])
    })
  })
})
