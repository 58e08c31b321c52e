import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { taggedJson } from '../../src/flask/index.ts'
import { type Deed, deedOf, type Plan, race, type Runner } from '../../src/inspector/race.ts'
import { defaultMask } from '../../src/inspector/shown.ts'
import { jsonSerializer } from '../../src/serializers/json.ts'

const data = '{"name":"Ann","visits":4,"cart":["apple"]}'
const plan = (a: Deed, b: Deed, first: Runner = 'B', more: Partial<Plan> = {}): Plan => ({
  data,
  serializer: jsonSerializer,
  a,
  b,
  first,
  mask: defaultMask,
  ...more,
})

const add: Deed = { verb: 'add', key: 'visits' }

describe('really run', () => {
  test('two visits at once: one is lost, or both count', async () => {
    const { start, theirs, ours } = await race(plan(add, add))
    expect(start).toBe('visits: 4')
    expect(theirs).toMatchObject({
      final: 'visits: 5',
      right: false,
      verdict: 'An update is lost. It should be visits: 6.',
    })
    expect(ours).toMatchObject({ final: 'visits: 6', right: true, verdict: 'Both requests count.' })
    expect(theirs.steps.map(({ who, what }) => `${who} ${what}`)).toEqual([
      'A read',
      'B read',
      'A change',
      'B change',
      'B write',
      'A write',
    ])
    expect(ours.steps.map(({ who, what }) => `${who} ${what}`)).toEqual([
      ...['A read', 'B read', 'A change', 'B change', 'B write'],
      ...['A refused', 'A reread', 'A change', 'A write'],
    ])
  })

  test('a late save after a logout: alive again, or not', async () => {
    const { theirs, ours } = await race(
      plan({ verb: 'set', key: 'theme', value: 'dark' }, { verb: 'destroy' }),
    )
    expect(theirs).toMatchObject({
      final: expect.stringContaining('dark'),
      right: false,
      verdict: 'The session that was ended is alive again.',
    })
    expect(theirs.steps.at(-1)).toMatchObject({ what: 'revive' })
    expect(ours).toMatchObject({
      final: null,
      right: true,
      verdict: 'The session is ended, and stays ended.',
    })
    expect(ours.steps.at(-1)).toMatchObject({ who: 'A', what: 'gone' })
  })

  test('on a copy in a format of its own, Flask’s', async () => {
    const flask = '{"cart":{" t":["apple",1.0]},"n":3}'
    const { ours } = await race(
      plan({ verb: 'add', key: 'n' }, { verb: 'set', key: 'x', value: [1] }, 'A', {
        data: flask,
        serializer: taggedJson,
      }),
    )
    expect(ours).toMatchObject({ final: 'n: 4\nx: [1]', right: true })
  })

  test('masks what the session masks', async () => {
    const secret = '{"csrf_token":"abc123"}'
    const told = JSON.stringify(
      await race(plan({ verb: 'remove', key: 'csrf_token' }, add, 'A', { data: secret })),
    )
    expect(told).not.toContain('abc123')
  })
})

test('hipflask always ends as one order of the two would, whatever they do', async () => {
  const key = fc.constantFrom('name', 'visits', 'cart', 'new', '__proto__', 'constructor')
  const deed: fc.Arbitrary<Deed> = fc.oneof(
    fc.record({ verb: fc.constant('set' as const), key, value: fc.jsonValue({ maxDepth: 2 }) }),
    fc.record({ verb: fc.constant('add' as const), key }),
    fc.record({ verb: fc.constant('push' as const), key, value: fc.jsonValue({ maxDepth: 1 }) }),
    fc.record({ verb: fc.constant('remove' as const), key }),
    fc.constant({ verb: 'destroy' as const }),
  )
  await fc.assert(
    fc.asyncProperty(deed, deed, fc.constantFrom<Runner>('A', 'B'), async (a, b, first) => {
      // Where both assign one key, the later value stands, which is an order; only mixes of assigning and computing differ.
      fc.pre(a.verb === 'destroy' || b.verb === 'destroy' || a.key !== b.key || a.verb === b.verb)
      const { ours, theirs } = await race(plan(a, b, first))
      expect(ours.right).toBe(true)
      for (const { steps } of [ours, theirs])
        expect(new Set(steps.map(({ who }) => who))).toEqual(new Set(['A', 'B']))
    }),
    { numRuns: 300, seed: 20260101 },
  )
})

test('only deeds are deeds', () => {
  for (const sent of [
    null,
    1,
    {},
    { verb: 'set' },
    { verb: 'add', key: '' },
    { verb: 'drop', key: 'a' },
    { verb: 'set', key: 'x'.repeat(101) },
  ])
    expect(() => deedOf(sent)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_USE' }))
})
