import { setTimeout } from 'node:timers/promises'
import mysql from 'mysql2'
import promised from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StoredRecord } from '../../src/contracts/store.ts'
import { type MysqlPool, mysqlStore } from '../../src/stores/mysql.ts'
import type { SqlStore } from '../../src/stores/sql.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { alive, born, freshRecord, plain, together } from '../../src/testing/store-cases/store-case.ts'
import { lab, values } from '../engine/visitor.ts'
import { mariadbProgram, type MariadbServer, startMariadb } from '../real/mariadb.ts'
import { freshTable } from './sql-bed.ts'
import { faultCases } from './sql-faults.ts'
import { toldMysql } from './told-pools.ts'

const program = mariadbProgram()
let server: MariadbServer
beforeAll(async () => {
  if (program !== null) server = await startMariadb(program)
})
afterAll(() => server?.stop())

/** A store over a pool of its own, whose connections begin with `first`, and which notes the numbers of the errors it met. */
async function separate(
  first: string = 'DO 0',
  options: mysql.PoolOptions = {},
): Promise<{ store: SqlStore; table: string; pool: mysql.Pool; errors: number[]; end: () => Promise<void> }> {
  const errors: number[] = []
  const pool = mysql.createPool({ uri: server.url, ...options })
  pool.on('connection', (connection) => void connection.query(first))
  const tell = (_: string, error: unknown): void => {
    if (error !== null) errors.push((error as { errno: number }).errno)
  }
  const table = freshTable()
  const store = mysqlStore({ pool: toldMysql(pool, tell), table })
  await store.migrate()
  return { store, table, pool, errors, end: () => pool.promise().end() }
}

/** A connection that does what other programs do to the same table. */
function stranger(): Promise<promised.Connection> {
  return promised.createConnection({ uri: server.url })
}

