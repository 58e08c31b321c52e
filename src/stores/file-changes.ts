import { dirname, join } from 'node:path'
import type { Awaitable, Outcome, SessionRecord, Version } from '../contracts/store.ts'
import { STAGED } from './file-directory.ts'
import { timeoutError } from './file-lock.ts'
import type { FileLocks, Staged, Token } from './file-lock.ts'
import { ownerName, unique } from './file-owner.ts'
import { encodeGrave, encodeRecord } from './file-record.ts'
import type { FileRecord } from './file-record.ts'
import { stripeOf } from './file-tree.ts'
import type { FileTree, Slot } from './file-tree.ts'
import type { FileUsers } from './file-users.ts'
import { removeIfThere, syncDirectory, writeNewDurably } from './file-write.ts'

/** What a change makes of what it finds: an answer, and a record to be written, or null to end the one that is there. */
export interface Verdict<T> {
  readonly answer: T
  readonly next?: (SessionRecord & { readonly version: string }) | null
}

/** What changes need of the store. */
export interface Changed {
  readonly tree: FileTree
  readonly locks: FileLocks
  readonly users: FileUsers
  /** What lies under an id; tells of corrupt records. */
  readonly look: (id: string) => Slot
  /** Whether an answer waits for the disk. */
  readonly fsync: boolean
  /** How long (milliseconds) a change is tried. */
  readonly timeout: number
}

/** How records are changed: look, decide and write while nobody else can, whole or not at all. */
export class FileChanges {
  readonly #store: Changed

  constructor(store: Changed) {
    this.#store = store
  }

  /** Carries out what `decide`, a pure function, makes of the slot of `id`, and answers its answer. */
  change<T>(id: string, decide: (slot: Slot) => Verdict<T>): Awaitable<T> {
    const { look, locks, fsync } = this.#store
    if (fsync) return this.#changeDurably(id, decide)
    return locks.hold([stripeOf(id)], ([token]) => {
      const slot = look(id)
      const { answer, next } = decide(slot)
      if (next === undefined) return answer
      const record = next && this.#entered(slot, next)
      try {
        this.#put(token!, slot, record && { bytes: encodeRecord(record) })
      } catch (error) {
        this.#withdraw(slot, record)
        throw error
      }
      this.#tidy(slot, record)
      return answer
    })
  }

  /** As `change`; but what is to be written is on the disk before the lock is taken, for a holder must never wait. */
  async #changeDurably<T>(id: string, decide: (slot: Slot) => Verdict<T>): Promise<T> {
    const { look, locks, timeout } = this.#store
    const deadline = performance.now() + timeout
    do {
      const slot = look(id)
      const { answer, next } = decide(slot)
      if (next === undefined) return answer
      const record = next && this.#entered(slot, next)
      let content: Staged | null = null
      let done = false
      try {
        content = record && (await this.#stage(encodeRecord(record)))
        if (record) await this.#syncEntry(slot, record)
        done = await locks.hold([stripeOf(id)], ([token]) => {
          if (look(id).stamp !== slot.stamp) return false
          this.#put(token!, slot, content)
          return true
        })
      } finally {
        if (content) this.#drop(content)
        if (!done) this.#withdraw(slot, record)
      }
      if (done) {
        this.#tidy(slot, record)
        await this.#syncPlace(slot.path)
        return answer
      }
    } while (performance.now() < deadline)
    throw timeoutError(timeout)
  }

  /**
   * Ends `from` and begins `record`. The new file is put first, but a record that names the id it takes over from is not
   * born before that one's grave names it as the heir: putting the grave is the one step in which both happen.
   */
  async rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    const { tree, look, locks, users } = this.#store
    const { id, user } = record
    const judge = (): { readonly outcome: Outcome; readonly old: Slot; readonly place: Slot } => {
      const [old, place] = [look(from), tree.look(id)]
      if (old.record === null) return { outcome: 'gone', old, place }
      const fits = old.record.version === seen && place.state === 'free'
      return { outcome: fits ? 'done' : 'conflict', old, place }
    }
    const early = judge()
    if (early.outcome !== 'done') return early.outcome

