import Database from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { sqliteSchema, sqliteStore } from '../../src/stores/sqlite.ts'
import { type Bed, contract, sqlCases } from './sql-bed.ts'

let folder: string
const opened: Database.Database[] = []
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hipflask-sqlite-'))
})
afterAll(() => {
  for (const database of opened) database.close()
  rmSync(folder, { recursive: true })
})

function connect(): Database.Database {
  const database = new Database(path.join(folder, 'sessions.db'))
  opened.push(database)
  return database
}

const bed: Bed = {
  kind: 'sqlite',
  open: (table) => sqliteStore({ database: connect(), table }),
  counting: (table) => {
    const statements: string[] = []
    const database = connect()
    const prepare = (sql: string): any => {
      const statement = database.prepare(sql)
      const note =
        (run: (...values: unknown[]) => unknown) =>
        (...values: unknown[]): unknown => {
          statements.push(sql)
          return run.apply(statement, values)
        }
      return { all: note(statement.all), run: note(statement.run) }
    }
    const store = sqliteStore({ database: { prepare, exec: (sql) => database.exec(sql) }, table })
    statements.length = 0
    return { store, statements }
  },
  run: async (sql) => {
    const statement = connect().prepare(sql)
    return statement.reader ? statement.all() : (statement.run(), [])
  },
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  bytes: (hex) => `x'${hex}'`,
  looseTable: (table) =>
    sqliteSchema(table)
      .split(';\n')[0]!
      .replaceAll('NOT NULL,', ',')
      .replaceAll('NOT NULL\n', '\n')
      .replace(' STRICT', ''),
  schema: sqliteSchema,
  wrong: (client, table) => sqliteStore({ database: client, table }),
  place: () => ({ file: path.join(folder, 'sessions.db') }),
  names: [
    'hipflask sessions',
    'we"ird',
    `'; DROP TABLE x; --`,
    'sélect 😀',
    'SELECT',
    '$1',
    '?',
    ':a',
    '%s \\',
    'x'.repeat(240),
  ],
}

describe('the store contract, better-sqlite3', () => contract(bed))
describe('what all SQL stores share', () => sqlCases(bed))
