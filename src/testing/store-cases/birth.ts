import assert from 'node:assert/strict'
import {
  absent,
  alive,
  born,
  freshId,
  freshRecord,
  holds,
  plain,
  stored,
  together,
  HOUR,
} from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** How a record comes to be, and how it is read. */
export const birthCases: readonly StoreCase[] = [
  {
    name: 'get answers null for an id that was never stored',
    run: async (bench) => absent(bench, freshId()),
  },
  {
    name: 'create stores a record, and get answers every field as it was given',
    run: async (bench) => {
      const anonymous = freshRecord()
      const named = freshRecord({ user: 'anna', label: 'Firefox on Linux', data: '{"a":1}' })
      assert.equal(await bench.store.create(anonymous), true)
      assert.equal(await bench.store.create(named), true)
      await holds(bench, anonymous)
      await holds(bench, named)
    },
  },
  {
    name: 'create answers false for a taken id and leaves the record untouched',
    run: async (bench) => {
      const first = await born(bench.store, { user: 'anna' })
      assert.equal(await bench.store.create(freshRecord({ id: first.id, user: 'eve', data: 'other' })), false)
      assert.equal(await bench.other.create(freshRecord({ id: first.id, data: 'third' })), false)
      assert.deepEqual(await alive(bench.store, first.id), first)
    },
  },
  {
    name: 'of many that create the same id at once exactly one wins, and its record stands',
    run: async (bench) => {
      const id = freshId()
      const won = await together(16, (n) =>
        (n % 2 ? bench.store : bench.other).create(freshRecord({ id, data: String(n) })),
      )
      assert.equal(won.filter(Boolean).length, 1)
      assert.equal((await alive(bench.store, id)).data, String(won.indexOf(true)))
    },
  },
  {
    name: 'times come back to the millisecond, also far in the future',
    run: async (bench) => {
      const now = Date.now()
      const times = [0, 1, 499, 500, 999].map((odd) => ({
        expiresAt: now + HOUR + odd,
        endsAt: now + 2 * HOUR + odd,
      }))
      times.push({ expiresAt: 4_102_444_800_001, endsAt: 253_402_300_799_999 })
      for (const time of times) {
        const record = freshRecord(time)
        assert.equal(await bench.store.create(record), true)
        await holds(bench, record)
      }
    },
  },
  {
    name: 'the version is a string or a number, the same at every read and for every reader',
    run: async ({ store, other }) => {
      const { id, version } = await born(store)
      assert.ok(typeof version === 'string' || typeof version === 'number')
      assert.equal((await alive(store, id)).version, version)
      assert.equal((await alive(other, id)).version, version)
    },
  },
  {
    name: 'a record that was read does not change when the stored one does',
    run: async ({ store }) => {
      const { id } = await born(store, { user: 'anna' })
      const read = await store.get(id)
      assert.ok(read)
      const copy = stored(read)
      await store.touch(read.id, read.seenAt + 5, read.expiresAt + 5)
      await store.update({ ...plain(read), data: 'new', user: 'bert' }, read.version)
      assert.deepEqual(stored(read), copy)
    },
  },
  {
    name: 'nothing but create makes a record: update, rotate, touch and delete of an unknown id find it gone',
    run: async (bench) => {
      const { version } = await born(bench.store)
      const unknown = freshRecord({ user: 'anna' })
      const next = freshRecord({ user: 'anna' })
      assert.equal(await bench.store.update(unknown, version), 'gone')
      assert.equal(await bench.store.rotate(unknown.id, next, version), 'gone')
      assert.equal(await bench.store.touch(unknown.id, unknown.seenAt, unknown.expiresAt), false)
      assert.equal(await bench.store.delete(unknown.id), false)
      await bench.store.get(unknown.id, { ...unknown, seenBefore: unknown.expiresAt })
      await absent(bench, unknown.id)
      await absent(bench, next.id)
      if (bench.traits.lists) assert.deepEqual(await bench.store.list('anna'), [])
    },
  },
]
