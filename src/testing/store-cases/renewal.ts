import assert from 'node:assert/strict'
import { absent, alive, born, plain, stored, HOUR } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** Renewal inside a read, and touch. */
export const renewalCases: readonly StoreCase[] = [
  {
    name: 'get renews a live record last seen before seenBefore, and answers the renewed times',
    run: async ({ store, other }) => {
      const before = await born(store, { user: 'anna', label: 'phone' })
      const renewal = {
        seenBefore: before.seenAt + 1,
        seenAt: before.seenAt + 60_001,
        expiresAt: before.expiresAt + 60_003,
      }
      const expected = { ...before, seenAt: renewal.seenAt, expiresAt: renewal.expiresAt }
      assert.deepEqual(await alive(store, before.id, renewal), expected)
      assert.deepEqual(await alive(store, before.id), expected)
      assert.deepEqual(await alive(other, before.id), expected)
    },
  },
  {
    name: 'get leaves a record alone that was last seen at seenBefore or later',
    run: async ({ store }) => {
      const before = await born(store)
      for (const seenBefore of [before.seenAt, before.seenAt - 1, 0]) {
        const renewal = { seenBefore, seenAt: before.seenAt + 60_000, expiresAt: before.expiresAt + 60_000 }
        assert.deepEqual(await alive(store, before.id, renewal), before)
      }
      assert.deepEqual(await alive(store, before.id), before)
    },
  },
  {
    name: 'no renewal goes past endsAt',
    run: async ({ store }) => {
      const before = await born(store)
      const renewal = {
        seenBefore: before.seenAt + 1,
        seenAt: before.seenAt + 2,
        expiresAt: before.endsAt + 1,
      }
      assert.equal((await store.get(before.id, renewal))?.expiresAt, before.endsAt)
      assert.equal((await alive(store, before.id)).expiresAt, before.endsAt)
    },
  },
  {
    name: 'get does not renew a record that is dead at the new seenAt',
    run: async ({ store }) => {
      const before = await born(store)
      for (const late of [0, 1, HOUR]) {
        const seenAt = before.expiresAt + late
        const read = await store.get(before.id, { seenBefore: seenAt, seenAt, expiresAt: seenAt + HOUR })
        if (read) assert.deepEqual(stored(read), before)
      }
      const read = await store.get(before.id)
      if (read) assert.deepEqual(stored(read), before)
      const renewal = {
        seenBefore: before.expiresAt - 1,
        seenAt: before.expiresAt - 1,
        expiresAt: before.expiresAt + 1,
      }
      assert.equal((await store.get(before.id, renewal))?.expiresAt, before.expiresAt + 1)
    },
  },
  {
    name: 'a renewal does not change the version: an update that saw the record before it still goes through',
    run: async ({ store, other }) => {
      const seen = await born(store)
      const times = { seenAt: seen.seenAt + 10, expiresAt: seen.expiresAt + 10 }
      assert.equal(
        (await other.get(seen.id, { seenBefore: seen.seenAt + 1, ...times }))?.version,
        seen.version,
      )
      assert.equal(await store.update({ ...plain(seen), data: 'mine' }, seen.version), 'done')
    },
  },
  {
    name: 'touch sets seenAt and expiresAt and nothing else, not even the version',
    run: async ({ store, other }) => {
      const before = await born(store, { user: 'anna', label: 'phone', data: '{"a":1}' })
      const times = { seenAt: before.seenAt + 17, expiresAt: before.expiresAt + 19 }
      assert.equal(await store.touch(before.id, times.seenAt, times.expiresAt), true)
      assert.deepEqual(await alive(other, before.id), { ...before, ...times })
      assert.equal(await store.update({ ...plain(before), ...times, data: 'mine' }, before.version), 'done')
    },
  },
  {
    name: 'touch goes no further than endsAt',
    run: async ({ store }) => {
      const before = await born(store)
      assert.equal(await store.touch(before.id, before.seenAt, before.endsAt + HOUR), true)
      assert.equal((await alive(store, before.id)).expiresAt, before.endsAt)
    },
  },
  {
    name: 'touch never creates',
    run: async (bench) => {
      const before = await born(bench.store)
      assert.equal(await bench.store.delete(before.id), true)
      assert.equal(await bench.store.touch(before.id, before.seenAt, before.expiresAt), false)
      assert.equal(await bench.other.touch(before.id, before.seenAt, before.expiresAt), false)
      await absent(bench, before.id)
    },
  },
]
