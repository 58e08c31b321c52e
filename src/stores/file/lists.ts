import { readdir } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { Page, SessionInfo } from '../../contracts/store.ts'
import { codeOf } from './owner.ts'
import type { FileRecord } from './record.ts'
import { idOf } from './tree.ts'
import type { FileTree } from './tree.ts'
import type { FileUsers } from './users.ts'

/** How many records are read before other work may run. */
const SLICE = 100

/** Every session of `user`. Reads the user's entries again until there is none left that it has not followed. */
export async function listUser(tree: FileTree, users: FileUsers, user: string): Promise<SessionInfo[]> {
  const found = new Map<string, SessionInfo>()
  const followed = new Set<string>()
  let fresh = users.entries(user)
  while (fresh.length > 0) {
    for (const entry of fresh) {
      const record = follow(tree, entry)
      if (record?.user === user) found.set(record.id, infoOf(record))
      followed.add(entry)
      if (followed.size % SLICE === 0) await setImmediate()
    }
    fresh = users.entries(user).filter((entry) => !followed.has(entry))
  }
  return [...found.values()]
}

/** At most `limit` records whose names come after `cursor`, in the order of their names. */
export async function pageOf(tree: FileTree, cursor: string | null, limit: number): Promise<Page> {
  const sessions: SessionInfo[] = []
  const all = await names(tree.directory)
  const flat = all.filter((name) => idOf(name) !== null)
  const shards = new Set(all.filter((name) => /^[0-9a-f]{2}$/.test(name)))
  for (let first = cursor === null ? 0 : Number.parseInt(cursor.slice(0, 2), 16); first < 256; first++) {
    const shard = first.toString(16).padStart(2, '0')
    const here = flat.filter((name) => name.startsWith(shard))
    if (shards.has(shard)) here.push(...(await names(`${tree.directory}/${shard}`)))
    for (const name of here.sort()) {
      const id = cursor === null || name > cursor ? idOf(name) : null
      const { record } = id === null ? { record: null } : tree.look(id)
      if (record === null) continue
      sessions.push(infoOf(record))
      if (sessions.length === limit) return { sessions, next: name }
      if (sessions.length % SLICE === 0) await setImmediate()
    }
  }
  return { sessions, next: null }
}

/** A record without its values. */
function infoOf(record: FileRecord): SessionInfo {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = record
  return { id, user, label, createdAt, seenAt, expiresAt, endsAt, size: data.length }
}

/**
 * The record an entry leads to. A session that is being rotated has two entries and lives under one of two ids: it is
 * looked for under the new one, the old one and the new one again, so it cannot slip by.
 */
function follow(tree: FileTree, entry: string): FileRecord | null {
  const [name = '', , from] = entry.split('.')
  const id = idOf(name)
  if (id === null) return null
  const record = tree.look(id).record
  if (record !== null || from === undefined) return record
  return tree.look(idOf(from) ?? '').record ?? tree.look(id).record
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** Whether `cursor` is one that `pageOf` gives or takes. */
export function isCursor(cursor: string | null): boolean {
  return cursor === null || idOf(cursor) !== null
}
