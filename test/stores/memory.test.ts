import { setFlagsFromString } from 'node:v8'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { SessionError } from '../../src/errors.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { MemoryStore } from '../../src/stores/memory.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { freshId, freshRecord } from '../../src/testing/store-cases/store-case.ts'

describe('the store contract', () => {
  storeSuite({ test, make: () => ({ store: memoryStore() }) })
})

function full(max: number): { store: MemoryStore; ids: string[]; events: StoreEvent[] } {
  const store = memoryStore({ max })
  const events: StoreEvent[] = []
  store.attach((event) => void events.push(event))
  const ids = Array.from({ length: max }, freshId)
  for (const id of ids) store.create(freshRecord({ id, user: 'anna' }))
  return { store, ids, events }
}

describe('the bound', () => {
  test('the least recently used session goes first, and an event says so', () => {
    const { store, ids, events } = full(3)
    store.get(ids[0]!)
    store.touch(ids[1]!, Date.now(), Date.now() + 3_600_000)
    expect(store.create(freshRecord())).toBe(true)
    expect(store.get(ids[2]!)).toBeNull()
    expect(store.get(ids[0]!)).not.toBeNull()
    expect(store.get(ids[1]!)).not.toBeNull()
    expect(events).toEqual([{ type: 'evicted', id: ids[2] }])
    expect(store.list('anna')).toHaveLength(2)
  })

  test('an expired session goes before a live one, silently', () => {
    const { store, ids, events } = full(10)
    const old = freshRecord()
    store.touch(ids[4]!, old.seenAt, old.seenAt - 1)
    for (const id of ids) if (id !== ids[4]) store.get(id)
    for (const id of ids.slice(0, 5)) store.get(id)
    expect(store.create(freshRecord())).toBe(true)
    expect(store.get(ids[4]!)).toBeNull()
    for (const id of ids) if (id !== ids[4]) expect(store.get(id)).not.toBeNull()
    expect(events).toEqual([])
  })

  test('a refused create and a rotation evict nobody', () => {
    const { store, ids, events } = full(2)
    expect(store.create(freshRecord({ id: ids[0]! }))).toBe(false)
    const { version } = store.get(ids[0]!)!
    expect(store.rotate(ids[0]!, freshRecord(), version)).toBe('done')
    expect(store.get(ids[1]!)).not.toBeNull()
    expect(events).toEqual([])
  })

  test('a million bots leave no more than the bound', () => {
    const { store, events } = full(100)
    for (let n = 0; n < 20_000; n++) store.create(freshRecord({ id: String(n) }))
    const { sessions, next } = store.page(null, 1000)
    expect(sessions).toHaveLength(100)
    expect(next).toBeNull()
    expect(events).toHaveLength(20_000)
  })

  test.each<any>([0, -1, 1.5, Number.NaN, Infinity, 16_000_001, '10', null])('max %s is refused', (max) => {
    const wrong = (): unknown => memoryStore({ max })
    expect(wrong).toThrow(SessionError)
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CONFIG' }))
  })
})

describe('the sweep', () => {
  test('a large store is swept in slices that let other work run, and stops on its signal', async () => {
    const store = memoryStore({ max: 50_000 })
    const record = freshRecord()
    for (let n = 0; n < 50_000; n++) store.create({ ...record, id: String(n) })
    const stop = new AbortController()
    let turns = 0
    const turn = (): void => {
      turns += 1
      if (turns === 2) stop.abort()
      else setImmediate(turn)
    }
    setImmediate(turn)
    const gone = await store.gc(record.expiresAt, stop.signal)
    expect(gone).toBeGreaterThanOrEqual(1_000)
    expect(gone).toBeLessThan(50_000)
    expect(await store.gc(record.expiresAt)).toBe(50_000 - gone)
    expect(store.page(null, 10)).toEqual({ sessions: [], next: null })
  })
})

describe('the cost', () => {
  test('every answer is given at once', async () => {
    const store = memoryStore()
    const record = freshRecord()
    const next = freshRecord()
    const answers = [
      store.create(record),
      store.get(record.id),
      store.update(record, 1),
      store.touch(record.id, record.seenAt, record.expiresAt),
      store.rotate(record.id, next, 2),
      store.list('anna'),
      store.page(null, 10),
      store.gc(0),
      store.delete(next.id),
    ]
    for (const answer of answers) expect(answer).not.toBeInstanceOf(Promise)
  })

  test('an idle session of 300 bytes takes at most 700 bytes of heap', () => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const count = 40_000
    const store = memoryStore({ max: count })
    collect()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < count; n++)
      store.create(
        freshRecord({ data: Buffer.alloc(300, 97 + (n % 26)).toString('latin1'), createdAt: Date.now() + n }),
      )
    collect()
    const each = (process.memoryUsage().heapUsed - before) / count
    expect(each).toBeLessThan(700)
    expect(each).toBeGreaterThan(300)
    expect(store.page(null, 1)).toMatchObject({ next: expect.any(String) })
  })

  test('inspecting the store shows no session', () => {
    const store = memoryStore()
    const record = freshRecord({ data: 'a canary value', user: 'a canary user' })
    store.create(record)
    expect(inspect(store, { depth: 10, showHidden: true })).not.toMatch(/canary/)
    expect(inspect(store, { depth: 10, showHidden: true })).not.toContain(record.id)
  })
})
