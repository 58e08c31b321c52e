// One of several processes that change one session through the engine. It imports what is published, so build first.
// Told by its argument, it answers on its standard output: one line of JSON for each acknowledged request.
import { writeSync } from 'node:fs'
import { createSessions } from '../../dist/index.js'

/** Where the sessions are: { kind, url | file, table }. */
export async function openStore({ kind, url, file, table }) {
  switch (kind) {
    case 'postgres': {
      const { default: pg } = await import('pg')
      const { postgresStore } = await import('../../dist/stores/postgres.js')
      const pool = new pg.Pool({ connectionString: url, max: 8 })
      return { store: postgresStore({ pool, table }), end: () => pool.end() }
    }
    case 'mysql': {
      const { createPool } = await import('mysql2/promise')
      const { mysqlStore } = await import('../../dist/stores/mysql.js')
      const pool = createPool({ uri: url, connectionLimit: 8 })
      return { store: mysqlStore({ pool, table }), end: () => pool.end() }
    }
    case 'sqlite': {
      const { default: Database } = await import('better-sqlite3')
      const { sqliteStore } = await import('../../dist/stores/sqlite.js')
      const database = new Database(file)
      return { store: sqliteStore({ database, table }), end: () => database.close() }
    }
    default:
      throw new Error(`no store of the kind ${kind}`)
  }
}

const { place, cookie, name, requests, inFlight } = JSON.parse(process.argv[2])
const { store, end } = await openStore(place)
const sessions = createSessions({ store, deadline: '60 seconds', maxBytes: 10_000_000 })
const secure = { secure: true }

function tell(line) {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

/** Half of the requests add one to the same number, the others set a key of their own. */
async function request(n) {
  const visit = await sessions.open(cookie, secure)
  let said
  if (n % 2) visit.session.update('sum', (sum = 0) => sum + 1)
  else visit.session.set(`${name}-${n}`, n)
  // Each life of each worker counts for itself, too, so that a kill shows what became of the last acknowledged request.
  visit.session.update(name, (count = 0) => (said = count + 1))
  await visit.close()
  tell({ n, count: said })
}

let next = 0
await Promise.all(
  Array.from({ length: inFlight }, async () => {
    while (next < requests) await request(next++)
  }),
)
await store.close?.()
await end()
