import { expect, test } from 'vitest'
import { milliseconds } from '../../src/lib/duration.ts'

test.each([
  ['31 days', 2_678_400_000],
  ['1 day', 86_400_000],
  ['1.5 hours', 5_400_000],
  ['20 minutes', 1_200_000],
  ['2 seconds', 2_000],
  ['3 weeks', 1_814_400_000],
  ['250 milliseconds', 250],
  [1500.9, 1500],
  [1, 1],
] as const)('%j is %d milliseconds', (duration, expected) => {
  expect(milliseconds(duration, 'lifetime')).toBe(expected)
})

test.each([
  0,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e300,
  '31',
  'days',
  '5 fortnights',
  '-1 days',
  '0 days',
  ' 1 day',
  null,
  {},
])('%j is refused with the setting’s name', (duration) => {
  expect(() => milliseconds(duration as never, 'idle')).toThrow(/`idle` is/)
})
