import Database from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import mysql from 'mysql2'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flaskSqlStore } from '../../src/flask/sql.ts'
import type { FlaskSqlStoreOptions } from '../../src/flask/sql.ts'
import { createSessions } from '../../src/index.ts'
import type { SessionEvent } from '../../src/index.ts'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { flaskMsgpack } from '../../src/serializers/flask-session.ts'
import type { SqlStore } from '../../src/stores/sql.ts'
import { vectors } from '../flask/vectors.ts'
import { mariadbProgram, startMariadb } from '../real/mariadb.ts'
import { postgresProgram, startPostgres } from '../real/postgres.ts'
import { contract, freshRecord } from './contract.ts'

/** A database to put the layout in. */
interface Place {
  readonly client: any
  readonly run: (sql: string, values?: unknown[]) => Promise<any[]>
  readonly quote: string
  readonly stop: () => Promise<void>
  /** A client that counts rows that were changed, not rows that were found. */
  readonly countingChanges?: () => { client: any; end: () => Promise<void> }
}

async function sqlite(): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-flask-sqlite-'))
  const client = new Database(path.join(folder, 'flask.db'))
  const run = async (sql: string, values: unknown[] = []): Promise<any[]> => {
    const statement = client.prepare(sql)
    return statement.reader ? statement.all(...values) : (statement.run(...values), [])
  }
  const stop = async (): Promise<void> => {
    client.close()
    rmSync(folder, { recursive: true })
  }
  return { client, run, quote: '"', stop }
}

async function postgres(): Promise<Place> {
  const server = await startPostgres(postgresProgram()!)
  const client = new pg.Pool({ connectionString: server.url, max: 20 })
  client.setMaxListeners(0)
  const stop = async (): Promise<void> => {
    await client.end()
    await server.stop()
  }
  return { client, run: async (sql, values) => (await client.query(sql, values)).rows, quote: '"', stop }
}

async function mariadb(): Promise<Place> {
  const server = await startMariadb(mariadbProgram()!)
  const client = mysql.createPool({ uri: server.url, connectionLimit: 20 })
  const stop = async (): Promise<void> => {
    await client.promise().end()
    await server.stop()
  }
  const run = async (sql: string, values: any[] = []): Promise<any[]> =>
    (await client.promise().query(sql, values))[0] as any[]
  const countingChanges = (): { client: any; end: () => Promise<void> } => {
    const pool = mysql.createPool({ uri: server.url, flags: ['-FOUND_ROWS'] })
    return { client: pool, end: () => pool.promise().end() }
  }
  return { client, run, quote: '`', stop, countingChanges }
}

const inSeconds = [
  'gc removes what expired at or before now, to the millisecond, and answers how many',
  'gc stops early on its signal and answers how many it removed',
  'two sweeps at once count every record once',
  'a record that was renewed, touched or updated in time survives a sweep that races with it',
]