    const entry = user === null ? null : users.enter(user, id, from)
    const born = fileRecord(record, unique(), entry)
    const contents: Staged[] = []
    let done = false
    try {
      for (const bytes of [encodeRecord({ ...born, from }), encodeGrave(id), encodeRecord(born)])
        contents.push(await this.#stage(bytes))
      await this.#syncEntry(early.place, born)
      const { outcome, old, place } = await locks.hold([stripeOf(from), stripeOf(id)], ([ofOld, ofNew]) => {
        const verdict = judge()
        if (verdict.outcome === 'done') this.#exchange(ofOld!, verdict.old, ofNew!, verdict.place, contents)
        return verdict
      })
      done = outcome === 'done'
      if (!done) return outcome
      this.#tidy(old, null)
      this.#tidy(place, born)
      await this.#syncPlace(old.path)
      await this.#syncPlace(place.path)
      return outcome
    } finally {
      for (const content of contents) this.#drop(content)
      if (!done) this.#withdraw(early.place, born)
    }
  }

  /** Writes a born record again without the id it took over from, whose grave can go then. */
  settle(id: string, from: string): Awaitable<void> {
    return this.change<void>(id, ({ record }) => ({
      answer: undefined,
      ...(record?.from === from && { next: record }),
    }))
  }

  #exchange(ofOld: Token, old: Slot, ofNew: Token, place: Slot, contents: readonly Staged[]): void {
    const [unborn, grave, born] = contents
    this.#put(ofNew, place, unborn!)
    try {
      ofOld.commit(grave!, old.path)
    } catch (error) {
      try {
        ofNew.remove(place.path)
      } catch {
        // It is not born and never will be; the sweep removes it.
      }
      throw error
    }
    try {
      ofNew.commit(born!, place.path)
      ofOld.remove(old.path)
    } catch {
      // The session has its new id all the same; the sweep settles the rest.
    }
  }

  #put(token: Token, slot: Slot, content: Staged | null): void {
    if (content === null) return token.bury(slot.path)
    this.#store.tree.makeRoom(slot.path)
    return token.commit(content, slot.path)
  }

  /** `next` as it is to be filed in the slot, its user's list written first. */
  #entered(slot: Slot, next: SessionRecord & { readonly version: string }): FileRecord {
    const { user, id, version } = next
    if (user === null) return fileRecord(next, version, null)
    const kept = slot.record?.user === user ? slot.record.entry : null
    return fileRecord(next, version, kept ?? this.#store.users.enter(user, id, null))
  }

  /** Removes the entry of a record that was not put. */
  #withdraw(slot: Slot, record: FileRecord | null): void {
    if (
      record !== null &&
      record.user !== null &&
      record.entry !== null &&
      record.entry !== slot.record?.entry
    )
      this.#store.users.leave(record.user, record.id, record.entry)
  }

  /** What remains to be done when the change itself is done already; what fails here is left to the sweep. */
  #tidy(slot: Slot, record: FileRecord | null): void {
    const { tree, users } = this.#store
    const old = slot.record
    try {
      if (record === null) tree.counted(slot.path, -1)
      else if (slot.stamp === '') tree.counted(slot.path, 1)
      if (old !== null && old.user !== null && old.entry !== null && old.entry !== record?.entry)
        users.leave(old.user, old.id, old.entry)
    } catch {
      // An entry too many misleads nobody, and the sweep counts anew.
    }
  }

  async #stage(bytes: Uint8Array): Promise<Staged> {
    if (!this.#store.fsync) return { bytes }
    const path = join(this.#store.tree.directory, STAGED, ownerName())
    await writeNewDurably(path, bytes)
    return { path }
  }

  #drop(content: Staged): void {
    if ('path' in content) removeIfThere(content.path)
  }

  async #syncEntry(slot: Slot, record: FileRecord): Promise<void> {
    if (!this.#store.fsync || record.user === null || record.entry === slot.record?.entry) return
    const list = this.#store.users.list(record.user)
    for (const directory of [list, dirname(list), dirname(dirname(list))]) await syncDirectory(directory)
  }

  async #syncPlace(path: string): Promise<void> {
    if (!this.#store.fsync) return
    const { directory } = this.#store.tree
    await syncDirectory(dirname(path))
    if (dirname(path) !== directory) await syncDirectory(directory)
  }
}

function fileRecord(record: SessionRecord, version: string, entry: string | null): FileRecord {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = record
  return { id, version, entry, from: null, user, label, createdAt, seenAt, expiresAt, endsAt, data }
}
