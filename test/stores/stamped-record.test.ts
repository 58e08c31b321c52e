import { expect, test } from 'vitest'
import { decodeInfo, decodeRecord, encodeRecord, LINE } from '../../src/stores/stamped-record.ts'

const record = {
  id: 'one',
  data: '{"name":"Änn 🍰"}',
  user: 'ännchen',
  label: null,
  createdAt: 1_800_000_000_000,
  seenAt: 1_800_000_000_001,
  expiresAt: 1_800_000_000_002,
  endsAt: 1_800_000_000_003,
}
const stamp = 'abcdefghijklmnop'
const text = encodeRecord(record, stamp)

test('a record comes back as it was, with its stamp for a version', () => {
  expect(decodeRecord('one', text)).toEqual({ ...record, version: stamp })
})

test('a record that was cut or lengthened anywhere is none', () => {
  for (let end = 0; end < text.length; end++)
    expect(decodeRecord('one', text.slice(0, end)), `${end}`).toBeNull()
  expect(decodeRecord('one', `${text}x`)).toBeNull()
})

test('what stands before the values is enough to tell of a record', () => {
  const { data, ...rest } = record
  const info = { ...rest, size: data.length }
  expect(decodeInfo('one', text)).toEqual(info)
  expect(decodeInfo('one', text.slice(0, LINE + 'ännchen'.length))).toEqual(info)
  expect(decodeInfo('one', text.slice(0, LINE + 3))).toBeNull()
})
