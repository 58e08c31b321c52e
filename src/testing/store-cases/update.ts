import assert from 'node:assert/strict'
import { alive, born, freshRecord, holds, plain } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** Compare and swap. */
export const updateCases: readonly StoreCase[] = [
  {
    name: 'update replaces every field of the version it has seen, and the version changes',
    run: async (bench) => {
      const before = await born(bench.store, { user: 'anna' })
      const after = freshRecord({
        id: before.id,
        data: '{"n":1}',
        user: 'bert',
        label: 'phone',
        createdAt: before.createdAt + 1,
        seenAt: before.seenAt + 2,
        expiresAt: before.expiresAt + 3,
        endsAt: before.endsAt + 4,
      })
      assert.equal(await bench.store.update(after, before.version), 'done')
      await holds(bench, after)
      assert.notEqual((await alive(bench.store, before.id)).version, before.version)
    },
  },
  {
    name: 'update answers conflict for a version that is not the newest, and changes nothing',
    run: async (bench) => {
      const first = await born(bench.store, { user: 'anna' })
      assert.equal(await bench.store.update({ ...plain(first), data: 'second' }, first.version), 'done')
      const second = await alive(bench.store, first.id)
      const late = { ...plain(first), data: 'late', user: 'eve' }
      assert.equal(await bench.store.update(late, first.version), 'conflict')
      assert.equal(await bench.other.update(late, first.version), 'conflict')
      assert.deepEqual(await alive(bench.other, first.id), second)
      if (bench.traits.lists) assert.deepEqual(await bench.store.list('eve'), [])
    },
  },
  {
    name: 'versions of many updates are all different, whoever wrote them',
    run: async ({ store, other }) => {
      const { id, ...rest } = await born(store)
      const versions = new Set([rest.version])
      for (let n = 1; n <= 20; n++) {
        const writer = n % 2 ? store : other
        const { version, ...record } = await alive(writer, id)
        assert.equal(await writer.update({ ...record, data: `{"n":${n}}` }, version), 'done')
        versions.add((await alive(store, id)).version)
      }
      assert.equal(versions.size, 21)
    },
  },
  {
    name: 'an update of one record leaves the others alone',
    run: async (bench) => {
      const [one, two] = [await born(bench.store), await born(bench.store)]
      assert.equal(await bench.store.update({ ...plain(one), data: 'changed' }, one.version), 'done')
      assert.deepEqual(await alive(bench.store, two.id), two)
    },
  },
]
