import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { SessionRecord, SessionStore, StoredRecord, StoreEvent } from '../../src/contracts/store.ts'
import { SessionError } from '../../src/errors.ts'
import { fileStore } from '../../src/stores/file.ts'
import { freshRecord, plain, HOUR } from '../../src/testing/store-cases/store-case.ts'
import { freshDirectory, freshIdIn, litterIn } from './directories.ts'
import type { Operation } from './file-worker.ts'
import { compileWorkers } from './workers.ts'
import type { Worker } from './workers.ts'

// Many short-lived processes: seconds on an idle machine, more where others work too.
vi.setConfig({ testTimeout: 180_000 })

let workers: Awaited<ReturnType<typeof compileWorkers>>
const started = new Set<Worker>()

beforeAll(async () => {
  workers = await compileWorkers()
})

afterAll(async () => {
  for (const worker of started) worker.kill('SIGKILL')
  for (const worker of started) await worker.ended
  workers.dispose()
})

function start(task: string, details: object): Worker {
  const worker = workers.start(task, details)
  started.add(worker)
  void worker.ended.then(() => started.delete(worker))
  return worker
}

async function alive(store: SessionStore, id: string): Promise<StoredRecord> {
  const record = await store.get(id)
  expect(record).not.toBeNull()
  return record!
}

async function everySession(store: SessionStore) {
  const { sessions, next } = await store.page(null, 1_000_000)
  expect(next).toBeNull()
  return sessions
}

/** What must be true of a store in which a process died during `operation`. */
async function inspect(
  directory: string,
  operation: Operation,
  before: SessionRecord | null,
): Promise<string> {
  const store = fileStore(directory)
  const events: StoreEvent[] = []
  store.attach?.((event) => void events.push(event))
  const { id, record, verb, now } = operation
  const [old, young] = [await store.get(id), id === record.id ? null : await store.get(record.id)]

  // The next one in line is not kept waiting, nor told nonsense.
  const next = old ?? young
  if (next) expect(await store.update({ ...plain(next), label: 'next' }, next.version)).toBe('done')
  await store.gc(verb === 'gc' ? now : 0)
  if (next && verb !== 'gc') expect((await alive(store, next.id)).label).toBe('next')
  expect(events).toEqual([])
  expect(litterIn(directory, await everySession(store))).toEqual([])

  const state = old ? plain(old) : young ? plain(young) : null
  const { seenAt, expiresAt } = record
  const after = {
    create: record,
    update: record,
    touch: before && { ...before, seenAt: seenAt + 1000, expiresAt: expiresAt + 1000 },
    renew: before && { ...before, seenAt: seenAt + 1000, expiresAt: expiresAt + 1000 },
    delete: null,
    rotate: record,
    gc: null,
  }[verb]
  expect(old && young).toBeFalsy()
  try {
    expect(state).toEqual(before)
    return 'before'
  } catch {
    expect(state).toEqual(after)
    return 'after'
  }
}

const isStopped = (worker: Worker): boolean => / T /.test(readFileSync(`/proc/${worker.pid}/stat`, 'utf8'))

describe('no update is lost', () => {
  test('four processes with 64 requests in flight each count on one session', async () => {
    const directory = freshDirectory()
    const store = fileStore(directory)
    const record = freshRecord({ data: '0' })
    await store.create(record)
    const counters = Array.from({ length: 4 }, () =>
      start('count', { directory, options: { timeout: 30_000 }, id: record.id, requests: 64, each: 8 }),
    )
    let acknowledged = 0
    for (const counter of counters) acknowledged += (await counter.hears((report) => 'added' in report)).added
    expect(acknowledged).toBe(4 * 64 * 8)
    expect((await alive(store, record.id)).data).toBe(String(acknowledged))
    await store.gc(0)
    expect(litterIn(directory, await everySession(store))).toEqual([])
  })
})

