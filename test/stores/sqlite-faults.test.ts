import Database from 'better-sqlite3'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SqliteDatabase, sqliteStore } from '../../src/stores/sqlite.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { alive, born, freshRecord, plain } from '../../src/testing/store-cases/store-case.ts'
import { lab, values } from '../engine/visitor.ts'
import { unprivileged } from '../real/postgres.ts'
import { freshTable } from './sql-bed.ts'

let folder: string
const opened: { close(): void }[] = []
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hipflask-sqlite-'))
})
afterAll(() => {
  for (const database of opened) database.close()
  rmSync(folder, { recursive: true })
})

type Open = (file: string) => SqliteDatabase & { close(): void }
const better: Open = (file) => new Database(file)
const drivers: [string, Open][] = [
  ['better-sqlite3', better],
  ['better-sqlite3 with bigints', (file) => new Database(file).defaultSafeIntegers(true)],
  ...nodeSqlite(),
]

/** The database that Node.js brings along from 22.5 on; older ones cannot have it. */
function nodeSqlite(): [string, Open][] {
  try {
    const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite')
    return [['node:sqlite', (file) => new DatabaseSync(file)]]
  } catch {
    console.warn(`skipped: node:sqlite is not in Node.js ${process.version}: use 22.5 or later`)
    return []
  }
}

function connect(
  file: string = 'sessions.db',
  open: Open = drivers[0]![1]!,
): SqliteDatabase & { close(): void } {
  const database = open(path.join(folder, file))
  opened.push(database)
  return database
}

describe.each(drivers)('%s', (name, open) => {
  const make = async (): Promise<{ store: ReturnType<typeof sqliteStore>; table: string }> => {
    const table = freshTable()
    const store = sqliteStore({ database: connect(`${name.replace(':', ' ')}.db`, open), table })
    await store.migrate()
    return { store, table }
  }

  describe('the store contract', () => {
    storeSuite({
      test,
      make: async () => {
        const { store, table } = await make()
        return {
          store,
          reopen: () => sqliteStore({ database: connect(`${name.replace(':', ' ')}.db`, open), table }),
        }
      },
    })

    test('every answer is given at once', async () => {
      const { store } = await make()
      const record = freshRecord({ user: 'anna' })
      const next = freshRecord()
      const answers = [
        store.create(record),
        store.create(record),
        store.get(record.id),
        store.get(record.id, { ...record, seenBefore: record.expiresAt }),
        store.update(record, 1),
        store.touch(record.id, record.seenAt, record.expiresAt),
        store.rotate(record.id, next, 2),
        store.list('anna'),
        store.page(null, 10),
        store.gc(0),
        store.delete(next.id),
      ]
      for (const answer of answers) expect(answer).not.toBeInstanceOf(Promise)
      expect(store.immediate).toBe(true)
    })

    test('while another connection writes, a read is answered, a write waits without blocking', async () => {
      const { store, table } = await make()
      const old = await born(store)
      const other = connect(`${name.replace(':', ' ')}.db`, open)
      // With a write-ahead log, or the readers of a rollback journal would wait for the writer's commit.
      expect(other.prepare('PRAGMA journal_mode').all()).toEqual([{ journal_mode: 'wal' }])
      other.exec('BEGIN IMMEDIATE')
      expect(plain(store.get(old.id)!)).toEqual(plain(old))
      const update = store.update({ ...plain(old), data: 'new' }, old.version)
      expect(update).toBeInstanceOf(Promise)
      // This turn of the event loop would never come if the write blocked the process until it can be done.
      await new Promise((resolve) => setImmediate(resolve))
      other.exec(`UPDATE ${table} SET label = NULL`)
      other.exec('COMMIT')
      expect(await update).toBe('done')
      expect(store.get(old.id)!.data).toBe('new')

      other.exec('BEGIN IMMEDIATE')
      await expect(Promise.resolve(store.delete(old.id))).rejects.toThrow(/locked/)
      const renewal = { seenBefore: old.expiresAt, seenAt: old.seenAt + 1, expiresAt: old.expiresAt }
      expect(() => store.get(old.id, renewal)).toThrow(/locked/)
      other.exec('ROLLBACK')
      expect(await store.delete(old.id)).toBe(true)
      // Acknowledged means committed, also after a wait: others see it, and may write.
      expect(other.prepare(`SELECT id FROM ${table}`).all()).toEqual([])
      other.exec('BEGIN IMMEDIATE')
      other.exec('ROLLBACK')
    })

    test('nothing is written inside a transaction of the app, which could be rolled back', async () => {
      const database = connect(`${name.replace(':', ' ')}.db`, open)
      const store = sqliteStore({ database, table: freshTable() })
      await store.migrate()
      if (database.inTransaction === undefined && database.isTransaction === undefined) return
      const record = freshRecord()
      database.exec('BEGIN')
      expect(() => store.create(record)).toThrow(
        expect.objectContaining({
          code: 'ERR_SESSION_STORE',
          message: expect.stringContaining('transaction'),
        }),
      )
      database.exec('ROLLBACK')
      expect(store.get(record.id)).toBeNull()
      expect(store.create(record)).toBe(true)
    })

    test('a number beyond all numbers is a corrupt record, not a failure', async () => {
      const { store, table } = await make()
      const events: unknown[] = []
      store.attach!((event) => void events.push(event))
      const { id } = await born(store)
      connect(`${name.replace(':', ' ')}.db`, open).exec(`UPDATE ${table} SET ends_at = 9223372036854775807`)
      expect(store.get(id)).toBeNull()
      expect(events).toMatchObject([{ type: 'corrupt', id }])
    })
  })
})