describe.skipIf(program === null)('MariaDB', () => {
  faultCases({
    open: (table, { max = 10, timeout } = {}) => {
      const pool = mysql.createPool({ uri: server.url, connectionLimit: max, connectTimeout: 1_000 })
      const store = mysqlStore({ pool, table, ...(timeout !== undefined && { timeout }) })
      return { store, end: () => pool.promise().end() }
    },
    kill: () => server.signal('SIGKILL'),
    restart: () => server.restart(),
    halt: () => server.signal('SIGSTOP'),
    proceed: () => server.signal('SIGCONT'),
    terminate: async () => {
      const others = await server.query(
        `SELECT id FROM information_schema.processlist WHERE user = 'app' AND id <> connection_id()`,
      )
      for (const { id } of others) await server.query(`KILL ${id}`).catch(() => undefined)
    },
    readOnly: (on) => server.query(`SET GLOBAL read_only = ${on ? 1 : 0}`),
  })

  describe.each(['READ COMMITTED', 'SERIALIZABLE'])('isolation: %s', (isolation) => {
    const first = `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`
    storeSuite({
      test,
      make: async () => {
        const { store, table, pool, end } = await separate(first)
        const [rows] = await pool.promise().query('SELECT @@tx_isolation AS level')
        expect(rows).toEqual([{ level: isolation.replace(' ', '-') }])
        return { store, reopen: () => mysqlStore({ pool, table }), dispose: end }
      },
    })
  })

  test('a deadlock is tried again', async () => {
    const { store, table, errors, end } = await separate()
    const old = await born(store)
    const next = freshRecord()
    const other = await stranger()
    await other.query('BEGIN')
    const columns =
      'data, user_name, user_hash, label, created_at, seen_at, expires_at, ends_at, size, version'
    // The stranger is about to take the new id, and then wants the old row, which the rotation holds while it waits for
    // that. The server ends the one that has changed fewer rows.
    for (const id of [next.id, ...Array.from({ length: 20 }, () => freshRecord().id)])
      await other.query(
        `INSERT INTO ${table} (id, ${columns}) SELECT ?, ${columns} FROM ${table} WHERE id = ?`,
        [id, old.id],
      )
    const rotation = Promise.resolve(store.rotate(old.id, next, old.version))
    for (let waiting = []; waiting.length === 0;) {
      // The server keeps this table for a tenth of a second, and longer while somebody keeps asking.
      await setTimeout(150)
      waiting = await server.query(
        `SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`,
      )
    }
    await other.query(`UPDATE ${table} SET seen_at = seen_at + 1 WHERE id = ?`, [old.id])
    await other.query('ROLLBACK')
    expect(await rotation).toBe('done')
    expect(errors).toContain(1213)
    expect(plain(await alive(store, next.id))).toEqual(next)
    other.destroy()
    await end()
  })

  test('a lock that is not to be had in time is tried again, and told when it stays', async () => {
    const { store, table, errors, end } = await separate('SET SESSION innodb_lock_wait_timeout = 0')
    const old = await born(store)
    const other = await stranger()
    await other.query('BEGIN')
    await other.query(`SELECT * FROM ${table} WHERE id = ? FOR UPDATE`, [old.id])
    const update = Promise.resolve(store.update({ ...plain(old), data: 'new' }, old.version))
    while (errors.length < 3) await setTimeout(5)
    await other.query('COMMIT')
    expect(await update).toBe('done')
    expect(new Set(errors)).toEqual(new Set([1205]))

    await other.query('BEGIN')
    await other.query(`SELECT * FROM ${table} WHERE id = ? FOR UPDATE`, [old.id])
    await expect(store.delete(old.id)).rejects.toMatchObject({ errno: 1205 })
    await other.query('COMMIT')
    expect(await store.delete(old.id)).toBe(true)
    other.destroy()
    await end()
  })

  test.each<[string, (store: SqlStore, record: StoredRecord) => unknown, object | null]>([
    [
      'changes',
      (store, record) => store.update({ ...plain(record), data: 'new' }, record.version),
      { data: 'new', version: 2 },
    ],
    ['touches', (store, { id, seenAt, expiresAt }) => store.touch(id, seenAt + 5, expiresAt + 5), {}],
    ['ends', (store, { id }) => store.delete(id), null],
  ])(
    'a reader that renews while somebody %s the session answers what is there in the end',
    async (_, act, expected) => {
      const { store, table, pool, end } = await separate()
      const record = await born(store)
      let first = true
      const slow: MysqlPool = {
        getConnection: async () => {
          const connection = await pool.promise().getConnection()
          return {
            release: () => connection.release(),
            destroy: () => connection.destroy(),
            query: (statement) => connection.query(statement as never),
            execute: async (statement) => {
              const answer = await connection.execute(statement as never)
              // After the record was read and before it is renewed.
              if (first) await act(store, record)
              first = false
              return answer
            },
          }
        },
      }
      const reader = mysqlStore({ pool: slow, table })
      const renewal = {
        seenBefore: record.seenAt + 1,
        seenAt: record.seenAt + 60,
        expiresAt: record.expiresAt + 60,
      }
      const read = await reader.get(record.id, renewal)
      if (expected === null) expect(read).toBeNull()
      else expect(read).toMatchObject(expected)
      expect(await store.get(record.id)).toEqual(read)
      await end()
    },
  )

  describe('a connection that commits nothing', () => {
    const told = { code: 'ERR_SESSION_CONFIG', message: expect.stringContaining('autocommit') }
    /** What makes every connection one that commits nothing, or the app did to the next one. */
    const ways: [string, string, string][] = [
      ['autocommit is off', 'SET autocommit = 0', 'DO 0'],
      ['the app left a transaction open', 'DO 0', 'START TRANSACTION'],
      ['the app left a snapshot', 'DO 0', 'START TRANSACTION WITH CONSISTENT SNAPSHOT'],
    ]

    test.each(ways)('is told by every method, and nothing is kept: %s', async (_, first, leak) => {
      const { store, table, end } = await separate()
      const other = await separate(first, { connectionLimit: 1 })
      const bad = mysqlStore({ pool: other.pool, table })
      const record = await born(store, { user: 'anna' })
      const calls: (() => unknown)[] = [
        () => bad.get(record.id),
        () => bad.get(freshRecord().id),
        () => bad.get(record.id, { ...record, seenBefore: record.seenAt + 1 }),
        () => bad.create(freshRecord()),
        () => bad.update({ ...plain(record), data: 'new' }, record.version),
        () => bad.update({ ...plain(record), data: 'new' }, Number(record.version) + 1),
        () => bad.rotate(record.id, freshRecord(), record.version),
        () => bad.touch(record.id, record.seenAt + 1, record.expiresAt),
        () => bad.delete(record.id),
        () => bad.list('anna'),
        () => bad.list('nobody'),
        () => bad.page(null, 10),
        () => bad.page(record.id, 10),
        () => bad.gc(record.expiresAt),
      ]
      for (const call of calls) {
        await other.pool.promise().query(leak)
        await expect((async () => call())()).rejects.toMatchObject(told)
        expect(await store.get(record.id)).toEqual(record)
      }
      expect((await store.page(null, 10)).sessions).toHaveLength(1)
      await other.end()
      await end()
    })

    test.each(ways)('shows no session that has ended since: %s', async (_, first, leak) => {
      const { store, table, end } = await separate()
      const other = await separate(first, { connectionLimit: 1 })
      const { id } = await born(store)
      await other.pool.promise().query(leak)
      await other.pool.promise().query(`SELECT * FROM ${table}`)
      await store.delete(id)
      const bad = mysqlStore({ pool: other.pool, table })
      await expect((async () => bad.get(id))()).rejects.toMatchObject(told)
      await other.end()
      await end()
    })
  })

  test('a session larger than the server takes fails alone: the next call has a connection that works', async () => {
    await server.query('SET GLOBAL max_allowed_packet = 1048576')
    const { store, end } = await separate('DO 0', { connectionLimit: 1 })
    try {
      const { id } = await born(store)
      for (let n = 0; n < 20; n++) {
        const large = freshRecord({ data: 'x'.repeat(1_500_000) })
        // With error 1153, or, where the server was faster to hang up, with what the driver says to that.
        await expect((async () => store.create(large))()).rejects.toThrow()
        expect(await alive(store, id)).toMatchObject({ id })
      }
    } finally {
      await server.query('SET GLOBAL max_allowed_packet = 16777216')
      await end()
    }
  })

  describe.each<[string, mysql.PoolOptions]>([
    ['rows as arrays', { rowsAsArray: true }],
    ['rows nested by table', { nestTables: true }],
    ['numbers as texts', { supportBigNumbers: true, bigNumberStrings: true }],
    ['values as they came', { typeCast: false }],
    ['names for placeholders', { namedPlaceholders: true }],
    ['counts of changed rows', { flags: ['-FOUND_ROWS'] }],
    ['dates as texts and decimals as numbers', { dateStrings: true, decimalNumbers: true }],
    ['another character set', { charset: 'latin1' }],
  ])('a pool set to answer %s', (_, options) => {
    test('keeps the contract', async () => {
      const { store, end } = await separate('DO 0', options)
      const record = freshRecord({ user: 'änna', label: 'a\0b', data: '"😀"' })
      expect(await store.create(record)).toBe(true)
      expect(await store.create(record)).toBe(false)
      const { version, ...read } = await alive(store, record.id)
      expect(read).toEqual(record)
      expect(version).toBe(1)
      // The same times again: nothing changes, and yet the record is there.
      expect(await store.touch(record.id, record.seenAt, record.expiresAt)).toBe(true)
      expect(await store.touch(freshRecord().id, 1, 2)).toBe(false)
      expect(await store.update(record, version)).toBe('done')
      expect(await store.update(record, version)).toBe('conflict')
      expect(await store.list('änna')).toHaveLength(1)
      expect(await store.delete(record.id)).toBe(true)
      expect(await store.update(record, version)).toBe('gone')
      await end()
    })
  })

  test('a strict mode that is off, ANSI quotes and no backslash escapes change nothing', async () => {
    const { store, end } = await separate(`SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'`)
    const record = freshRecord({ user: `\\'"; --`, label: `\\' OR 1=1 --`, data: 'x'.repeat(300_000) })
    expect(await store.create(record)).toBe(true)
    expect(plain(await alive(store, record.id))).toEqual(record)
    expect(await store.list(record.user!)).toHaveLength(1)
    await end()
  })

  test('a table in a database of its own', async () => {
    await server.query('CREATE DATABASE `hipflask other`')
    const { pool, end } = await separate()
    const store = mysqlStore({ pool, table: 'hipflask other.my sessions' })
    await store.migrate()
    await store.migrate()
    await born(store)
    expect(await server.query('SELECT count(*) AS n FROM `hipflask other`.`my sessions`')).toEqual([{ n: 1 }])
    await end()
  })

  test('64 increments at once through eight managers are all saved', async () => {
    const { store, end } = await separate()
    const browser = lab({ store, deadline: '20 seconds', clock: Date.now })
    await browser.request((session) => session.set('n', 0))
    const managers = Array.from({ length: 8 }, () => lab({ store, deadline: '20 seconds', clock: Date.now }))
    for (const manager of managers) manager.jar = browser.jar
    await together(64, (n) => managers[n % 8]!.request((session) => session.update('n', (n) => n + 1)))
    expect(await values(browser)).toEqual({ n: 64 })
    await end()
  })

  test('a list by user and a sweep use their indexes', async () => {
    const { store, table, end } = await separate()
    for (let n = 0; n < 50; n++) await store.create(freshRecord({ user: `user ${n}` }))
    const key = async (sql: string): Promise<unknown> => (await server.query(`EXPLAIN ${sql}`))[0].key
    expect(await key(`SELECT * FROM ${table} WHERE user_hash = 'x'`)).toBe('user_hash')
    expect(await key(`DELETE FROM ${table} WHERE expires_at <= 5 ORDER BY expires_at LIMIT 500`)).toBe(
      'expires_at',
    )
    await end()
  })
})
