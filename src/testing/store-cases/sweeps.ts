import assert from 'node:assert/strict'
import { alive, born, ids, pause, plain, together, HOUR } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** What `gc` removes, and what it must not. */
export const sweepCases: readonly StoreCase[] = [
  {
    name: 'gc removes what expired at or before now, to the millisecond, and answers how many',
    needs: 'sweeps',
    run: async ({ store, other, traits }) => {
      const now = Date.now() + HOUR
      const dead = await together(5, (n) => born(store, { user: 'anna', expiresAt: now - n }))
      const living = await together(5, (n) => born(store, { user: 'anna', expiresAt: now + 1 + n }))
      assert.equal(await other.gc(now), 5)
      for (const { id } of dead) assert.equal(await store.get(id), null)
      for (const record of living) assert.deepEqual(await alive(store, record.id), record)
      if (traits.lists) assert.deepEqual(ids(await store.list('anna')), ids(living))
      assert.equal(await store.gc(now), 0)
    },
  },
  {
    name: 'gc leaves live records alone',
    run: async ({ store }) => {
      const living = await together(5, () => born(store))
      assert.equal(await store.gc(Date.now()), 0)
      for (const record of living) assert.deepEqual(await alive(store, record.id), record)
    },
  },
  {
    name: 'gc stops early on its signal and answers how many it removed',
    needs: 'sweeps',
    run: async ({ store }) => {
      const now = Date.now() + HOUR
      const dead = await together(20, () => born(store, { expiresAt: now }))
      const gone = await store.gc(now, AbortSignal.abort())
      let left = 0
      for (const { id } of dead) if (await store.get(id)) left += 1
      assert.equal(gone, dead.length - left)
      assert.equal(await store.gc(now), left)
    },
  },
  {
    name: 'two sweeps at once count every record once',
    needs: 'sweeps',
    run: async ({ store, other }) => {
      const now = Date.now() + HOUR
      await together(30, () => born(store, { expiresAt: now }))
      const [mine, theirs] = await Promise.all([store.gc(now), other.gc(now)])
      assert.equal(mine + theirs, 30)
    },
  },
  {
    name: 'a record that was renewed, touched or updated in time survives a sweep that races with it',
    run: async ({ store, other }) => {
      const now = Date.now() + HOUR
      for (let round = 0; round < 5; round++) {
        const records = await together(12, () => born(store, { expiresAt: now }))
        const later = { seenAt: now - 1, expiresAt: now + HOUR }
        const sweep = pause(round).then(() => other.gc(now))
        const saved = await together(12, async (n) => {
          const record = records[n]!
          await pause(n % 4)
          if (n % 3 === 0)
            return (await store.get(record.id, { seenBefore: now, ...later }))?.expiresAt === later.expiresAt
          if (n % 3 === 1) return store.touch(record.id, later.seenAt, later.expiresAt)
          return (await store.update({ ...plain(record), ...later }, record.version)) === 'done'
        })
        await sweep
        for (const [n, record] of records.entries())
          if (saved[n]) assert.equal((await alive(store, record.id)).expiresAt, later.expiresAt)
      }
    },
  },
]
