import pg from 'pg'
import { afterAll, beforeAll, describe } from 'vitest'
import { postgresSchema, postgresStore } from '../../src/stores/postgres.ts'
import { postgresProgram, type PostgresServer, startPostgres } from '../real/postgres.ts'
import { type Bed, contract, sqlCases } from './sql-bed.ts'
import { toldPostgres } from './told-pools.ts'

const program = postgresProgram()
let server: PostgresServer
let pool: pg.Pool
beforeAll(async () => {
  if (program === null) return
  server = await startPostgres(program)
  pool = new pg.Pool({ connectionString: server.url, max: 20 })
  // Every store of these tests listens to the one pool.
  pool.setMaxListeners(0)
})
afterAll(async () => {
  await pool?.end()
  await server?.stop()
})

const bed: Bed = {
  kind: 'postgres',
  open: (table) => postgresStore({ pool, table }),
  counting: (table) => {
    const statements: string[] = []
    return {
      store: postgresStore({ pool: toldPostgres(pool, (text) => void statements.push(text)), table }),
      statements,
    }
  },
  run: async (sql) => (await pool.query(sql)).rows,
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  bytes: (hex) => `'\\x${hex}'::bytea`,
  looseTable: (table) => postgresSchema(table).replaceAll('NOT NULL,', ',').replaceAll('NOT NULL\n', '\n'),
  schema: postgresSchema,
  wrong: (client, table) => postgresStore({ pool: client, table }),
  place: () => ({ url: server.url }),
  names: [
    'hipflask sessions',
    'we"ird',
    `'; DROP TABLE x; --`,
    'sélect 😀',
    'SELECT',
    '$1',
    '?',
    '%s \\',
    'x'.repeat(49),
  ],
}

describe.skipIf(program === null)('the store contract', () => contract(bed))
describe.skipIf(program === null)('what all SQL stores share', () => sqlCases(bed))