describe.each([
  { name: 'SQLite', start: sqlite, missing: false, largest: 262_144, except: [] },
  { name: 'PostgreSQL', start: postgres, missing: postgresProgram() === null, largest: 262_144, except: [] },
  // SQLAlchemy's columns there: seconds, 64 KiB, and letters of either case are the same.
  {
    name: 'MariaDB',
    start: mariadb,
    missing: mariadbProgram() === null,
    largest: 60_000,
    except: [...inSeconds, 'ids that differ only in case or punctuation are different records'],
  },
])('Flask-Session in $name', ({ name, start, missing, largest, except }) => {
  describe.skipIf(missing)('', () => {
    let place: Place
    let used = 0
    beforeAll(async () => {
      place = await start()
    })
    afterAll(() => place?.stop())

    const open = (options: Partial<FlaskSqlStoreOptions> = {}): SqlStore =>
      flaskSqlStore({ client: place.client, ...options })
    const quoted = (table: string): string => place.quote + table + place.quote

    async function made(
      options: Partial<FlaskSqlStoreOptions> = {},
    ): Promise<{ store: SqlStore; table: string }> {
      const table = `sessions ${++used}`
      const store = open({ table, ...options })
      await store.migrate()
      return { store, table }
    }

    describe('the store contract', () => {
      contract({
        expiresItself: false,
        largest,
        except,
        async make() {
          const { store, table } = await made()
          return { store, reopen: () => open({ table }) }
        },
      })
    })

    test('the row is SQLAlchemy’s: prefix and id, the bytes, and UTC without a zone', async () => {
      const { store, table } = await made({ prefix: 'é:' })
      const expiresAt = Date.UTC(2024, 0, 2, 3, 4, 5, 678)
      await store.create(freshRecord({ id: 's1', data: '\x81\xa1a\xcc\xff', expiresAt }))
      const [row] = await place.run(`SELECT * FROM ${quoted(table)}`)
      expect(row).toMatchObject({ id: 1, session_id: 'é:s1' })
      expect(Buffer.from(row.data).toString('hex')).toBe('81a161ccff')
      const text =
        name === 'PostgreSQL' ? 'expiry::text' : name === 'SQLite' ? 'expiry' : 'CAST(expiry AS CHAR)'
      const [{ expiry }] = await place.run(`SELECT ${text} AS expiry FROM ${quoted(table)}`)
      // The DATETIME that SQLAlchemy makes there has whole seconds.
      expect(expiry).toBe(
        {
          SQLite: '2024-01-02 03:04:05.678000',
          PostgreSQL: '2024-01-02 03:04:05.678',
          MariaDB: '2024-01-02 03:04:05',
        }[name],
      )
      expect(await store.get('s1')).toMatchObject({
        data: '\x81\xa1a\xcc\xff',
        expiresAt: name === 'MariaDB' ? expiresAt - 678 : expiresAt,
        seenAt: expect.any(Number),
      })
      const sample = vectors.flask_session_sqlalchemy[0]
      const written = Buffer.from(sample.requests[0].rows_after[0].data_hex, 'hex')
      await place.run(`UPDATE ${quoted(table)} SET data = ${name === 'PostgreSQL' ? '$1' : '?'}`, [written])
      const entries = flaskMsgpack.decode((await store.get('s1'))!.data)
      expect([...entries].map(([key, kept]) => [key, flaskMsgpack.live(kept)])).toEqual([
        ['_permanent', true],
        ['user', 'ann'],
      ])
    })

    test('a read that renews sets the expiry when little is left, and touches nothing else', async () => {
      const { store } = await made({ lifetime: 10_000 })
      const now = Math.floor(Date.now() / 1000) * 1000
      await store.create(freshRecord({ id: 's1', seenAt: now, expiresAt: now + 10_000 }))
      const at = (time: number) => ({ seenBefore: time - 1000, seenAt: time, expiresAt: time + 10_000 })
      expect(await store.get('s1', at(now + 1000))).toMatchObject({ seenAt: now, expiresAt: now + 10_000 })
      const renewed = await store.get('s1', at(now + 2000))
      expect(renewed).toMatchObject({ version: '\x80', seenAt: now + 2000, expiresAt: now + 12_000 })
      expect(await store.get('s1')).toEqual(renewed)
      // Dead at that time, so it is not revived.
      expect(await store.get('s1', at(now + 12_000))).toEqual(renewed)
      expect(await store.touch('s1', now, now + 60_000)).toBe(true)
      expect(await store.touch('s1', now, now + 60_000)).toBe(true)
      expect((await store.get('s1'))!.expiresAt).toBe(now + 60_000)
    })

    test('the same again is no conflict, though some connections count no change then', async () => {
      const { store, table } = await made()
      const same = freshRecord({ id: 's1', expiresAt: Math.ceil(Date.now() / 1000) * 1000 + 60_000 })
      await store.create(same)
      const counting = place.countingChanges?.() ?? { client: place.client, end: async () => {} }
      const other = open({ client: counting.client, table })
      expect(await other.update(same, '\x80')).toBe('done')
      expect(await other.update(same, '\x81')).toBe('conflict')
      expect(await other.touch('s1', 0, same.expiresAt)).toBe(true)
      expect(await other.rotate('s1', { ...same, id: 's2' }, '\x81')).toBe('conflict')
      await counting.end()
    })

    test('rows that are no sessions: without an expiry as if they were not there, with other data an event', async () => {
      const { store, table } = await made()
      const events: StoreEvent[] = []
      store.attach!((event) => void events.push(event))
      for (const id of ['a', 'b', 'c']) await store.create(freshRecord({ id }))
      await place.run(`UPDATE ${quoted(table)} SET expiry = NULL WHERE session_id = 'session:a'`)
      await place.run(`UPDATE ${quoted(table)} SET data = NULL WHERE session_id = 'session:b'`)
      expect(await store.get('a')).toBeNull()
      expect(events).toEqual([])
      expect(await store.get('b')).toBeNull()
      expect(events).toMatchObject([{ type: 'corrupt', id: 'b' }])
      expect((await store.page(null, 10)).sessions.map(({ id }) => id)).toEqual(['c'])
      expect(await place.run(`SELECT id FROM ${quoted(table)}`)).toHaveLength(3)
    })

    test('pages walk over the sessions of this prefix, each once', async () => {
      const { store, table } = await made()
      const other = open({ table, prefix: 'sessionx' })
      const ids = Array.from({ length: 23 }, (_, n) => `id-${n}`)
      for (const id of ids) await store.create(freshRecord({ id, data: 'x'.repeat(id.length) }))
      await other.create(freshRecord({ id: 'other' }))
      const walked: string[] = []
      let cursor: string | null = null
      for (let pages = 0; pages < 10; pages++) {
        const { sessions, next }: Awaited<ReturnType<SqlStore['page']>> = await store.page(cursor, 5)
        for (const { id, size } of sessions) expect(size).toBe(id.length)
        walked.push(...sessions.map(({ id }) => id))
        cursor = next
        if (cursor === null) break
      }
      expect(walked).toEqual(ids)
      expect((await other.page(null, 5)).sessions).toMatchObject([{ id: 'other' }])
    })

    test('a sweep removes thousands in batches, spares the living, and stops on its signal', async () => {
      const { store, table } = await made()
      const now = Math.floor(Date.now() / 1000) * 1000
      await store.create(freshRecord({ id: 'alive', expiresAt: now + 1000 }))
      for (let n = 0; n < 1200; n += 60)
        await Promise.all(
          Array.from({ length: 60 }, (_, m) => store.create(freshRecord({ id: `${n + m}`, expiresAt: now }))),
        )
      const stop = new AbortController()
      const sweep = store.gc(now, stop.signal)
      stop.abort()
      expect(await sweep).toBe(500)
      expect(await store.gc(now)).toBe(700)
      expect(await place.run(`SELECT session_id FROM ${quoted(table)}`)).toEqual([
        { session_id: 'session:alive' },
      ])
    })

    test('a table that is missing is told, with what to do; one that is there stays as it is', async () => {
      const store = open({ table: 'nowhere' })
      const get = async (): Promise<unknown> => store.get('s1')
      await expect(get()).rejects.toMatchObject({
        code: 'ERR_SESSION_STORE',
        message: expect.stringContaining('migrate()'),
        cause: expect.any(Error),
      })
      const { store: kept } = await made()
      await kept.create(freshRecord({ id: 's1' }))
      await Promise.all(Array.from({ length: 6 }, () => kept.migrate()))
      expect(await kept.get('s1')).not.toBeNull()
    })

    test('through the engine: what Flask wrote is merged, and what is no session is told', async () => {
      const { store, table } = await made()
      const events: SessionEvent[] = []
      const sessions = createSessions<any>({
        store,
        permanent: true,
        onEvent: (event) => void events.push(event),
      })
      await store.create(freshRecord({ id: 's1', data: '\x82\xa1a\x01\xa1b\xc0' }))
      const visit = await sessions.open('session=s1', { secure: false })
      visit.session.a = 2
      const mark = name === 'PostgreSQL' ? '$1' : '?'
      const flask = Buffer.from('\x83\xa1a\x01\xa1b\xc0\xa1c\x03', 'latin1')
      await place.run(`UPDATE ${quoted(table)} SET data = ${mark}`, [flask])
      await visit.close()
      expect(events.map(({ type }) => type)).toEqual(['read', 'merged', 'written'])
      expect((await store.get('s1'))!.data).toBe('\x83\xa1a\x02\xa1b\xc0\xa1c\x03')
      await place.run(`UPDATE ${quoted(table)} SET data = ${mark}`, [Buffer.from('\x80\x05\x95.', 'latin1')])
      events.length = 0
      const broken = await sessions.open('session=s1', { secure: false })
      expect({ ...broken.session }).toEqual({})
      await broken.close()
      expect(events.map(({ type }) => type)).toEqual(['corrupt'])
    })

    test.each([
      [{ client: undefined }, 'client'],
      [{ client: {} }, 'client'],
      [{ table: '' }, 'table'],
      [{ table: 'x'.repeat(64) }, 'table'],
      [{ format: 'pickle' }, 'format'],
      [{ timeout: 0 }, 'timeout'],
    ])('refused: %o', (options, named) => {
      expect(() => open(options as never)).toThrow(
        expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringContaining(named) }),
      )
      expect(() => open().list('anna')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_UNSUPPORTED' }))
    })
  })
})

