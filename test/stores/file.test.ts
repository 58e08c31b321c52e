import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { fileStore } from '../../src/stores/file.ts'
import type { FileStoreOptions } from '../../src/stores/file.ts'
import { storeSuite } from '../../src/testing/index.ts'
import type { StoreUnderTest } from '../../src/testing/index.ts'

function make(options: FileStoreOptions = {}): StoreUnderTest {
  const directory = mkdtempSync(join(tmpdir(), 'hipflask-'))
  const open = () => fileStore(directory, options)
  return { store: open(), reopen: open, dispose: () => rmSync(directory, { recursive: true }) }
}

describe('the store contract, flat', () => {
  storeSuite({ test, make: () => make() })
})

describe('the store contract, in subdirectories', () => {
  storeSuite({ test, make: () => make({ shardAfter: 3 }) })
})

describe('the store contract, on the disk', () => {
  storeSuite({ test, make: () => make({ fsync: true, timeout: 20_000 }) })
})
