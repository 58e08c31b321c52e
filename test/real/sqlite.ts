import { createRequire } from 'node:module'
import type BetterSqlite from 'better-sqlite3'

/** The driver, or null where npm could not build it: a line says what to install, and HIPFLASK_REQUIRE_ALL=1 makes that a failure. */
export const Sqlite: typeof BetterSqlite | null = load()

function load(): typeof BetterSqlite | null {
  try {
    const driver = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite
    // The module is there without its compiled part, too; opening a database tells.
    new driver(':memory:').close()
    return driver
  } catch (error) {
    const line =
      'better-sqlite3 is not built on this machine: apt-get install build-essential python3 && npm rebuild better-sqlite3'
    if (process.env['HIPFLASK_REQUIRE_ALL'] === '1') throw new Error(line, { cause: error })
    console.warn(`skipped: ${line}`)
    return null
  }
}