describe('SQLite, shared', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-flask-sqlite-'))
  const connect = (): Database.Database => new Database(path.join(folder, 'flask.db'))
  afterAll(() => rmSync(folder, { recursive: true }))

  test('a write waits until another process has written, and does not block this one', async () => {
    const [mine, theirs] = [connect(), connect()]
    const store = flaskSqlStore({ client: mine })
    await store.migrate()
    await store.create(freshRecord({ id: 's1' }))
    theirs.exec('BEGIN IMMEDIATE')
    const writing = [
      store.create(freshRecord({ id: 's2' })),
      store.update(freshRecord({ id: 's1', data: '\x81' }), '\x80'),
      store.touch('s1', 0, Date.now() + 1000),
    ]
    expect(writing.map((answer) => answer instanceof Promise)).toEqual([true, true, true])
    // A reader need not wait for a writer that has not begun to commit.
    expect(store.get('s1')).toMatchObject({ data: '\x80' })
    theirs.exec('ROLLBACK')
    expect(await Promise.all(writing)).toEqual([true, 'done', true])
    for (const database of [mine, theirs]) database.close()
  })

  test('a writer that never ends is an error, and nothing was written', async () => {
    const [mine, theirs] = [connect(), connect()]
    const store = flaskSqlStore({ client: mine, table: 'locked' })
    await store.migrate()
    theirs.exec('BEGIN EXCLUSIVE')
    expect(() => store.get('s1')).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }))
    await expect(store.create(freshRecord({ id: 's1' }))).rejects.toMatchObject({ code: 'SQLITE_BUSY' })
    theirs.exec('ROLLBACK')
    expect(await store.get('s1')).toBeNull()
    for (const database of [mine, theirs]) database.close()
  })

  test('a client that would acknowledge what it has not committed is refused', () => {
    const database = connect()
    const store = flaskSqlStore({ client: database })
    database.exec('BEGIN')
    expect(() => store.delete('s1')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_STORE' }))
    database.exec('ROLLBACK')
    const libsql = Object.assign(Object.create(database), { syncUntil: () => undefined })
    expect(() => flaskSqlStore({ client: libsql })).toThrow(/libsql is refused/)
    database.close()
  })
})

