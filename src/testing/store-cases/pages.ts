import assert from 'node:assert/strict'
import type { Page, SessionInfo, SessionStore } from '../../contracts/store.ts'
import { born, ids, infoOf, shown, together } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

/** Every session on every page; `between` runs after each page. */
async function walk(
  store: SessionStore,
  limit: number,
  between: () => Promise<void> = async () => {},
): Promise<SessionInfo[]> {
  const walked: SessionInfo[] = []
  let cursor: string | null = null
  for (let pages = 0; pages < 2000; pages++) {
    const page: Page = await store.page(cursor, limit)
    assert.ok(page.sessions.length <= limit, `a page holds at most ${limit} sessions`)
    walked.push(...page.sessions)
    cursor = page.next
    if (cursor === null) break
    await between()
  }
  assert.equal(cursor, null, 'the walk must end')
  return walked
}

/** The walk over all records. */
export const pageCases: readonly StoreCase[] = [
  {
    name: 'page of an empty store is empty and the last',
    needs: 'lists',
    run: async ({ store }) => {
      assert.deepEqual(await walk(store, 10), [])
    },
  },
  {
    name: 'pages of any size walk over every record exactly once',
    needs: 'lists',
    run: async ({ store, other }) => {
      const records = await together(120, (n) =>
        born(store, { user: n % 3 ? null : `user ${n}`, data: 'x'.repeat(n) }),
      )
      for (const [view, limit] of [
        [store, 7],
        [other, 40],
        [store, 1],
        [other, 1000],
      ] as const)
        assert.deepEqual(ids(await walk(view, limit)), ids(records))
    },
  },
  {
    name: 'a page shows records without their values',
    needs: 'lists',
    run: async ({ store }) => {
      const record = await born(store, { user: 'anna', label: 'phone', data: 'ü😀' })
      assert.deepEqual((await walk(store, 5)).map(shown), [infoOf(record)])
    },
  },
  {
    name: 'reads between the pages do not disturb the walk, and deleted records are not in it',
    needs: 'lists',
    run: async ({ store }) => {
      const records = await together(30, () => born(store))
      const [deleted, ...kept] = records
      await store.delete(deleted!.id)
      const walked = await walk(store, 4, async () => {
        for (const { id } of kept) await store.get(id)
      })
      assert.deepEqual(ids(walked), ids(kept))
    },
  },
]
