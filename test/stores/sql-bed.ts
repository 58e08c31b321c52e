import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { SessionStore, StoreEvent } from '../../src/contracts/store.ts'
import type { SqlStore } from '../../src/stores/sql.ts'
import { blockingSweepBatch, sweepBatch } from '../../src/stores/sql.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { alive, freshId, freshRecord, together } from '../../src/testing/store-cases/store-case.ts'
import { lab, type Loose, values } from '../engine/visitor.ts'

/** A database of one kind, as the cases that all kinds share need it. */
export interface Bed {
  readonly kind: 'postgres' | 'mysql' | 'sqlite'
  /** A store on `table`, over connections of its own or shared ones. */
  readonly open: (table: string) => SqlStore
  /** The same, noting the text of every statement that is sent. */
  readonly counting: (table: string) => { readonly store: SqlStore; readonly statements: string[] }
  /** Runs SQL. */
  readonly run: (sql: string) => Promise<readonly any[]>
  /** Quotes a name that is one part. */
  readonly quote: (name: string) => string
  /** A literal of these bytes. */
  readonly bytes: (hex: string) => string
  /** A table like the store's, but of columns that take anything (as far as this kind can). */
  readonly looseTable: (table: string) => string
  readonly schema: (table?: string) => string
  /** Makes a store of whatever it is given. */
  readonly wrong: (client: any, table?: any) => unknown
  /** Where worker processes find the same data. */
  readonly place: () => { readonly url?: string; readonly file?: string }
  readonly names: readonly string[]
}

let tables = 0

/** A name that no other test uses. */
export function freshTable(): string {
  return `t${process.pid}_${tables++}`
}

/** A fresh store with its table. */
export async function made(
  bed: Bed,
  table: string = freshTable(),
): Promise<{ store: SqlStore; table: string }> {
  const store = bed.open(table)
  await store.migrate()
  return { store, table }
}

/** The contract, on a table of its own for each case. */
export function contract(bed: Bed): void {
  storeSuite({
    test,
    make: async () => {
      const { store, table } = await made(bed)
      return { store, reopen: () => bed.open(table) }
    },
  })
}