describe.skipIf(mariadbProgram() === null)('MariaDB, without autocommit', () => {
  test('a write that nobody will commit is an error', { timeout: 60_000 }, async () => {
    const place = await mariadb()
    const pool = mysql.createPool({
      uri: `mysql://app@127.0.0.1:${place.client.config.connectionConfig.port}/hipflask`,
    })
    pool.on('connection', (connection) => connection.query('SET autocommit = 0'))
    const store = flaskSqlStore({ client: pool })
    await store.migrate()
    await expect(store.create(freshRecord({ id: 's1' }))).rejects.toMatchObject({
      code: 'ERR_SESSION_CONFIG',
    })
    await pool.promise().end()
    await place.stop()
  })
})

describe.skipIf(postgresProgram() === null)('PostgreSQL, a pool shared with an app that forgets', () => {
  test('its failed and its open transactions cost sessions nothing', { timeout: 60_000 }, async () => {
    const place = await postgres()
    const { connectionString } = place.client.options
    const client = new pg.Pool({ connectionString, max: 1 })
    const leak = async (...statements: string[]): Promise<void> => {
      const connection = await client.connect()
      for (const statement of statements) await connection.query(statement).catch(() => undefined)
      connection.release()
    }
    try {
      const store = flaskSqlStore({ client })
      await store.migrate()
      expect(await store.create(freshRecord({ id: 's1' }))).toBe(true)
      await leak('BEGIN', 'SELECT nothing')
      expect(await store.get('s1')).toMatchObject({ id: 's1' })
      await leak('BEGIN', 'SELECT nothing')
      expect(await store.delete('s1')).toBe(true)
      await leak('BEGIN')
      await expect((async () => store.create(freshRecord({ id: 's2' })))()).rejects.toMatchObject({
        code: 'ERR_SESSION_STORE',
      })
      expect(await store.get('s2')).toBeNull()
    } finally {
      await client.end()
      await place.stop()
    }
  })
})
