import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { USERS } from './directory.ts'
import { codeOf, unique } from './owner.ts'
import { nameOf } from './tree.ts'
import { makeDirectory, removeIfThere, writeNew } from './write.ts'

/** A mark for a new entry of a record, which takes over from `from` if that is an id. */
export function markOf(from: string | null): string {
  return from === null ? unique() : `${unique()}.${nameOf(from) ?? ''}`
}

/**
 * Whose sessions are whose: `.users/<hash of the user>/<name of the record's file>.<mark>`, empty files. An entry is
 * written before the record that it leads to, so no live session is missing here; whoever reads it asks the record. A
 * mark is never used twice: removing an entry that no record names can never hit one that counts.
 */
export class FileUsers {
  readonly directory: string

  constructor(directory: string) {
    this.directory = join(directory, USERS)
  }

  /** Enters the record `id` under a mark; that it is entered already is fine. */
  enter(user: string, id: string, mark: string): void {
    const path = this.entry(user, id, mark)
    for (let tries = 0; ; tries++) {
      try {
        return writeNew(path, new Uint8Array())
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return
        // A sweep removes lists that are empty, perhaps this one, just made.
        if (codeOf(error) !== 'ENOENT' || tries === 10) throw error
        makeDirectory(dirname(dirname(path)))
        makeDirectory(dirname(path))
      }
    }
  }

  /** Removes an entry that its record no longer names. */
  leave(user: string, id: string, mark: string): void {
    removeIfThere(this.entry(user, id, mark))
  }

  /** The names of a user's entries. */
  entries(user: string): string[] {
    try {
      return readdirSync(this.list(user))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw error
    }
  }

  /** The file of an entry. */
  entry(user: string, id: string, mark: string): string {
    return join(this.list(user), `${nameOf(id) ?? ''}.${mark}`)
  }

  /** The directory of a user's entries. */
  list(user: string): string {
    const name = createHash('sha256').update(user).digest('hex')
    return join(this.directory, name.slice(0, 2), name.slice(2))
  }
}
