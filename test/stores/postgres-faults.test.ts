import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { type PostgresClient, postgresStore } from '../../src/stores/postgres.ts'
import type { SqlStore } from '../../src/stores/sql.ts'
import { storeSuite } from '../../src/testing/index.ts'
import { alive, born, freshRecord, plain, together } from '../../src/testing/store-cases/store-case.ts'
import { lab, values } from '../engine/visitor.ts'
import { pgbouncerProgram, startPgbouncer } from '../real/pgbouncer.ts'
import { postgresProgram, type PostgresServer, startPostgres } from '../real/postgres.ts'
import type { Server } from '../real/server.ts'
import { freshTable } from './sql-bed.ts'
import { faultCases } from './sql-faults.ts'
import { toldPostgres } from './told-pools.ts'

const program = postgresProgram()
const pooler = pgbouncerProgram()
let server: PostgresServer
beforeAll(async () => {
  if (program !== null) server = await startPostgres(program)
})
afterAll(() => server?.stop())

/** A store over a pool of its own, which notes the codes of the errors it met. */
async function separate(options: pg.PoolConfig = {}): Promise<{
  store: SqlStore
  table: string
  pool: pg.Pool
  errors: string[]
}> {
  const errors: string[] = []
  const pool = new pg.Pool({ connectionString: server.url, ...options })
  const tell = (_: string, error: unknown): void => {
    if (error !== null) errors.push((error as { code: string }).code)
  }
  const table = freshTable()
  const store = postgresStore({ pool: toldPostgres(pool, tell), table })
  await store.migrate()
  return { store, table, pool, errors }
}

/** A connection that does what other programs do to the same table. */
async function stranger(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  return client
}

/** Resolves when somebody waits for a lock. */
async function somebodyWaits(): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const waiting = await server.query('SELECT 1 FROM pg_locks WHERE NOT granted')
    if (waiting.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('nobody waits for a lock')
}

/** Ends the connections of the pool with this name. */
function terminate(name: string): Promise<unknown> {
  return server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
    name,
  ])
}

