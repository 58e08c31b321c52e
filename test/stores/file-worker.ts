/** What the other processes of the file store's tests do: `node file-worker.js <task> <JSON>`; reports are lines of JSON. */
import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { SessionRecord, StoredRecord, Version } from '../../src/contracts/store.ts'
import { fileStore } from '../../src/stores/file.ts'
import { changesSomething, intercept } from './faults.ts'

type Store = ReturnType<typeof fileStore>

function tell(report: unknown): void {
  writeSync(1, `${JSON.stringify(report)}\n`)
}

async function alive(store: Store, id: string): Promise<StoredRecord> {
  const record = await store.get(id)
  if (!record) throw new Error('the session is not there')
  return record
}

/** Adds one to a session, over and over, with many requests in flight. */
async function count({
  store,
  id,
  requests,
  each,
}: {
  store: Store
  id: string
  requests: number
  each: number
}) {
  const request = async (): Promise<number> => {
    let added = 0
    for (let tries = 0; added < each && tries < 100_000; tries++) {
      await setTimeout(Math.random() * 4)
      const { version, ...record } = await alive(store, id)
      if (tries % 4 === 0) await setTimeout(Math.random() * 4)
      const data = String(Number(record.data) + 1)
      if ((await store.update({ ...record, data }, version)) === 'done') added += 1
    }
    return added
  }
  const sums = await Promise.all(Array.from({ length: requests }, request))
  tell({ added: sums.reduce((total, added) => total + added, 0) })
}

/** Changes its own sessions without end, and says before each change what it is about to do, and after it that it is done. */
async function churn({ store, ids, user }: { store: Store; ids: string[]; user: string }) {
  const { freshId, freshRecord } = await import('../../src/testing/store-cases/store-case.ts')
  const current = new Map<string, StoredRecord>()
  for (const [slot, id] of ids.entries()) current.set(String(slot), await alive(store, id))
  tell('ready')
  for (let step = 0; ; step++) {
    const slot = String(step % ids.length)
    const old = current.get(slot)
    const data = `${step}:${'x'.repeat((step * 977) % 6000)}:${step}`
    const kind = old ? (step * 7) % 10 : -1
    if (!old || kind === -1) {
      const record = freshRecord({ data, user })
      tell({ slot, id: record.id, data })
      await store.create(record)
      tell({ slot, done: record.id, data })
      current.set(slot, await alive(store, record.id))
    } else if (kind === 0) {
      tell({ slot, id: null })
      await store.delete(old.id)
      tell({ slot, done: null })
      current.delete(slot)
    } else if (kind < 3) {
      const record = freshRecord({ id: freshId(), data, user })
      tell({ slot, id: record.id, data })
      await store.rotate(old.id, record, old.version)
      tell({ slot, done: record.id, data })
      current.set(slot, await alive(store, record.id))
    } else {
      tell({ slot, id: old.id, data })
      await store.update({ ...old, data, user: step % 3 ? user : null }, old.version)
      tell({ slot, done: old.id, data })
      current.set(slot, await alive(store, old.id))
    }
  }
}

export interface Operation {
  readonly verb: 'create' | 'update' | 'touch' | 'renew' | 'delete' | 'rotate' | 'gc'
  readonly id: string
  readonly record: SessionRecord
  readonly now: number
}

async function operate(store: Store, { verb, id, record, now }: Operation, seen: Version): Promise<unknown> {
  const times = { seenAt: record.seenAt + 1000, expiresAt: record.expiresAt + 1000 }
  return {
    create: () => store.create(record),
    update: () => store.update(record, seen),
    touch: () => store.touch(id, times.seenAt, times.expiresAt),
    renew: () => store.get(id, { seenBefore: Number.MAX_SAFE_INTEGER, ...times }),
    delete: () => store.delete(id),
    rotate: () => store.rotate(id, record, seen),
    gc: () => store.gc(now),
  }[verb]()
}

/** Does one operation, and gets `signal` just before its `at`th call that changes the file system. */
async function stumble({
  store,
  operation,
  at,
  signal,
}: {
  store: Store
  operation: Operation
  at: number
  signal: NodeJS.Signals
}) {
  const seen = operation.verb === 'create' ? 0 : (await alive(store, operation.id)).version
  let calls = 0
  intercept((call, args) => {
    if (!changesSomething(call, args)) return
    calls += 1
    if (calls !== at) return
    tell({ stumbled: call })
    process.kill(process.pid, signal)
  })
  const outcome = await operate(store, operation, seen)
  tell({ outcome, calls })
}

/** Changes one session after the other as long as it lives, by every verb that must not bring it back. */
async function haunt({ store, ids }: { store: Store; ids: string[] }) {
  tell('ready')
  for (const id of ids) {
    for (let n = 0; n < 100_000; n++) {
      const old = await store.get(id)
      if (!old) break
      const later = old.expiresAt + 1
      if (n % 3 === 0) await store.update({ ...old, data: `${n}` }, old.version)
      else if (n % 3 === 1) await store.touch(id, old.seenAt + 1, later)
      else await store.get(id, { seenBefore: later, seenAt: old.seenAt + 1, expiresAt: later })
    }
    tell(id)
  }
}

/** Gives one session a new id again and again. */
async function rotate({ store, id, times }: { store: Store; id: string; times: number }) {
  const { freshId } = await import('../../src/testing/store-cases/store-case.ts')
  tell('ready')
  let current = await alive(store, id)
  for (let n = 0; n < times; n++) {
    const next = { ...current, id: freshId() }
    const outcome = await store.rotate(current.id, next, current.version)
    if (outcome !== 'done') throw new Error(outcome)
    current = await alive(store, next.id)
  }
  tell({ last: current.id })
}

/** Sweeps again and again. */
async function sweep({ store, now, times }: { store: Store; now: number; times: number }) {
  let gone = 0
  for (let n = 0; n < times; n++) gone += await store.gc(now)
  tell({ gone })
}

const [task = '', text = '{}'] = process.argv.slice(2)
const { directory, options, umask, ...rest }: any = JSON.parse(text)
if (umask !== undefined) process.umask(umask)
const store = fileStore(directory, options)
const tasks: Record<string, (details: any) => Promise<void>> = { count, churn, stumble, haunt, rotate, sweep }
await tasks[task]!({ store, ...rest })
