import type { Awaitable, Page, SessionInfo } from '../contracts/store.ts'

/** How many records one step of a walk asks for. */
const step = 200

/** What can be walked through: a store, or the sessions in one. */
interface Paged {
  page(cursor: string | null, limit: number): Awaitable<Page>
}

/** All records in steps, in the store's order, until the end or, between two steps, an interruption. */
export async function* walk(records: Paged, signal?: AbortSignal): AsyncGenerator<SessionInfo> {
  let cursor: string | null = null
  do {
    const page: Page = await records.page(cursor, step)
    yield* page.sessions
    if (signal?.aborted) return
    cursor = page.next
  } while (cursor !== null)
}
