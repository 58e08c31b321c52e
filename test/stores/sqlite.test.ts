import Database from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'vitest'
import { sqliteStore } from '../../src/stores/sqlite.ts'
import { storeSuite } from '../../src/testing/index.ts'

describe('the store contract, better-sqlite3', () => {
  storeSuite({
    test,
    make: async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-sqlite-'))
      const file = path.join(folder, 'sessions.db')
      const opened: Database.Database[] = []
      const open = () => {
        const database = new Database(file)
        opened.push(database)
        return sqliteStore({ database })
      }
      const store = open()
      await store.migrate()
      return { store, reopen: open, dispose: () => { for (const d of opened) d.close(); rmSync(folder, { recursive: true }) } }
    },
  })
})