/** What holds for every kind of SQL database. */
export function sqlCases(bed: Bed): void {
  describe('the table', () => {
    test.each(bed.names)('may be called %j', async (name) => {
      const [{ store }, { store: other }] = [await made(bed, name), await made(bed, `${name}2`)]
      const record = freshRecord({ user: 'anna' })
      expect(await store.create(record)).toBe(true)
      const read = await alive(store, record.id)
      expect(await store.touch(record.id, record.seenAt + 1, record.expiresAt)).toBe(true)
      expect(await store.update({ ...record, data: 'new' }, read.version)).toBe('done')
      const next = freshRecord({ user: 'anna' })
      expect(await store.rotate(record.id, next, (await alive(store, record.id)).version)).toBe('done')
      expect(await store.list('anna')).toHaveLength(1)
      expect(await other.list('anna')).toEqual([])
      expect((await store.page(null, 10)).sessions).toHaveLength(1)
      expect(await other.page(null, 10)).toEqual({ sessions: [], next: null })
      expect(await store.gc(next.expiresAt)).toBe(1)
      expect(await bed.run(`SELECT * FROM ${bed.quote(name)}`)).toEqual([])
    })

    test.each(['', '.', 'a.', '.a', 'a.b.c', 'x\0y', 'x'.repeat(300), 5, null, ['a']])(
      'may not be called %j',
      (name) => {
        expect(() => bed.schema(name as string)).toThrow(
          expect.objectContaining({
            code: 'ERR_SESSION_CONFIG',
            message: expect.stringContaining('`table`'),
          }),
        )
      },
    )

    test('that is missing is told by every method, with what to do', async () => {
      const store = bed.open(freshTable())
      const record = freshRecord()
      const calls: (() => unknown)[] = [
        () => store.get(record.id),
        () => store.get(record.id, { ...record, seenBefore: 0 }),
        () => store.create(record),
        () => store.update(record, 1),
        () => store.rotate(freshId(), record, 1),
        () => store.touch(record.id, 1, 2),
        () => store.delete(record.id),
        () => store.list('anna'),
        () => store.page(null, 10),
        () => store.gc(0),
      ]
      for (const call of calls)
        await expect((async () => call())()).rejects.toMatchObject({
          code: 'ERR_SESSION_STORE',
          message: expect.stringContaining('migrate()'),
          cause: expect.any(Error),
        })
    })

    test('that is somebody else’s is told, and not touched', async () => {
      const table = freshTable()
      await bed.run(`CREATE TABLE ${bed.quote(table)} (id INTEGER PRIMARY KEY, session_id TEXT)`)
      const store = bed.open(table)
      const create = async (): Promise<unknown> => store.create(freshRecord())
      await expect(create()).rejects.toMatchObject({ code: 'ERR_SESSION_FOREIGN' })
      const read = async (): Promise<unknown> => store.get(freshId())
      await expect(read()).rejects.toMatchObject({ code: 'ERR_SESSION_FOREIGN' })
      expect(await bed.run(`SELECT * FROM ${bed.quote(table)}`)).toEqual([])
    })

    test('is created once by many that migrate at once, and migrating again keeps its sessions', async () => {
      for (let round = 0; round < 8; round++) {
        const table = freshTable()
        const stores = Array.from({ length: 12 }, () => bed.open(table))
        await together(12, (n) => stores[n]!.migrate())
        const record = freshRecord()
        await stores[0]!.create(record)
        await together(12, (n) => stores[n]!.migrate())
        expect((await alive(stores[1]!, record.id)).data).toBe(record.data)
      }
    })

    test('can be made of the printed schema, which names the default table', async () => {
      const table = freshTable()
      for (const statement of bed.schema(table).split(';\n'))
        if (statement.trim() !== '') await bed.run(statement)
      expect(await bed.open(table).create(freshRecord())).toBe(true)
      expect(bed.schema()).toContain(bed.quote('hipflask_sessions'))
    })
  })

  describe('rows that somebody else wrote', () => {
    const whole = {
      data: bed.bytes('7b7d'),
      created_at: '1',
      seen_at: '1',
      expires_at: '2000000000000',
      ends_at: '2000000000000',
      size: '2',
      version: '1',
    }
    const cases: readonly [string, Record<string, string>][] = [
      ['no values', { data: 'NULL' }],
      ['values that are no UTF-8', { data: bed.bytes('7bff7d') }],
      ['half a surrogate pair', { data: bed.bytes('eda080') }],
      ['a user that is no UTF-8', { user_name: bed.bytes('ff') }],
      ['a label that is no UTF-8', { label: bed.bytes('80') }],
      ['no time of birth', { created_at: 'NULL' }],
      ['no time of its last visit', { seen_at: 'NULL' }],
      ['no end', { ends_at: 'NULL' }],
      ['a time beyond all numbers', { ends_at: '9007199254740993' }],
      ['no version', { version: 'NULL' }],
      ['a version beyond all numbers', { version: '9223372036854775807' }],
    ]
    test.each(cases)('with %s: an event, and an anonymous visitor', async (_, damage) => {
      const table = freshTable()
      await bed.run(bed.looseTable(table))
      const store = bed.open(table)
      const browser = lab({ store, idle: '1 hour' })
      await browser.request((session) => session.set('a', 1))
      const id = browser.events.find(({ type }) => type === 'created')!.id!
      const row: Record<string, string> = { ...whole, ...damage }
      const set = Object.entries(row)
        .map(([column, value]) => `${column} = ${value}`)
        .join(', ')
      await bed.run(`UPDATE ${bed.quote(table)} SET ${set}`)
      browser.events.length = 0
      expect(await values(browser)).toEqual({})
      expect(browser.events).toMatchObject([
        { type: 'corrupt', id },
        { type: 'unknown', id },
      ])
      expect(await bed.run(`SELECT id FROM ${bed.quote(table)}`)).toHaveLength(1)
    })

    test('leave the others in lists and pages alone', async () => {
      const table = freshTable()
      await bed.run(bed.looseTable(table))
      const store = bed.open(table)
      const events: StoreEvent[] = []
      store.attach!((event) => void events.push(event))
      const ids = Array.from({ length: 9 }, freshId).sort()
      for (const id of ids) await store.create(freshRecord({ id, user: 'anna' }))
      const broken = ids.filter((_, n) => n % 3 === 2)
      for (const id of broken)
        await bed.run(`UPDATE ${bed.quote(table)} SET ends_at = NULL WHERE id = '${id}'`)
      expect((await store.list('anna')).map(({ id }) => id).sort()).toEqual(
        ids.filter((id) => !broken.includes(id)),
      )
      expect(events.map(({ type }) => type)).toEqual(['corrupt', 'corrupt', 'corrupt'])
      const walked: string[] = []
      let cursor: string | null = null
      for (let pages = 0; pages < 9; pages++) {
        const { sessions, next }: Awaited<ReturnType<SessionStore['page']>> = await store.page(cursor, 3)
        walked.push(...sessions.map(({ id }) => id))
        cursor = next
        if (cursor === null) break
      }
      expect(walked).toEqual(ids.filter((id) => !broken.includes(id)))
    })
  })

  describe('the cost', () => {
    test('through the engine: no statement for nobody, one for a read, two for a write, a rotation or an end', async () => {
      const table = freshTable()
      await bed.open(table).migrate()
      const { store, statements } = bed.counting(table)
      const browser = lab({ store, idle: '1 hour', userOf: ({ user }) => user as string })
      const cost = async (work: (session: Loose) => unknown): Promise<number> => {
        statements.length = 0
        await browser.request(work as never)
        return statements.length
      }
      expect(await cost(() => undefined)).toBe(0)
      expect(await cost((session) => session['get']('a'))).toBe(0)
      expect(await cost((session) => session['set']('a', 1))).toBe(1)
      expect(await cost((session) => session['get']('a'))).toBe(1)
      expect(await cost((session) => session['set']('a', 2))).toBe(2)
      expect(await cost((session) => session['set']('user', 'anna'))).toBe(2)
      browser.now += 1_800_000
      const renewing = await cost((session) => session['get']('a'))
      expect(renewing).toBe(bed.kind === 'postgres' ? 1 : 2)
      expect(browser.types().at(-1)).toBe('renewed')
      expect(await cost((session) => session['get']('a'))).toBe(1)
      expect(await cost((session) => session['destroy']())).toBe(2)
      expect(await cost((session) => session['get']('a'))).toBe(0)
    })

    test('no value is ever part of a statement’s text', async () => {
      const table = freshTable()
      await bed.open(table).migrate()
      const { store, statements } = bed.counting(table)
      const record = freshRecord({ data: 'canary', user: 'canary', label: 'canary' })
      await store.create(record)
      const { version } = await alive(store, record.id)
      await store.get(record.id, { ...record, seenBefore: record.seenAt + 1 })
      await store.update(record, version)
      await store.touch(record.id, record.seenAt, record.expiresAt)
      await store.list('canary')
      await store.page(record.id, 5)
      await store.rotate(record.id, freshRecord(), (await alive(store, record.id)).version)
      await store.gc(record.createdAt)
      await store.delete(record.id)
      expect(statements.length).toBeGreaterThanOrEqual(10)
      for (const text of statements) {
        expect(text).not.toContain('canary')
        expect(text).not.toContain(record.id)
        expect(text).not.toContain(String(record.createdAt))
      }
    })
  })

  describe('the sweep', () => {
    test('removes thousands in batches, spares the living, and stops between batches on its signal', async () => {
      const { store } = await made(bed)
      const now = Date.now()
      for (let n = 0; n < 1_300; n += 50)
        await together(50, () => store.create(freshRecord({ expiresAt: now - 1 })))
      const living = freshRecord({ expiresAt: now + 1 })
      await store.create(living)
      const stop = new AbortController()
      const sweep = store.gc(now, stop.signal)
      stop.abort()
      // Where a statement blocks the process, a batch is small.
      const batch = bed.kind === 'sqlite' ? blockingSweepBatch : sweepBatch
      expect(await sweep).toBe(batch)
      expect(await store.gc(now)).toBe(1_300 - batch)
      expect(await store.gc(now)).toBe(0)
      expect((await alive(store, living.id)).id).toBe(living.id)
    })
  })

  describe('hostile values', () => {
    test('session keys, values, users and labels that are SQL are only text', async () => {
      const { store, table } = await made(bed)
      const nasty = `'); DROP TABLE ${bed.quote(table)}; -- $1 ? :a @b \\' " \``
      const browser = lab({ store, userOf: ({ user }) => user as string })
      await browser.request((session) => {
        session.set(nasty, nasty)
        session.set('user', nasty)
      })
      expect(await values(browser)).toEqual({ [nasty]: nasty, user: nasty })
      expect(await browser.sessions.list(nasty)).toHaveLength(1)
      expect(await browser.sessions.revokeUser(nasty)).toBe(1)
    })
  })

  describe('a client that is none', () => {
    test.each([
      undefined,
      null,
      {},
      [],
      'postgres://localhost',
      5,
      { connect: () => undefined },
      () => undefined,
    ])('%s is refused with what to pass instead', (client) => {
      expect(() => bed.wrong(client)).toThrow(
        expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringMatching(/pass \{/) }),
      )
    })
  })

  describe('four processes, 64 requests in flight each, one session', () => {
    test('2,000 increments and 2,000 keys: none is lost', { timeout: 240_000 }, async () => {
      const { store, table } = await made(bed)
      const browser = lab({ store, maxBytes: 10_000_000, clock: Date.now })
      await browser.request((session) => session.set('sum', 0))
      const place = { kind: bed.kind, table, ...bed.place() }
      const all = await together(4, (n) =>
        worker({ place, cookie: browser.jar!, name: `p${n}`, requests: 1_000, inFlight: 64 }),
      )
      const end: Loose = await values(browser)
      for (const [n, { lines, code, errors }] of all.entries()) {
        expect({ code, errors }).toEqual({ code: 0, errors: '' })
        expect(lines).toHaveLength(1_000)
        expect(end[`p${n}`]).toBe(1_000)
        for (let key = 0; key < 1_000; key += 2) expect(end[`p${n}-${key}`]).toBe(key)
      }
      expect(end['sum']).toBe(2_000)
    })
  })
}

/** What a worker acknowledged, and how it ended. */
export interface Worked {
  readonly lines: { readonly n: number; readonly count: number }[]
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly errors: string
}

/** Runs `sql-worker.mjs`; `killAfter` acknowledged requests it is killed. */
export async function worker(task: object, killAfter?: number): Promise<Worked> {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'sql-worker.mjs')
  const child = spawn(process.execPath, [script, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    if (killAfter !== undefined && output.split('\n').length > killAfter) child.kill('SIGKILL')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  // The last line may be cut in half by the kill; it was not acknowledged then.
  const lines = output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
  return { lines: lines.map((line) => JSON.parse(line) as Worked['lines'][number]), code, signal, errors }
}
