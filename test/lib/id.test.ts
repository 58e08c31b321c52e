import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { isId, newId, recordId } from '../../src/lib/id.ts'

test('ids have one shape and do not repeat', () => {
  const ids = new Set<string>()
  for (let i = 0; i < 100_000; i++) ids.add(newId())
  expect(ids.size).toBe(100_000)
  for (const id of ids) expect(isId(id)).toBe(true)
})

test('C04 each bit of an id is set as often as not', () => {
  const draws = 20_000
  const ones = Array.from({ length: 256 }, () => 0)
  for (let i = 0; i < draws; i++) {
    const bytes = Buffer.from(newId(), 'base64url')
    for (let bit = 0; bit < 256; bit++) ones[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1
  }
  // Six standard deviations: one false alarm in two million runs of all bits.
  const most = 6 * Math.sqrt(draws / 4)
  for (const count of ones) expect(Math.abs(count - draws / 2)).toBeLessThan(most)
})

test('C05 nothing else passes for an id', () => {
  const id = newId()
  const wrong = [
    '',
    ' ',
    'null',
    'undefined',
    '0',
    '[object Object]',
    'x',
    'x'.repeat(65_536),
    '*',
    'session:*',
    '../x',
    'a\0b',
    '%2e%2e',
    '\ud800',
    `${id}=`,
    id.slice(1),
    `${id}A`,
    `${id.slice(0, 42)}B`,
    ` ${id.slice(1)}`,
    `${id.slice(0, 42)}\n`,
    id.replace(/^./, '+'),
  ]
  for (const token of wrong) expect(isId(token), JSON.stringify(token)).toBe(false)
})

test('the record’s id is SHA-256 of the id’s text', () => {
  const id = newId()
  expect(recordId(id)).toBe(createHash('sha256').update(id).digest('base64url'))
  expect(isId(recordId(id))).toBe(true)
})