describe.skipIf(program === null)('PostgreSQL', () => {
  faultCases({
    open: (table, { max = 10, timeout } = {}) => {
      const pool = new pg.Pool({ connectionString: server.url, max, application_name: table })
      const store = postgresStore({ pool, table, ...(timeout !== undefined && { timeout }) })
      return { store, end: () => pool.end() }
    },
    kill: () => server.signal('SIGQUIT'),
    restart: () => server.restart(),
    halt: () => server.halt(),
    proceed: () => server.proceed(),
    terminate,
    readOnly: async (on) => {
      await server.query(`ALTER SYSTEM SET default_transaction_read_only = ${on ? 'on' : 'off'}`)
      await server.query('SELECT pg_reload_conf()')
      await new Promise((resolve) => setTimeout(resolve, 500))
    },
  })

  describe.each(['read committed', 'repeatable read', 'serializable'])('isolation: %s', (isolation) => {
    const options = { options: `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`, max: 12 }

    storeSuite({
      test,
      make: async () => {
        const { store, table, pool } = await separate(options)
        return { store, reopen: () => postgresStore({ pool, table }), dispose: () => pool.end() }
      },
    })

    test('64 increments at once: all are saved', async () => {
      const { store, pool } = await separate(options)
      expect((await pool.query('SHOW transaction_isolation')).rows).toEqual([
        { transaction_isolation: isolation },
      ])
      const browser = lab({ store, deadline: '20 seconds', clock: Date.now })
      // Requests of one process queue for one session, so several managers stand for several processes.
      const managers = Array.from({ length: 8 }, () =>
        lab({ store, deadline: '20 seconds', clock: Date.now }),
      )
      await browser.request((session) => session.set('n', 0))
      for (const manager of managers) manager.jar = browser.jar
      await together(64, (n) => managers[n % 8]!.request((session) => session.update('n', (n) => n + 1)))
      expect(await values(browser)).toEqual({ n: 64 })
      await pool.end()
    })

    test('a write that waited for another one is done, conflicts or finds it gone; where the level fails it, it is tried again', async () => {
      const { store, table, pool, errors } = await separate(options)
      for (const [meanwhile, outcome] of [
        ['UPDATE $ SET label = NULL', 'done'],
        ['UPDATE $ SET version = version + 1', 'conflict'],
        ['DELETE FROM $', 'gone'],
      ] as const) {
        const old = await born(store)
        const other = await stranger()
        await other.query('BEGIN')
        await other.query(meanwhile.replace('$', table))
        const update = Promise.resolve(store.update({ ...plain(old), data: 'new' }, old.version))
        await somebodyWaits()
        await other.query('COMMIT')
        expect(await update).toBe(outcome)
        await other.end()
        await store.delete(old.id)
      }
      expect(errors).toEqual(isolation === 'read committed' ? [] : ['40001', '40001', '40001'])
      await pool.end()
    })
  })

  describe('statements the server keeps', () => {
    storeSuite({
      test,
      make: async () => {
        const pool = new pg.Pool({ connectionString: server.url, max: 4 })
        const table = freshTable()
        const store = postgresStore({ pool, table, prepare: true })
        await store.migrate()
        const reopen = (): SqlStore => postgresStore({ pool, table, prepare: true })
        return { store, reopen, dispose: () => pool.end() }
      },
    })

    test('are prepared once per connection, and only where asked', async () => {
      const pool = new pg.Pool({ connectionString: server.url, max: 1 })
      const kept = async (): Promise<unknown[]> =>
        (await pool.query(`SELECT 1 FROM pg_prepared_statements WHERE name LIKE 'hipflask%'`)).rows
      const table = freshTable()
      const plainly = postgresStore({ pool, table })
      await plainly.migrate()
      const { id } = await born(plainly)
      await plainly.get(id)
      expect(await kept()).toHaveLength(0)
      const store = postgresStore({ pool, table, prepare: true })
      for (let n = 0; n < 5; n++) await store.get(id)
      expect(await kept()).toHaveLength(1)
      await store.delete(id)
      expect(await kept()).toHaveLength(2)
      await pool.end()
    })

    test.each(['DEALLOCATE ALL', 'DISCARD ALL'])('may be forgotten by %s of the app', async (statement) => {
      const pool = new pg.Pool({ connectionString: server.url, max: 3 })
      const store = postgresStore({ pool, table: freshTable(), prepare: true })
      await store.migrate()
      const record = await born(store)
      const everywhere = (work: () => unknown): Promise<unknown> => together(3, async () => work())
      for (const call of [
        () => store.get(record.id),
        () => store.update({ ...plain(record), data: 'new' }, record.version),
      ]) {
        await everywhere(() => store.get(record.id))
        await everywhere(() => store.update(freshRecord(), 1))
        await everywhere(() => pool.query(statement))
        await call()
      }
      expect(await alive(store, record.id)).toMatchObject({ data: 'new', version: 2 })
      await pool.end()
    })
  })

  test('a deadlock is tried again', async () => {
    const { store, table, pool, errors } = await separate({ options: '-c deadlock_timeout=500ms' })
    const old = await born(store)
    const next = freshRecord()
    const other = await stranger()
    await other.query('SET deadlock_timeout = 60000')
    await other.query('BEGIN')
    // The stranger is about to take the new id, and then wants the old row, which the rotation holds while it waits for that.
    await other.query(
      `INSERT INTO ${table} SELECT $1, data, user_name, user_hash, label, created_at, seen_at, expires_at, ends_at, size, version FROM ${table} WHERE id = $2`,
      [next.id, old.id],
    )
    const rotation = Promise.resolve(store.rotate(old.id, next, old.version))
    await somebodyWaits()
    await other.query(`UPDATE ${table} SET seen_at = seen_at WHERE id = $1`, [old.id])
    await other.query('ROLLBACK')
    expect(await rotation).toBe('done')
    expect(errors).toContain('40P01')
    expect(plain(await alive(store, next.id))).toEqual(next)
    await other.end()
    await pool.end()
  })

  test('a lock that is not to be had in time is tried again, and told when it stays', async () => {
    const { store, table, pool, errors } = await separate({ options: '-c lock_timeout=20ms' })
    const old = await born(store)
    const other = await stranger()
    await other.query('BEGIN')
    await other.query(`SELECT * FROM ${table} WHERE id = $1 FOR UPDATE`, [old.id])
    const update = Promise.resolve(store.update({ ...plain(old), data: 'new' }, old.version))
    while (errors.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
    await other.query('COMMIT')
    expect(await update).toBe('done')
    expect(new Set(errors)).toEqual(new Set(['55P03']))

    await other.query('BEGIN')
    await other.query(`SELECT * FROM ${table} WHERE id = $1 FOR UPDATE`, [old.id])
    await expect(store.delete(old.id)).rejects.toMatchObject({ code: '55P03' })
    await other.query('COMMIT')
    expect(await store.delete(old.id)).toBe(true)
    await other.end()
    await pool.end()
  })

  describe('a connection that came back to the pool inside a transaction', () => {
    async function leaked(pool: pg.Pool, ...statements: string[]): Promise<void> {
      const client = await pool.connect()
      for (const statement of statements) await client.query(statement).catch(() => undefined)
      client.release()
    }
    const told = { code: 'ERR_SESSION_STORE', message: expect.stringContaining('transaction open') }

    test.each<[string, Partial<PostgresClient>]>([
      ['pg', { connection: undefined as never }],
      ['pg before 8.21', { getTransactionStatus: undefined as never }],
    ])('acknowledges nothing: %s', async (_, lacking) => {
      const { table, pool } = await separate({ max: 1 })
      const store = postgresStore({ pool: toldPostgres(pool, () => undefined, lacking), table })
      const record = await born(store)
      const calls: (() => unknown)[] = [
        () => store.get(record.id),
        () => store.get(record.id, { ...record, seenBefore: record.seenAt + 1 }),
        () => store.create(freshRecord()),
        () => store.update({ ...plain(record), data: 'new' }, record.version),
        () => store.rotate(record.id, freshRecord(), record.version),
        () => store.touch(record.id, record.seenAt + 1, record.expiresAt),
        () => store.delete(record.id),
        () => store.list('anna'),
        () => store.page(null, 10),
        () => store.gc(record.expiresAt),
        () => store.migrate(),
      ]
      for (const call of calls) {
        await leaked(pool, 'BEGIN')
        await expect((async () => call())()).rejects.toMatchObject(told)
        expect(await store.get(record.id)).toEqual(record)
      }
      expect((await store.page(null, 10)).sessions).toHaveLength(1)
      await pool.end()
    })

    test('shows no session that has ended since', async () => {
      const { store, table, pool } = await separate({ max: 1 })
      const { id } = await born(store)
      await leaked(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ', `SELECT FROM ${table}`)
      await server.query(`DELETE FROM ${table}`)
      await expect((async () => store.get(id))()).rejects.toMatchObject(told)
      expect(await store.get(id)).toBeNull()
      await pool.end()
    })

    test('is replaced without a word where that transaction has failed', async () => {
      const { store, pool, errors } = await separate({ max: 3 })
      const { id } = await born(store)
      await together(3, () => leaked(pool, 'BEGIN', 'SELECT nothing'))
      expect(await alive(store, id)).toMatchObject({ id })
      expect(await together(3, () => store.create(freshRecord()))).toEqual([true, true, true])
      expect(errors).toEqual(['25P02', '25P02', '25P02'])
      await pool.end()
    })
  })

  test('an idle connection that breaks is told as a warning, until the store is closed', async () => {
    const pool = new pg.Pool({ connectionString: server.url, application_name: 'idle' })
    const store = postgresStore({ pool, table: freshTable() })
    await store.migrate()
    const events: StoreEvent[] = []
    store.attach!((event) => void events.push(event))
    expect(pool.listenerCount('error')).toBe(1)
    await terminate('idle')
    while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(events[0]).toMatchObject({ type: 'warning', message: expect.stringContaining('PostgreSQL') })
    await store.close!()
    expect(pool.listenerCount('error')).toBe(0)
    await pool.end()
  })

  test('a pool that answers 64-bit numbers in another way is fine', async () => {
    for (const parse of [BigInt, Number, String]) {
      const types = {
        getTypeParser: (oid: number, format?: any) =>
          oid === 20 ? parse : pg.types.getTypeParser(oid, format),
      }
      const { store, pool } = await separate({ types: types as never })
      const record = await born(store, { user: 'anna' })
      expect(record.version).toBe(1)
      expect(await store.list('anna')).toMatchObject([{ expiresAt: record.expiresAt }])
      await pool.end()
    }
  })

  test.each(['hex', 'escape'])(
    'parsers that the app has set do not touch sessions: bytes as %s',
    async (form) => {
      const { store, pool } = await separate({ options: `-c bytea_output=${form}` })
      const parsers = [17, 20, 25].map((oid) => [oid, pg.types.getTypeParser(oid)] as const)
      for (const [oid] of parsers) pg.types.setTypeParser(oid, () => ({}))
      try {
        const record = freshRecord({
          user: 'ann\\x41',
          label: String.raw`\x41\101\\`,
          data: '\0\u007f"ü😀\\',
        })
        await store.create(record)
        const read = await alive(store, record.id)
        expect(plain(read)).toEqual(record)
        expect(await store.update({ ...record, data: 'new' }, read.version)).toBe('done')
        expect(await store.list(record.user!)).toMatchObject([{ label: record.label }])
      } finally {
        for (const [oid, parser] of parsers) pg.types.setTypeParser(oid, parser)
        await pool.end()
      }
    },
  )

  test('a table in a schema of its own', async () => {
    await server.query('CREATE SCHEMA "other schema"')
    const pool = new pg.Pool({ connectionString: server.url })
    const store = postgresStore({ pool, table: 'other schema.my sessions' })
    await store.migrate()
    await store.migrate()
    await born(store)
    expect(await server.query('SELECT count(*)::int AS n FROM "other schema"."my sessions"')).toEqual([
      { n: 1 },
    ])
    await pool.end()
  })

  test('a list by user and a sweep use their indexes', async () => {
    const { store, table, pool } = await separate()
    await born(store, { user: 'anna' })
    const plan = async (sql: string): Promise<string> =>
      JSON.stringify(((await pool.query(`SET enable_seqscan = off; EXPLAIN ${sql}`)) as any)[1].rows)
    expect(await plan(`SELECT * FROM ${table} WHERE user_hash = 'x'`)).toContain(`${table}_user`)
    expect(await plan(`SELECT * FROM ${table} WHERE expires_at <= 5 LIMIT 500`)).toContain(`${table}_expiry`)
    await pool.end()
  })
})

describe.skipIf(program === null || pooler === null)('PgBouncer in transaction mode', () => {
  let bouncer: Server & { readonly url: string }
  let pool: pg.Pool
  beforeAll(async () => {
    bouncer = await startPgbouncer(pooler!, server, 3)
    pool = new pg.Pool({ connectionString: bouncer.url, max: 12 })
    pool.setMaxListeners(0)
  })
  afterAll(async () => {
    await pool?.end()
    await bouncer?.stop()
  })

  storeSuite({
    test,
    make: async () => {
      const table = freshTable()
      const store = postgresStore({ pool, table })
      await store.migrate()
      return { store, reopen: () => postgresStore({ pool, table }) }
    },
  })

  test('128 increments at once of many clients over three connections', async () => {
    const store = postgresStore({ pool, table: freshTable() })
    await together(6, () => store.migrate())
    const browser = lab({ store, deadline: '20 seconds', clock: Date.now })
    await browser.request((session) => session.set('n', 0))
    await together(128, () => browser.request((session) => session.update('n', (n) => n + 1)))
    expect(await values(browser)).toEqual({ n: 128 })
  })
})
