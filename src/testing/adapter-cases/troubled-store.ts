import type { Awaitable, Outcome, Page, Renewal, SessionInfo } from '../../contracts/store.ts'
import type { SessionRecord, SessionStore, StoredRecord, Version } from '../../contracts/store.ts'
import { memoryStore } from '../../stores/memory.ts'

/** A store in memory that answers at once or some turns later, fails when told to, and tells what it was asked. */
export class TroubledStore implements SessionStore {
  readonly immediate: boolean
  /** The calls so far, each noted when it is over. */
  readonly calls: string[] = []
  /** The methods that fail from now on. */
  readonly failing: Set<string> = new Set()
  readonly #inner = memoryStore()

  constructor(immediate: boolean) {
    this.immediate = immediate
  }

  get(id: string, renewal?: Renewal): Awaitable<StoredRecord | null> {
    return this.#answer('get', () => this.#inner.get(id, renewal))
  }

  create(record: SessionRecord): Awaitable<boolean> {
    return this.#answer('create', () => this.#inner.create(record))
  }

  update(record: SessionRecord, seen: Version): Awaitable<Outcome> {
    return this.#answer('update', () => this.#inner.update(record, seen))
  }

  rotate(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome> {
    return this.#answer('rotate', () => this.#inner.rotate(from, record, seen))
  }

  touch(id: string, seenAt: number, expiresAt: number): Awaitable<boolean> {
    return this.#answer('touch', () => this.#inner.touch(id, seenAt, expiresAt))
  }

  delete(id: string): Awaitable<boolean> {
    return this.#answer('delete', () => this.#inner.delete(id))
  }

  list(user: string): Awaitable<readonly SessionInfo[]> {
    return this.#answer('list', () => this.#inner.list(user))
  }

  page(cursor: string | null, limit: number): Awaitable<Page> {
    return this.#inner.page(cursor, limit)
  }

  gc(now: number): Awaitable<number> {
    return this.#inner.gc(now)
  }

  #answer<T>(call: string, work: () => T): Awaitable<T> {
    if (this.immediate) return this.#carryOut(call, work)
    return turns(3).then(() => this.#carryOut(call, work))
  }

  #carryOut<T>(call: string, work: () => T): T {
    this.calls.push(call)
    if (this.failing.has(call)) throw new Error('The store of this test is down')
    return work()
  }
}

/** Lets `count` turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
