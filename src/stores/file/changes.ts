import { dirname, join } from 'node:path'
import type { Awaitable, Outcome, SessionRecord, Version } from '../../contracts/store.ts'
import { STAGED } from './directory.ts'
import { timeoutError } from './lock.ts'
import type { FileLocks, Staged, Token } from './lock.ts'
import { codeOf, ownerName, unique } from './owner.ts'
import { encodeGrave, encodeRecord } from './record.ts'
import type { FileRecord } from './record.ts'
import { stripeOf } from './tree.ts'
import type { FileTree, Slot } from './tree.ts'
import { markOf } from './users.ts'
import type { FileUsers } from './users.ts'
import { removeIfThere, syncDirectory, writeNewDurably } from './write.ts'

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
  /** Makes missing directories anew, or throws. */
  readonly prepare: () => void
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
      const record = next && marked(slot, next)
      if (record) this.#put(token!, slot, record, { bytes: encodeRecord(record) })
      else token!.bury(slot.path)
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
      const record = next && marked(slot, next)
      const content = record && (await this.#stage(encodeRecord(record)))
      try {
        const done = await locks.hold([stripeOf(id)], ([token]) => {
          if (look(id).stamp !== slot.stamp) return false
          if (record && content) this.#put(token!, slot, record, content)
          else token!.bury(slot.path)
          this.#tidy(slot, record)
          return true
        })
        if (done) {
          await this.#synced(slot, record)
          return answer
        }
      } finally {
        this.#drop([content])
      }
    } while (performance.now() < deadline)
    throw timeoutError(timeout)
  }

  /**
   * Ends `from` and begins `record`. The new file is put first, but a record that names the id it takes over from is not
   * born before that one's grave names it as the heir: putting the grave is the one step in which both happen.
   */
  async rotate(from: string, record: SessionRecord, seen: Version): Promise<Outcome> {
    const { tree, look, locks } = this.#store
    const { id } = record
    const judge = (): { readonly outcome: Outcome; readonly old: Slot; readonly place: Slot } => {
      const [old, place] = [look(from), tree.look(id)]
      if (old.record === null) return { outcome: 'gone', old, place }
      const fits = old.record.version === seen && place.state === 'free'
      return { outcome: fits ? 'done' : 'conflict', old, place }
    }
    const early = judge()
    if (early.outcome !== 'done') return early.outcome

    const entry = record.user === null ? null : markOf(from)
    const born = fileRecord(record, unique(), entry)
    const unborn = { ...born, from }
    const contents: Staged[] = []
    try {
      for (const bytes of [encodeRecord(unborn), encodeGrave(id), encodeRecord(born)])
        contents.push(await this.#stage(bytes))
      const { outcome, old, place } = await locks.hold([stripeOf(from), stripeOf(id)], ([ofOld, ofNew]) => {
        const verdict = judge()
        if (verdict.outcome !== 'done') return verdict
        this.#put(ofNew!, verdict.place, unborn, contents[0]!)
        this.#hand(ofOld!, verdict.old, ofNew!, verdict.place, unborn, contents)
        this.#tidy(verdict.old, null)
        this.#tidy(verdict.place, born)
        return verdict
      })
      if (outcome === 'done') {
        await this.#synced(place, born)
        await this.#synced(old, null)
      }
      return outcome
    } finally {
      this.#drop(contents)
    }
  }

  /** Writes a born record again without the id it took over from, whose grave can go then. */
  settle(id: string, from: string): Awaitable<void> {
    return this.change<void>(id, ({ record }) => ({
      answer: undefined,
      ...(record?.from === from && { next: record }),
    }))
  }

  /** Puts `record` in its slot; first the entry that leads to it, within the lock, so that no sweep takes it for litter. */
  #put(token: Token, slot: Slot, record: FileRecord, content: Staged): void {
    const { tree, users } = this.#store
    const { user, id, entry } = record
    const isNew = user !== null && entry !== null && entry !== slot.record?.entry
    if (isNew) users.enter(user, id, entry)
    try {
      tree.makeRoom(slot.path)
      token.commit(content, slot.path)
    } catch (error) {
      if (isNew) users.leave(user, id, entry)
      throw error
    }
  }

  /** Hands the session over from the old slot to the unborn record in the new one. */
  #hand(
    ofOld: Token,
    old: Slot,
    ofNew: Token,
    place: Slot,
    unborn: FileRecord,
    contents: readonly Staged[],
  ): void {
    const [, grave, born] = contents
    try {
      ofOld.commit(grave!, old.path)
    } catch (error) {
      try {
        ofNew.remove(place.path)
        if (unborn.user !== null && unborn.entry !== null)
          this.#store.users.leave(unborn.user, unborn.id, unborn.entry)
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
    try {
      await writeNewDurably(path, bytes)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#store.prepare()
      await writeNewDurably(path, bytes)
    }
    return { path }
  }

  #drop(contents: readonly (Staged | null)[]): void {
    try {
      for (const content of contents) if (content && 'path' in content) removeIfThere(content.path)
    } catch {
      // What was to be changed is changed, or not; a file too many is the sweep's.
    }
  }

  /** Waits until the names that a change has made or removed are on the disk. */
  async #synced(slot: Slot, record: FileRecord | null): Promise<void> {
    if (!this.#store.fsync) return
    const { tree, users } = this.#store
    const directories = new Set([dirname(slot.path), tree.directory])
    if (record !== null && record.user !== null && record.entry !== slot.record?.entry) {
      const list = users.list(record.user)
      for (const directory of [list, dirname(list), users.directory]) directories.add(directory)
    }
    for (const directory of directories) await syncDirectory(directory)
  }
}

/** `next` as it is to be filed in the slot: a new user means a new entry in that user's list. */
function marked(slot: Slot, next: SessionRecord & { readonly version: string }): FileRecord {
  if (next.user === null) return fileRecord(next, next.version, null)
  const kept = slot.record?.user === next.user ? slot.record.entry : null
  return fileRecord(next, next.version, kept ?? markOf(null))
}

function fileRecord(record: SessionRecord, version: string, entry: string | null): FileRecord {
  const { id, data, user, label, createdAt, seenAt, expiresAt, endsAt } = record
  return { id, version, entry, from: null, user, label, createdAt, seenAt, expiresAt, endsAt, data }
}
