import assert from 'node:assert/strict'
import type { SessionInfo } from '../../contracts/store.ts'
import { alive, born, during, freshRecord, ids, infoOf, pause, plain, shown } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

function byId(infos: readonly SessionInfo[]): SessionInfo[] {
  return [...infos].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The index by user. */
export const listCases: readonly StoreCase[] = [
  {
    name: 'list answers every session of the user and nobody else’s, without values',
    needs: 'lists',
    run: async ({ store, other }) => {
      const mine = [
        await born(store, { user: 'anna', label: 'phone' }),
        await born(other, { user: 'anna', data: 'ü😀' }),
      ]
      await born(store, { user: 'bert' })
      await born(store)
      for (const view of [store, other])
        assert.deepEqual(
          byId((await view.list('anna')).map(shown)),
          byId(mine.map((record) => infoOf(record))),
        )
    },
  },
  {
    name: 'list answers an empty list for an unknown user',
    needs: 'lists',
    run: async ({ store }) => {
      await born(store, { user: 'anna' })
      assert.deepEqual(await store.list('nobody'), [])
    },
  },
  {
    name: 'an update that changes the user moves the session to the new user’s list',
    needs: 'lists',
    run: async ({ store, other }) => {
      let record = await born(store)
      for (const user of ['anna', 'bert', null, 'anna', 'anna', 'bert', 'anna']) {
        assert.equal(await store.update({ ...plain(record), user }, record.version), 'done')
        record = await alive(other, record.id)
        assert.deepEqual(ids(await other.list('anna')), user === 'anna' ? [record.id] : [])
        assert.deepEqual(ids(await store.list('bert')), user === 'bert' ? [record.id] : [])
      }
    },
  },
  {
    name: 'a touch and a renewal show in the list',
    needs: 'lists',
    run: async ({ store }) => {
      const before = await born(store, { user: 'anna' })
      await store.touch(before.id, before.seenAt + 1, before.expiresAt + 1)
      assert.deepEqual((await store.list('anna')).map(shown), [infoOf(await alive(store, before.id))])
      await store.get(before.id, {
        seenBefore: before.expiresAt,
        seenAt: before.seenAt + 2,
        expiresAt: before.expiresAt + 2,
      })
      assert.equal((await store.list('anna'))[0]?.expiresAt, before.expiresAt + 2)
    },
  },
  {
    name: 'a rotation moves the session within its user’s list, or to the new user’s',
    needs: 'lists',
    run: async ({ store, other }) => {
      const guest = await born(store)
      const login = freshRecord({ user: 'anna' })
      assert.equal(await store.rotate(guest.id, login, guest.version), 'done')
      assert.deepEqual(ids(await other.list('anna')), [login.id])
      const again = freshRecord({ user: 'anna' })
      assert.equal(await other.rotate(login.id, again, (await alive(other, login.id)).version), 'done')
      assert.deepEqual(ids(await store.list('anna')), [again.id])
      const logout = freshRecord()
      assert.equal(await store.rotate(again.id, logout, (await alive(store, again.id)).version), 'done')
      assert.deepEqual(await other.list('anna'), [])
    },
  },
  {
    name: 'a deleted session leaves the list',
    needs: 'lists',
    run: async ({ store, other }) => {
      const [one, two] = [await born(store, { user: 'anna' }), await born(store, { user: 'anna' })]
      await store.delete(one.id)
      assert.deepEqual(ids(await other.list('anna')), [two.id])
      await other.delete(two.id)
      assert.deepEqual(await store.list('anna'), [])
    },
  },
  {
    name: 'a live session is never missing from its user’s list, while it is updated, touched and rotated',
    needs: 'lists',
    run: async ({ store, other }) => {
      let { id } = await born(store, { user: 'anna' })
      const change = async (): Promise<void> => {
        for (let n = 0; n < 60; n++) {
          const current = await alive(store, id)
          const next = freshRecord({ user: 'anna', data: String(n) })
          if (n % 3 === 0) await store.touch(id, current.seenAt, current.expiresAt + n)
          else if (n % 3 === 1) await store.update({ ...plain(current), data: String(n) }, current.version)
          else {
            assert.equal(await store.rotate(id, next, current.version), 'done')
            id = next.id
          }
          await pause(n % 3)
        }
      }
      await during(change(), async () => {
        assert.ok((await other.list('anna')).length >= 1, 'the session must be listed')
      })
      assert.deepEqual(ids(await other.list('anna')), [id])
    },
  },
]
