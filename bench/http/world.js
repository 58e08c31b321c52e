import { mkdirSync, mkdtempSync } from 'node:fs'
import path from 'node:path'

/** What a measured server finds around it: the databases, which are started elsewhere, and a folder of its own. */
export const world = {
  redisUrl: process.env.BENCH_REDIS,
  postgresUrl: process.env.BENCH_POSTGRES,
  /** A folder that goes with the whole run. */
  folder(name) {
    const above = process.env.BENCH_FOLDER
    mkdirSync(above, { recursive: true })
    return mkdtempSync(path.join(above, `${name}-`))
  },
  async nodeRedis() {
    const { createClient } = await import('redis')
    const client = createClient({ url: this.redisUrl })
    client.on('error', console.error)
    return client.connect()
  },
  async ioRedis() {
    const { Redis } = await import('ioredis')
    return new Redis(this.redisUrl, { enableAutoPipelining: true })
  },
  async postgres() {
    const { default: pg } = await import('pg')
    // Statements are counted where every user of the driver comes past.
    const { query } = pg.Client.prototype
    pg.Client.prototype.query = function counted(...args) {
      statements.sent++
      return query.apply(this, args)
    }
    return new pg.Pool({ connectionString: this.postgresUrl, max: 10, connectionTimeoutMillis: 5_000 })
  },
  async sqlite() {
    const { default: Database } = await import('better-sqlite3')
    const database = new Database(path.join(this.folder('sqlite'), 'sessions.db'))
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    return database
  },
}

/** How many statements were sent to PostgreSQL. */
export const statements = { sent: 0 }

/** Secrets of the measured apps; they guard nothing. */
export const secret = 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA'

const writers = []
let slowness = 0

/** Lets the writes of a store be slowed down while the server runs, to see who answers before they are done. */
export function slowable(store, ...methods) {
  writers.push({ store, methods })
  return store
}

/** From now on each write of a `slowable` store takes so many milliseconds more; true if there is such a store. */
export function slowDown(milliseconds) {
  slowness = milliseconds
  for (const { store, methods } of writers.splice(0)) {
    for (const name of methods) {
      const original = store[name].bind(store)
      store[name] = (...args) =>
        new Promise((resolve) => setTimeout(resolve, slowness)).then(() => original(...args))
    }
    slowed = true
  }
  return slowed
}
let slowed = false
