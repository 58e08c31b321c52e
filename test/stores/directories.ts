import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { SessionInfo } from '../../src/contracts/store.ts'
import { stripeOf } from '../../src/stores/file/tree.ts'
import { freshId } from '../../src/testing/store-cases/store-case.ts'

/** A new empty directory, removed when the test is over; in memory where the machine has such a place. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hipflask-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A new id under the same lock as `id`, or under another one: chance would take the same in one case of 64. */
export function freshIdIn(place: 'the same stripe' | 'another stripe', id: string): string {
  for (;;) {
    const other = freshId()
    if ((stripeOf(other) === stripeOf(id)) === (place === 'the same stripe')) return other
  }
}

/** The name of a record's file. */
export function fileName(id: string): string {
  return Buffer.from(id, 'base64url').toString('hex')
}

/** Every file below a directory, as relative paths. */
export function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort()
}

/** Files and lock directories that the sessions `living` do not account for. */
export function litterIn(directory: string, living: readonly SessionInfo[]): string[] {
  const records = new Set(living.map(({ id }) => fileName(id)))
  const entries = new Set(living.filter(({ user }) => user !== null).map(({ id }) => fileName(id)))
  const litter = filesIn(directory).filter((path) => {
    if (/^\.locks\/[0-3][0-9a-f]\/free\/grave$/.test(path) || path === '.sharded') return false
    const record = /^(?:[0-9a-f]{2}\/)?([0-9a-f]{64})$/.exec(path)?.[1]
    if (record !== undefined) return !records.delete(record)
    const entry = /^\.users\/[0-9a-f]{2}\/[0-9a-f]{62}\/([0-9a-f]{64})\.[^/]*$/.exec(path)?.[1]
    return entry === undefined || !entries.delete(entry)
  })
  const missing = [...records, ...entries].map((name) => `missing: ${name}`)
  const locks = readdirSync(join(directory, '.locks'), { withFileTypes: true })
  const held = locks.filter(({ name }) => readdirSync(join(directory, '.locks', name)).join() !== 'free')
  return [...litter, ...missing, ...held.map(({ name }) => `held: ${name}`)]
}