describe('a process that dies', () => {
  const OPERATIONS: readonly (readonly [what: string, verb: Operation['verb'], fsync: boolean])[] = [
    ['create', 'create', false],
    ['update', 'update', false],
    ['renew', 'renew', false],
    ['delete', 'delete', false],
    ['rotate', 'rotate', false],
    ['rotate within a stripe', 'rotate', false],
    ['gc', 'gc', false],
    ['durable update', 'update', true],
    ['durable rotate', 'rotate', true],
    ['durable rotate within a stripe', 'rotate', true],
  ]

  test.each(OPERATIONS)(
    'at every change to the file system, during %s, leaves all or nothing',
    async (what, verb, fsync) => {
      const ends: string[] = []
      async function dieAt(at: number): Promise<boolean> {
        const directory = freshDirectory()
        const store = fileStore(directory)
        const old = freshRecord({ user: 'anna' })
        const id = verb === 'create' ? freshRecord().id : old.id
        if (verb !== 'create') await store.create(old)
        const changed = {
          ...old,
          ...(verb !== 'rotate' && { id }),
          data: 'new',
          user: verb === 'touch' ? 'anna' : 'bert',
        }
        const young = freshIdIn(
          what.endsWith('within a stripe') ? 'the same stripe' : 'another stripe',
          old.id,
        )
        const record = verb === 'rotate' ? { ...changed, id: young } : changed
        const operation: Operation = { verb, id, record, now: old.expiresAt }
        const worker = start('stumble', { directory, options: { fsync }, operation, at, signal: 'SIGKILL' })
        const { signal, errors } = await worker.ended
        expect(errors).toBe('')
        const end = await inspect(directory, operation, verb === 'create' ? null : old)
        ends[at] = end
        if (signal === null) expect(end).toBe('after')
        return signal === 'SIGKILL'
      }
      let dying = true
      for (let at = 1; dying && at < 120; at += 3)
        dying = (await Promise.all([dieAt(at), dieAt(at + 1), dieAt(at + 2)])).every(Boolean)
      expect(dying).toBe(false)
      // Once done, an operation stays done: there is one call before which it was not and after which it was.
      const story = ends.filter(Boolean).join(' ')
      expect(story).toMatch(/^(before )+(after ?)+$/)
    },
  )
})

describe('a process that is stopped while it holds a lock', () => {
  test.skipIf(process.platform !== 'linux')(
    'loses it after a second, and overwrites nothing when it goes on',
    async () => {
      const verbs = ['update', 'delete', 'rotate', 'touch'] as const
      const scenes = verbs.flatMap((verb) => [1, 2, 3, 4, 5, 6, 7].map((at) => ({ verb, at })))
      let robbed = 0

      async function scene({ verb, at }: (typeof scenes)[number]): Promise<void> {
        const directory = freshDirectory()
        const store = fileStore(directory)
        const old = freshRecord({ data: 'old', user: 'anna' })
        await store.create(old)
        const seen = await alive(store, old.id)
        const record = { ...old, data: 'stopped', ...(verb === 'rotate' && { id: freshRecord().id }) }
        const operation: Operation = { verb, id: old.id, record, now: 0 }
        const worker = start('stumble', { directory, operation, at, signal: 'SIGSTOP' })
        const first = await worker.hears((report) => 'stumbled' in report || 'outcome' in report)
        if ('outcome' in first) return
        for (let tries = 0; tries < 1000 && !isStopped(worker); tries++) await setTimeout(1)

        const mine = await Promise.resolve(store.update({ ...old, data: 'other' }, seen.version)).catch(
          (error: unknown) => error,
        )
        if (mine instanceof SessionError) expect(mine.code).toBe('ERR_SESSION_TIMEOUT')
        const meanwhile = await store.get(old.id)
        if (mine === 'done') expect(meanwhile?.data).toBe('other')
        worker.kill('SIGCONT')
        const { outcome } = await worker.hears((report) => 'outcome' in report)
        await worker.ended

        const [end, born] = [await store.get(old.id), await store.get(record.id)]
        if (mine === 'done') robbed += 1
        if (verb === 'delete') {
          expect(outcome).toBe(true)
          expect(end).toBeNull()
        } else if (verb === 'touch') {
          expect(outcome).toBe(true)
          expect(end?.data).toBe(mine === 'done' ? 'other' : 'old')
        } else {
          expect([mine, outcome].filter((answer) => answer === 'done')).toHaveLength(1)
          expect((end ?? born)?.data).toBe(mine === 'done' ? 'other' : 'stopped')
          if (verb === 'rotate') expect(end && born).toBeFalsy()
        }
        await store.gc(0)
        expect(litterIn(directory, await everySession(store))).toEqual([])
      }

      for (let next = 0; next < scenes.length; next += 20)
        await Promise.all(scenes.slice(next, next + 20).map((one) => scene(one)))
      expect(robbed).toBeGreaterThan(10)
    },
  )
})