test('what answers by callback, or is closed, is refused', () => {
  const closed = new Database(':memory:')
  closed.close()
  const callback = {
    exec: () => undefined,
    prepare: () => ({ all: () => undefined, run: () => undefined }),
  }
  for (const database of [closed, callback, { ...callback, prepare: () => ({ all: () => [{}] }) }] as any[])
    expect(() => sqliteStore({ database })).toThrow(
      expect.objectContaining({
        code: 'ERR_SESSION_CONFIG',
        message: expect.stringContaining('pass { database }'),
      }),
    )
})

test('libsql is refused: a write it acknowledges after a lock may never be committed', () => {
  const database = Object.assign(new Database(':memory:'), {
    sync: () => undefined,
    syncUntil: () => undefined,
  })
  expect(() => sqliteStore({ database })).toThrow(
    expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringContaining('libsql') }),
  )
  database.close()
})

test('a table of an attached database', async () => {
  const database = connect('attached.db')
  database.exec(`ATTACH '${path.join(folder, 'more.db')}' AS more`)
  const store = sqliteStore({ database, table: 'more.my sessions' })
  await store.migrate()
  await store.migrate()
  const record = await born(store)
  expect(database.prepare('SELECT id FROM more."my sessions"').all()).toEqual([{ id: record.id }])
})

test('a database closed or made read-only under a running app: errors, no cookie, no crash', async () => {
  const database = connect('closing.db')
  const store = sqliteStore({ database })
  await store.migrate()
  const browser = lab({ store })
  await browser.request((session) => session.set('n', 1))
  database.exec('PRAGMA query_only = 1')
  expect(await values(browser)).toEqual({ n: 1 })
  await expect(browser.request((session) => session.set('n', 2))).rejects.toMatchObject({
    code: 'ERR_SESSION_STORE',
  })
  database.exec('PRAGMA query_only = 0')
  await browser.request((session) => session.set('n', 3))
  database.close()
  await expect(browser.request((session) => session.set('n', 4))).rejects.toMatchObject({
    code: 'ERR_SESSION_STORE',
  })
  expect(browser.types().filter((type) => type === 'store_error').length).toBeGreaterThanOrEqual(2)
})

test('a list by user and a sweep use their indexes', async () => {
  const database = connect('plans.db')
  const store = sqliteStore({ database, table: 't' })
  await store.migrate()
  const plan = (sql: string): string => JSON.stringify(database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all())
  expect(plan(`SELECT * FROM t WHERE user_hash = 'x'`)).toContain('t_user')
  expect(plan(`SELECT id FROM t WHERE expires_at <= 5 LIMIT 500`)).toContain('t_expiry')
  expect(plan(`SELECT id FROM t WHERE id > 'a' ORDER BY id LIMIT 5`)).not.toContain('TEMP B-TREE')
})

/** The file is whole, says SQLite itself. */
function isWhole(file: string): void {
  const database = new Database(file)
  expect(database.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }])
  database.close()
}

// A disk of its own needs the right to mount one.
describe.skipIf(unprivileged === undefined)('a full disk', () => {
  let disk: string
  beforeAll(() => {
    disk = path.join(folder, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk])
  })
  afterAll(() => void execFileSync('umount', [disk]))

  test('a write is an error, what was acknowledged stays, and writes go on when there is room', async () => {
    const file = path.join(disk, 'sessions.db')
    const database = new Database(file)
    const store = sqliteStore({ database })
    await store.migrate()
    const kept: Map<string, string> = new Map()
    let failed: unknown
    for (let n = 0; n < 500 && failed === undefined; n++) {
      const record = freshRecord({ data: `${n}`.repeat(2_000), expiresAt: Date.now() + n })
      try {
        await store.create(record)
        kept.set(record.id, record.data)
      } catch (error) {
        failed = error
      }
    }
    expect(failed).toMatchObject({ code: expect.stringMatching(/^SQLITE_(FULL|IOERR)/) })
    expect(kept.size).toBeGreaterThan(5)
    const browser = lab({ store })
    await expect(browser.request((session) => session.set('big', 'x'.repeat(20_000)))).rejects.toMatchObject({
      code: 'ERR_SESSION_STORE',
    })
    expect(browser.jar).toBeUndefined()
    for (const [id, data] of kept) expect(store.get(id)?.data).toBe(data)
    execFileSync('mount', ['-o', 'remount,size=8m', disk])
    await browser.request((session) => session.set('big', 'x'.repeat(20_000)))
    expect((await values(browser))['big']).toHaveLength(20_000)
    for (const [id, data] of kept) expect((await alive(store, id)).data).toBe(data)
    database.close()
    isWhole(file)
  })
})
