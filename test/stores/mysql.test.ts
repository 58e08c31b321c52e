import mysql from 'mysql2'
import { afterAll, beforeAll, describe } from 'vitest'
import { mysqlSchema, mysqlStore } from '../../src/stores/mysql.ts'
import { mariadbProgram, type MariadbServer, startMariadb } from '../real/mariadb.ts'
import { type Bed, contract, sqlCases } from './sql-bed.ts'
import { toldMysql } from './told-pools.ts'

const program = mariadbProgram()
let server: MariadbServer
let pool: mysql.Pool
beforeAll(async () => {
  if (program === null) return
  server = await startMariadb(program)
  pool = mysql.createPool({ uri: server.url, connectionLimit: 20 })
})
afterAll(async () => {
  await pool?.promise().end()
  await server?.stop()
})

const bed: Bed = {
  kind: 'mysql',
  open: (table) => mysqlStore({ pool, table }),
  counting: (table) => {
    const statements: string[] = []
    return {
      store: mysqlStore({ pool: toldMysql(pool, (text) => void statements.push(text)), table }),
      statements,
    }
  },
  run: async (sql) => {
    const [rows] = await pool.promise().query(sql)
    return Array.isArray(rows) ? rows : []
  },
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  bytes: (hex) => `x'${hex}'`,
  looseTable: (table) => mysqlSchema(table).replaceAll('NOT NULL,', ','),
  schema: mysqlSchema,
  wrong: (client, table) => mysqlStore({ pool: client, table }),
  place: () => ({ url: server.url }),
  names: [
    'hipflask sessions',
    'we`ird',
    `'; DROP TABLE x; --`,
    'sélect ✓',
    'SELECT',
    '$1',
    '?',
    '%s \\',
    'x'.repeat(63),
  ],
}

describe.skipIf(program === null)('the store contract', () => contract(bed))
describe.skipIf(program === null)('what all SQL stores share', () => sqlCases(bed))
