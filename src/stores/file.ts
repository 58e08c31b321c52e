import { join, resolve } from 'node:path'
import type {
  Awaitable,
  Outcome,
  Page,
  Renewal,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreEvent,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { FileChanges } from './file/changes.ts'
import { doubtsAbout, LOCKS, prepareDirectory, refuseForeign } from './file/directory.ts'
import { isCursor, listUser, pageOf } from './file/lists.ts'
import { FileLocks } from './file/lock.ts'
import { unique } from './file/owner.ts'
import { FileSweep } from './file/sweep.ts'
import { FileTree, nameOf } from './file/tree.ts'
import type { Slot } from './file/tree.ts'
import { FileUsers } from './file/users.ts'

/** Options of `fileStore`. */
export interface FileStoreOptions {
  /** Whether an answer waits until the change is on the disk, so that it outlives a power failure. Default false. */
  readonly fsync?: boolean
  /** How long (milliseconds) a change waits for other processes that change the same session. Default 2000. */
  readonly timeout?: number
  /** How many records lie in the directory itself before new ones go into subdirectories. Default 4096. */
  readonly shardAfter?: number
}

/**
 * A store in a directory: one file per session, shared by any number of processes of one machine. Nothing that was
 * answered is lost when a process dies. The directory is made if missing (mode 0700); one that is unsafe throws
 * ERR_SESSION_CONFIG, one with Flask-Session's pickles ERR_SESSION_FOREIGN. Changes throw ERR_SESSION_TIMEOUT when other
 * processes do not let go of a session in time, and the system's own errors (disk full, read-only), nothing changed then.
 */
export function fileStore(directory = 'flask_session', options: FileStoreOptions = {}): SessionStore {
  const { fsync = false, timeout = 2000, shardAfter = 4096 } = options
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0'))
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'fileStore: the directory must be a path, such as "flask_session".',
    )
  if (typeof fsync !== 'boolean')
    throw new SessionError('ERR_SESSION_CONFIG', 'fileStore: fsync must be true or false.')
  if (!Number.isFinite(timeout) || timeout <= 0)
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'fileStore: timeout must be a number of milliseconds above 0.',
    )
  if (!Number.isInteger(shardAfter) || shardAfter < 0)
    throw new SessionError('ERR_SESSION_CONFIG', 'fileStore: shardAfter must be a whole number, 0 or more.')
  return new FileStore(resolve(directory), { fsync, timeout, shardAfter })
}

class FileStore implements SessionStore {
  readonly kind = 'file'
  readonly immediate = 'without renewal'
  readonly #tree: FileTree
  readonly #users: FileUsers
  readonly #locks: FileLocks
  readonly #changes: FileChanges
  #report: ((event: StoreEvent) => void) | null = null

  constructor(directory: string, { fsync, timeout, shardAfter }: Required<FileStoreOptions>) {
    refuseForeign(directory)
    prepareDirectory(directory)
    this.#tree = new FileTree(directory, shardAfter)
    this.#users = new FileUsers(directory)
    const prepare = (): void => {
      prepareDirectory(directory)
      this.#tree.forget()
    }
    this.#locks = new FileLocks(join(directory, LOCKS), timeout, prepare)
    this.#changes = new FileChanges({
      tree: this.#tree,
      users: this.#users,
      locks: this.#locks,
      prepare,
      look: (id) => this.#look(id),
      fsync,
      timeout,
    })
  }

  attach(report: (event: StoreEvent) => void): void {
    this.#report = report
    const message = doubtsAbout(this.#tree.directory)
    if (message !== null) report({ type: 'warning', message })
  }

  get(id: string, renewal?: Renewal): Awaitable<StoredRecord | null> {
    const { record } = this.#look(id)
    if (record === null) return null
    if (!renewal || !applies(renewal, record)) return stored(record)
    return this.#changes.change<StoredRecord | null>(id, ({ record }) => {
      if (record === null || !applies(renewal, record)) return { answer: record && stored(record) }
      const { seenAt, expiresAt } = renewal
      const next = { ...record, seenAt, expiresAt: Math.min(expiresAt, record.endsAt) }
      return { answer: stored(next), next }
    })
  }

  create(record: SessionRecord): Awaitable<boolean> {
    refuseMalformed(record)
    return this.#changes.change<boolean>(record.id, ({ state }) => {
      if (state !== 'free') return { answer: false }
      return { answer: true, next: { ...record, version: unique() } }
    })
  }

  update(record: SessionRecord, seen: Version): Awaitable<Outcome> {
    refuseMalformed(record)
    return this.#changes.change<Outcome>(record.id, ({ record: current }) => {
      if (current === null) return { answer: 'gone' }
      if (current.version !== seen) return { answer: 'conflict' }
      return { answer: 'done', next: { ...record, version: unique() } }
    })
  }

  rotate(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome> {
    refuseMalformed(record)
    return this.#changes.rotate(from, record, seen)
  }

  touch(id: string, seenAt: number, expiresAt: number): Awaitable<boolean> {
    return this.#changes.change<boolean>(id, ({ record }) => {
      if (record === null) return { answer: false }
      return { answer: true, next: { ...record, seenAt, expiresAt: Math.min(expiresAt, record.endsAt) } }
    })
  }

  delete(id: string): Awaitable<boolean> {
    return this.#changes.change<boolean>(id, ({ state }) => {
      if (state === 'free') return { answer: false }
      return { answer: true, next: null }
    })
  }

  list(user: string): Promise<readonly SessionInfo[]> {
    return listUser(this.#tree, this.#users, user)
  }

  async page(cursor: string | null, limit: number): Promise<Page> {
    if (!isCursor(cursor))
      throw new SessionError(
        'ERR_SESSION_USE',
        'fileStore: page takes null or the "next" of the page before.',
      )
    return pageOf(this.#tree, cursor, limit)
  }

  gc(now: number, signal?: AbortSignal): Promise<number> {
    const settle = (id: string, from: string): Awaitable<void> => this.#changes.settle(id, from)
    const store = { tree: this.#tree, users: this.#users, locks: this.#locks, settle }
    return new FileSweep(store, now, signal).run()
  }

  #look(id: string): Slot {
    const slot = this.#tree.look(id)
    const { reason } = slot
    // Told in a turn of its own: a lock may be held right now, and the listener may well use the store.
    if (reason !== null) queueMicrotask(() => this.#report?.({ type: 'corrupt', id, reason }))
    return slot
  }
}

function applies({ seenBefore, seenAt }: Renewal, record: SessionRecord): boolean {
  return record.seenAt < seenBefore && record.expiresAt > seenAt
}

function stored(record: SessionRecord & { readonly version: string }): StoredRecord {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt, version } = record
  return { id, data, user, label, createdAt, seenAt, expiresAt, endsAt, version }
}

function refuseMalformed({ id, createdAt, seenAt, expiresAt, endsAt }: SessionRecord): void {
  if (nameOf(id) === null)
    throw new SessionError('ERR_SESSION_USE', 'fileStore: the id of a record must be 256 bits as base64url.')
  if (![createdAt, seenAt, expiresAt, endsAt].every(Number.isFinite))
    throw new SessionError('ERR_SESSION_USE', 'fileStore: the times of a record must be finite numbers.')
}
