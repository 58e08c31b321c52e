import assert from 'node:assert/strict'
import { alive, born, during, pause, plain, together } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** Many at once. */
export const raceCases: readonly StoreCase[] = [
  {
    name: 'of 64 updates of one version at once exactly one is done, the others conflict, and the winner’s values stand',
    run: async ({ store, other }) => {
      let seen = await born(store)
      for (let round = 0; round < 3; round++) {
        const outcomes = await together(64, (n) =>
          (n % 2 ? store : other).update({ ...plain(seen), data: `${round}-${n}` }, seen.version),
        )
        const winner = outcomes.indexOf('done')
        assert.deepEqual(
          outcomes.filter((outcome) => outcome !== 'conflict'),
          ['done'],
        )
        seen = await alive(store, seen.id)
        assert.equal(seen.data, `${round}-${winner}`)
      }
    },
  },
  {
    name: 'no increment is lost: every acknowledged read-change-update of 16 at once is in the sum',
    run: async ({ store, other }) => {
      const { id } = await born(store, { data: '0' })
      const acknowledged = await together(16, async (n) => {
        const view = n % 2 ? store : other
        let added = 0
        for (let tries = 0; tries < 2000 && added < 5; tries++) {
          const { version, ...record } = await alive(view, id)
          const outcome = await view.update({ ...record, data: String(Number(record.data) + 1) }, version)
          if (outcome === 'done') added += 1
          else await pause((n + tries) % 5)
        }
        return added
      })
      const sum = acknowledged.reduce((total, added) => total + added, 0)
      assert.equal((await alive(store, id)).data, String(sum))
      assert.equal(sum, 80)
    },
  },
  {
    name: 'readers of a record that is rewritten all the time see whole records only',
    run: async ({ store, other }) => {
      const { id } = await born(store, { data: 'a'.repeat(5000) })
      const rewrite = async (): Promise<void> => {
        for (let n = 0; n < 60; n++) {
          const { version, ...record } = await alive(store, id)
          const data = String.fromCodePoint(97 + (n % 26)).repeat(5000)
          assert.equal(await store.update({ ...record, data }, version), 'done')
          await pause(n % 2)
        }
      }
      await during(rewrite(), async () => {
        const { data } = await alive(other, id)
        assert.equal(data.length, 5000)
        assert.equal(data, data[0]!.repeat(5000))
      })
    },
  },
]
