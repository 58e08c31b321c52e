import { hash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

/*
 * Each kind of store: an opener answers `{ store, fill, close }`, a store of its own for each size, so that all sizes can
 * be asked in turn. `fill(crowd, from, to)` puts records there as fast as can be: where the store's own `create` is slow,
 * by copying what the store itself has written, and putting in what differs from visitor to visitor.
 */

async function memory(size) {
  const { memoryStore } = await import('hipflask/stores/memory')
  const store = memoryStore({ max: size })
  const fill = async (crowd, from, to) => {
    for (let n = from; n < to; n++) store.create(crowd.record(n))
  }
  return { store, fill, close: () => undefined }
}

/** One record by the store, and the rest beside it: the first ones flat, as it would, and then in its subdirectories. */
async function file(size, { files }) {
  const { fileStore } = await import('hipflask/stores/file')
  const directory = path.join(files, `${size}`)
  const flat = 4_097
  const shards = new Set()
  const placeOf = (id, n) => {
    const name = Buffer.from(id, 'base64url').toString('hex')
    if (n < flat) return path.join(directory, name)
    const shard = path.join(directory, name.slice(0, 2))
    if (!shards.has(shard)) {
      mkdirSync(shard, { mode: 0o700 })
      chmodSync(shard, 0o700)
      shards.add(shard)
    }
    return path.join(shard, name)
  }
  let head = null
  const fill = async (crowd, from, to) => {
    for (let n = from; n < to; n++) {
      const record = crowd.record(n)
      if (head === null) {
        await fileStore(directory).create(record)
        head = JSON.parse(readFileSync(placeOf(record.id, n), 'utf8').split('\n')[1])
        continue
      }
      const { data, ...parts } = record
      const rest = `${JSON.stringify({ ...head, ...parts, version: `bench_${n.toString(36)}` })}\n${data}`
      const text = `hipflask 1 ${hash('sha256', rest, 'base64url')}\n${rest}`
      writeFileSync(placeOf(record.id, n), text, { mode: 0o600 })
    }
  }
  // Opened when the files are there: it then sees how many lie flat, and notes that new ones do not.
  return { open: () => fileStore(directory), fill, close: () => undefined }
}

const columns = 'id, data, created_at, seen_at, expires_at, ends_at, size, version'

async function sqlite(size, { folder }) {
  const { default: Database } = await import('better-sqlite3')
  const { sqliteStore } = await import('hipflask/stores/sqlite')
  const name = path.join(folder, `sessions-${size}.db`)
  const database = new Database(name)
  database.pragma('synchronous = NORMAL')
  const store = sqliteStore({ database })
  await store.migrate()
  const fill = async (crowd, from, to) => {
    const loader = new Database(name)
    loader.pragma('synchronous = OFF')
    loader.pragma('cache_size = -512000')
    const insert = loader.prepare(
      `INSERT INTO hipflask_sessions (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, 1)`,
    )
    loader.exec('BEGIN')
    for (let n = from; n < to; n++) {
      const { id, data, createdAt, seenAt, expiresAt, endsAt } = crowd.record(n)
      insert.run(id, Buffer.from(data), createdAt, seenAt, expiresAt, endsAt, data.length)
    }
    loader.exec('COMMIT')
    loader.pragma('wal_checkpoint(TRUNCATE)')
    loader.close()
  }
  return { store, fill, close: () => database.close() }
}

/** A database of its own for each size; the server removes what has expired. */
async function redis(size, { redis: url }) {
  const { createClient } = await import('redis')
  const { redisStore } = await import('hipflask/stores/redis')
  const client = createClient({ url, database: Math.round(Math.log10(size)) })
  client.on('error', console.error)
  await client.connect()
  const store = redisStore({ client })
  const key = (id) => `hipflask:${id}`
  const time = (milliseconds) => String(milliseconds).padStart(16, '0')
  const fill = async (crowd, from, to) => {
    // A record as the store writes it: the values are at its end, and all visitors' are of one length.
    const model = crowd.record(from)
    await store.create(model)
    const text = await client.get(key(model.id))
    const start = text.slice(0, -model.data.length)
    for (let n = from + 1; n < to;) {
      const sent = []
      for (const end = Math.min(n + 2_000, to); n < end; n++) {
        const { id, data, expiresAt, seenAt } = crowd.record(n)
        const own = start.replace(time(model.expiresAt), time(expiresAt)) + data
        const ttl = String(expiresAt - seenAt + 60_000)
        sent.push(client.sendCommand(['SET', key(id), own, 'PX', ttl]))
      }
      await Promise.all(sent)
    }
  }
  return { store, fill, close: () => client.destroy() }
}

async function postgres(size, { postgres: url }) {
  const { default: pg } = await import('pg')
  const { postgresStore } = await import('hipflask/stores/postgres')
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 5_000 })
  const table = `sessions_${size}`
  const store = postgresStore({ pool, table, prepare: true })
  await store.migrate()
  const insert =
    `INSERT INTO ${table} (${columns}) SELECT id, convert_to(data, 'UTF8'), $3, $3, expires_at, $4, length(data), 1 ` +
    'FROM unnest($1::text[], $2::text[], $5::bigint[]) AS given (id, data, expires_at)'
  const fill = async (crowd, from, to) => {
    for (let n = from; n < to;) {
      const some = []
      for (const end = Math.min(n + 5_000, to); n < end; n++) some.push(crowd.record(n))
      const of = (field) => some.map((record) => record[field])
      const [{ createdAt, endsAt }] = some
      await pool.query(insert, [of('id'), of('data'), createdAt, endsAt, of('expiresAt')])
    }
  }
  // As its autovacuum would a little later.
  const settle = () => pool.query(`VACUUM ANALYZE ${table}`)
  return { store, fill, settle, close: () => pool.end() }
}

async function mariadb(size, { mariadb: uri }) {
  const { createPool } = await import('mysql2/promise')
  const { mysqlStore } = await import('hipflask/stores/mysql')
  const pool = createPool({ uri, connectionLimit: 10 })
  const table = `sessions_${size}`
  const store = mysqlStore({ pool, table })
  await store.migrate()
  const fill = async (crowd, from, to) => {
    for (let n = from; n < to;) {
      const rows = []
      for (const end = Math.min(n + 2_000, to); n < end; n++) {
        const { id, data, createdAt, seenAt, expiresAt, endsAt } = crowd.record(n)
        rows.push([id, data, createdAt, seenAt, expiresAt, endsAt, data.length, 1])
      }
      await pool.query(`INSERT INTO ${table} (${columns}) VALUES ?`, [rows])
    }
  }
  const settle = () => pool.query(`ANALYZE TABLE ${table}`)
  return { store, fill, settle, close: () => pool.end() }
}

const openers = { memory, file, sqlite, redis, postgres, mariadb }

/** A store of a kind that is to hold `size` sessions: `fill` it, then `open` it. */
export async function openKind(kind, size, place) {
  const { store, open = () => store, fill, settle, close } = await openers[kind](size, place)
  return {
    open,
    close,
    /** Fills it, in steps that let other work run and are told. */
    async fill(crowd, told) {
      const step = 10_000
      for (let from = 0; from < size; from += step) {
        await fill(crowd, from, Math.min(from + step, size))
        told(Math.min(step, size - from))
        await turn()
      }
      await settle?.()
    },
  }
}
