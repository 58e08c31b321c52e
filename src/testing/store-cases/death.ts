import assert from 'node:assert/strict'
import { absent, born, freshRecord, pause, plain, together } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** The end of a session, which is final. */
export const deathCases: readonly StoreCase[] = [
  {
    name: 'delete removes the record and answers true, then false',
    run: async (bench) => {
      const { id } = await born(bench.store)
      assert.equal(await bench.store.delete(id), true)
      await absent(bench, id)
      assert.equal(await bench.store.delete(id), false)
      assert.equal(await bench.other.delete(id), false)
    },
  },
  {
    name: 'of many that delete one record at once exactly one is told it was there',
    run: async ({ store, other }) => {
      const { id } = await born(store)
      const gone = await together(16, (n) => (n % 2 ? store : other).delete(id))
      assert.equal(gone.filter(Boolean).length, 1)
    },
  },
  {
    name: 'a deleted record stays dead: a late update or rotate finds it gone, a late touch or renewal finds nothing',
    run: async (bench) => {
      const old = await born(bench.store, { user: 'anna' })
      assert.equal(await bench.store.delete(old.id), true)
      for (const late of [bench.store, bench.other]) {
        const next = freshRecord({ user: 'anna' })
        assert.equal(await late.update({ ...plain(old), data: 'late' }, old.version), 'gone')
        assert.equal(await late.touch(old.id, old.seenAt + 1, old.expiresAt + 1), false)
        assert.equal(await late.rotate(old.id, next, old.version), 'gone')
        assert.equal(await late.get(old.id, { ...old, seenBefore: old.expiresAt }), null)
        await absent(bench, next.id)
      }
      await absent(bench, old.id)
      if (bench.traits.lists) assert.deepEqual(await bench.store.list('anna'), [])
    },
  },
  {
    name: 'logout is final: after delete has answered, no racing update, touch or renewal brings the record back',
    run: async (bench) => {
      for (let round = 0; round < 40; round++) {
        const old = await born(bench.store)
        const times = { seenAt: old.seenAt + 1, expiresAt: old.expiresAt + 1 }
        const late = async (n: number): Promise<unknown> => {
          await pause((round + n) % 4)
          if (n % 3 === 0) return bench.other.update({ ...plain(old), data: 'late' }, old.version)
          if (n % 3 === 1) return bench.other.touch(old.id, times.seenAt, times.expiresAt)
          return bench.other.get(old.id, { seenBefore: times.seenAt, ...times })
        }
        const racing = together(9, late)
        await pause(round % 4)
        assert.equal(await bench.store.delete(old.id), true)
        assert.equal(await bench.other.get(old.id), null)
        await racing
        await absent(bench, old.id)
      }
    },
  },
  {
    name: 'of a delete and a rotation at once: either the session is deleted, or it goes on under its new id',
    run: async (bench) => {
      for (let round = 0; round < 20; round++) {
        const old = await born(bench.store)
        const next = freshRecord()
        const [deleted, rotated] = await Promise.all([
          pause(round % 3).then(() => bench.store.delete(old.id)),
          pause((round + 1) % 3).then(() => bench.other.rotate(old.id, next, old.version)),
        ])
        assert.deepEqual(
          { deleted, rotated },
          deleted ? { deleted, rotated: 'gone' } : { deleted, rotated: 'done' },
        )
        await absent(bench, old.id)
        assert.equal(Boolean(await bench.other.get(next.id)), rotated === 'done')
      }
    },
  },
]
