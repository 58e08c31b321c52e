import assert from 'node:assert/strict'
import { absent, alive, born, freshRecord, holds, plain, together } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** The change of a session's id. */
export const rotationCases: readonly StoreCase[] = [
  {
    name: 'rotate ends the old id and begins the new one with every field as given',
    run: async (bench) => {
      const old = await born(bench.store, { user: 'anna' })
      const next = freshRecord({ user: 'bert', label: 'phone', data: '{"n":1}', createdAt: old.createdAt })
      assert.equal(await bench.store.rotate(old.id, next, old.version), 'done')
      await absent(bench, old.id)
      await holds(bench, next)
      const { version } = await alive(bench.other, next.id)
      assert.equal(await bench.other.update({ ...next, data: 'on' }, version), 'done')
    },
  },
  {
    name: 'rotate answers conflict for a version that is not the newest; the old stays, no new one comes to be',
    run: async (bench) => {
      const first = await born(bench.store, { user: 'anna' })
      await bench.store.update({ ...plain(first), data: 'second' }, first.version)
      const second = await alive(bench.store, first.id)
      const next = freshRecord({ user: 'anna' })
      assert.equal(await bench.other.rotate(first.id, next, first.version), 'conflict')
      assert.deepEqual(await alive(bench.store, first.id), second)
      await absent(bench, next.id)
      if (bench.traits.lists) assert.equal((await bench.store.list('anna')).length, 1)
    },
  },
  {
    name: 'rotate of a record that is gone creates nothing',
    run: async (bench) => {
      const old = await born(bench.store)
      assert.equal(await bench.store.delete(old.id), true)
      const next = freshRecord({ user: 'anna' })
      assert.equal(await bench.store.rotate(old.id, next, old.version), 'gone')
      await absent(bench, next.id)
      if (bench.traits.lists) assert.deepEqual(await bench.store.list('anna'), [])
    },
  },
  {
    name: 'rotate to a taken id answers conflict and leaves both records untouched',
    run: async ({ store, other }) => {
      const [old, taken] = [await born(store), await born(store, { user: 'bert' })]
      assert.equal(
        await store.rotate(old.id, freshRecord({ id: taken.id, user: 'eve' }), old.version),
        'conflict',
      )
      assert.deepEqual(await alive(other, old.id), old)
      assert.deepEqual(await alive(other, taken.id), taken)
    },
  },
  {
    name: 'a rotated session rotates again, and every id before the last is dead',
    run: async (bench) => {
      let current = await born(bench.store)
      const dead: string[] = []
      for (let n = 0; n < 10; n++) {
        const next = freshRecord({ data: String(n) })
        assert.equal(
          await (n % 2 ? bench.other : bench.store).rotate(current.id, next, current.version),
          'done',
        )
        dead.push(current.id)
        current = await alive(bench.store, next.id)
      }
      for (const id of dead) await absent(bench, id)
      assert.equal(current.data, '9')
    },
  },
  {
    name: 'of many that rotate one record at once exactly one wins, and only its new id lives',
    run: async (bench) => {
      const old = await born(bench.store)
      const next = Array.from({ length: 32 }, (_, n) => freshRecord({ data: String(n) }))
      const outcomes = await together(32, (n) =>
        (n % 2 ? bench.store : bench.other).rotate(old.id, next[n]!, old.version),
      )
      assert.equal(outcomes.filter((outcome) => outcome === 'done').length, 1)
      assert.ok(outcomes.every((outcome) => outcome === 'done' || outcome === 'gone'))
      await absent(bench, old.id)
      for (const [n, record] of next.entries())
        if (outcomes[n] === 'done') await holds(bench, record)
        else await absent(bench, record.id)
    },
  },
  {
    name: 'of an update and a rotation of the same version exactly one is done',
    run: async (bench) => {
      for (let round = 0; round < 25; round++) {
        const old = await born(bench.store)
        const next = freshRecord()
        const update = async () => bench.store.update({ ...plain(old), data: 'updated' }, old.version)
        const rotate = async () => bench.other.rotate(old.id, next, old.version)
        if (round % 2) {
          const [updated, rotated] = await Promise.all([update(), rotate()])
          assert.deepEqual(
            [updated, rotated].sort(),
            updated === 'done' ? ['conflict', 'done'] : ['done', 'gone'],
          )
        } else {
          const [rotated, updated] = await Promise.all([rotate(), update()])
          assert.deepEqual(
            [updated, rotated].sort(),
            updated === 'done' ? ['conflict', 'done'] : ['done', 'gone'],
          )
        }
        const living = [await bench.store.get(old.id), await bench.store.get(next.id)].filter(Boolean)
        assert.equal(living.length, 1)
      }
    },
  },
]