describe('logout is final between processes', () => {
  test('no update, touch or renewal of three other processes brings a deleted session back', async () => {
    const directory = freshDirectory()
    const store = fileStore(directory, { timeout: 20_000 })
    const ids: string[] = []
    for (let n = 0; n < 100; n++) {
      const record = freshRecord({ user: 'anna' })
      await store.create(record)
      ids.push(record.id)
    }
    const ghosts = Array.from({ length: 3 }, () =>
      start('haunt', { directory, options: { timeout: 20_000 }, ids }),
    )
    for (const ghost of ghosts) await ghost.hears((report) => report === 'ready')
    for (const id of ids) {
      await setTimeout(Math.random() * 6)
      expect(await store.delete(id)).toBe(true)
      expect(await store.get(id)).toBeNull()
    }
    for (const ghost of ghosts) expect(await ghost.ended).toEqual({ code: 0, signal: null, errors: '' })
    for (const id of ids) expect(await store.get(id)).toBeNull()
    expect(await store.list('anna')).toEqual([])
    await store.gc(0)
    expect(litterIn(directory, [])).toEqual([])
  })
})

describe('the list of a user', () => {
  test('never misses a session while other processes rotate it and sweep', async () => {
    const directory = freshDirectory()
    const store = fileStore(directory, { timeout: 20_000 })
    const options = { timeout: 20_000 }
    const record = freshRecord({ user: 'anna' })
    await store.create(record)
    const rotor = start('rotate', { directory, options, id: record.id, times: 1500 })
    const sweeper = start('sweep', { directory, options, now: 0, times: 150 })
    await rotor.hears((report) => report === 'ready')
    let looks = 0
    for (; rotor.told.length === 1 && looks < 1_000_000; looks++) {
      expect(await store.list('anna')).not.toEqual([])
      await setTimeout(0)
    }
    expect(looks).toBeGreaterThan(50)
    const { last } = await rotor.hears((report) => report.last !== undefined)
    await sweeper.ended
    expect((await store.list('anna')).map(({ id }) => id)).toEqual([last])
    await store.gc(0)
    expect(litterIn(directory, await everySession(store))).toEqual([])
  })
})

describe('sweeps of several processes', () => {
  test('take nothing away from sessions that are being born or rotated', async () => {
    const directory = freshDirectory()
    const sweepers = Array.from({ length: 3 }, () => start('sweep', { directory, now: 0, times: 60 }))
    const stores = [false, true].map((fsync) => fileStore(directory, { timeout: 20_000, fsync }))
    const living: string[] = []
    for (let n = 0; n < 400; n++) {
      if (n > 50 && sweepers.every(({ told }) => told.length > 0)) break
      const store = stores[n % 2]!
      const [guest, login] = [freshRecord({ user: n % 3 ? null : `u${n}` }), freshRecord({ user: `u${n}` })]
      expect(await store.create(guest)).toBe(true)
      expect(await store.rotate(guest.id, login, (await alive(store, guest.id)).version)).toBe('done')
      expect((await store.list(`u${n}`)).map(({ id }) => id)).toEqual([login.id])
      living.push(login.id)
    }
    for (const sweeper of sweepers) expect(await sweeper.ended).toEqual({ code: 0, signal: null, errors: '' })
    for (const [n, id] of living.entries())
      expect((await stores[0]!.list(`u${n}`)).map((info) => info.id)).toEqual([id])
    await stores[0]!.gc(0)
    expect(litterIn(directory, await everySession(stores[0]!))).toEqual([])
  })

  test('remove no session that was renewed in time', async () => {
    const directory = freshDirectory()
    const store = fileStore(directory, { timeout: 20_000 })
    const now = Date.now() + HOUR
    const records = Array.from({ length: 300 }, () => freshRecord({ expiresAt: now, user: 'anna' }))
    for (const record of records) await store.create(record)
    const sweepers = Array.from({ length: 3 }, () => start('sweep', { directory, now, times: 5 }))
    const renewed = new Set<string>()
    for (const { id } of records) {
      const read = await store.get(id, { seenBefore: now, seenAt: now - 1, expiresAt: now + HOUR })
      if (read?.expiresAt === now + HOUR) renewed.add(id)
    }
    let gone = 0
    for (const sweeper of sweepers) gone += (await sweeper.hears((report) => 'gone' in report)).gone
    expect(gone + renewed.size).toBe(records.length)
    for (const id of renewed) expect((await alive(store, id)).expiresAt).toBe(now + HOUR)
    expect((await store.list('anna')).map(({ id }) => id).sort()).toEqual([...renewed].sort())
    await store.gc(now)
    expect(litterIn(directory, await everySession(store))).toEqual([])
  })
})
