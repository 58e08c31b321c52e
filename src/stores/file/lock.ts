import { linkSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Awaitable } from '../../contracts/store.ts'
import { SessionError } from '../../errors.ts'
import { codeOf, isDead, isOwn, ownerName } from './owner.ts'
import { encodeGrave } from './record.ts'
import { makeDirectory, removeIfThere, writeNew } from './write.ts'

/*
 * Locks between processes, as directories that are renamed; docs/decisions/004-file-store-lock.md has the proof.
 *
 * The key space is cut into stripes. Each stripe has exactly one token, a directory: `<stripe>/free`, or
 * `<stripe>/<owner>` while somebody holds it. Who renames it has it. Whatever a holder does to a record goes by a path
 * through its token, so a holder that was thought dead and robbed of it can no longer do anything.
 */

/** How many stripes the key space has. */
export const STRIPES = 64
/** A holder that is seen this long (milliseconds) loses its token: holders do a few system calls and never wait. */
const BREAK_AFTER = 1000
/** A file in every token that graves are linked from, so that a full disk keeps nobody logged in. */
const SPADE = 'grave'

/** Content on its way into a file: bytes still to be written, or a file that is on the disk already. */
export type Staged = { readonly bytes: Uint8Array } | { readonly path: string }

/** A held token. Its steps throw ENOENT once the token was taken away, and have done nothing then. */
export class Token {
  readonly #stripe: string
  readonly #owner: string
  readonly #path: string
  #files = 0
  #leftovers = false

  constructor(stripe: string, owner: string) {
    this.#stripe = stripe
    this.#owner = owner
    this.#path = join(stripe, owner)
  }

  /** Puts `content` in the place `path`, over what is there: the whole of it or nothing. */
  commit(content: Staged, path: string): void {
    const next = this.#file()
    if ('path' in content) adopt(content.path, next)
    else writeNew(next, content.bytes)
    renameSync(next, path)
    this.#leftovers = false
  }

  /** Ends the record at `path` by putting a grave in its place, then removes that. */
  bury(path: string): void {
    const grave = this.#file()
    try {
      linkSync(join(this.#path, SPADE), grave)
    } catch {
      // No hard links here, or no file to link from: a written grave is as good, and a real failure shows there.
      writeNew(grave, encodeGrave(null))
    }
    renameSync(grave, path)
    try {
      this.remove(path)
    } catch {
      // The record is dead already, which is what was asked for; gc removes the grave.
    }
  }

  /** Removes the file at `path`, which must not be the only thing that keeps a session dead. */
  remove(path: string): void {
    const removed = this.#file()
    renameSync(path, removed)
    removeIfThere(removed)
    this.#leftovers = false
  }

  /** Removes what a former holder left in the token. */
  clean(): void {
    for (const name of readdirSync(this.#path)) if (name !== SPADE) removeIfThere(join(this.#path, name))
  }

  /** Gives the token back. */
  release(): void {
    try {
      if (this.#leftovers) this.clean()
      renameSync(this.#path, join(this.#stripe, 'free'))
    } catch {
      // Taken away, or the disk refuses: what was committed stands, and the next in need breaks a token left behind.
    }
  }

  /** Unique, so that a step of a robbed holder that is under way in the kernel can never meet a file of the next one. */
  #file(): string {
    this.#files += 1
    this.#leftovers = true
    return join(this.#path, `${this.#owner}.${this.#files}`)
  }
}

/** The tokens of one directory, shared by every process that uses it. */
export class FileLocks {
  readonly #directory: string
  readonly #timeout: number
  readonly #prepare: () => void
  readonly #seen = new Map<string, { readonly holder: string; readonly since: number }>()

  /** `prepare` is called when the ground has moved: it makes missing directories anew, or throws. */
  constructor(directory: string, timeout: number, prepare: () => void) {
    this.#directory = directory
    this.#timeout = timeout
    this.#prepare = prepare
  }

  /**
   * Runs `work` while holding the tokens of `stripes`, at once if they are free, otherwise after short waits; throws
   * ERR_SESSION_TIMEOUT at the deadline. `work` is synchronous and runs again from its start when it was robbed.
   */
  hold<T>(stripes: readonly number[], work: (tokens: readonly Token[]) => T): Awaitable<T> {
    const first = this.#attempt(stripes, work)
    return first ? first.answer : this.#wait(stripes, work)
  }

  /** Removes what dead holders left in a stripe; does nothing while somebody holds it. */
  tidy(stripe: number): void {
    const token = this.#take(stripe)
    token?.clean()
    token?.release()
  }

  async #wait<T>(stripes: readonly number[], work: (tokens: readonly Token[]) => T): Promise<T> {
    const deadline = performance.now() + this.#timeout
    for (let tries = 0; performance.now() < deadline; tries++) {
      // A token is held for a fraction of a millisecond, less than the shortest timer.
      if (tries < 4) await setImmediate()
      else await setTimeout(1 + Math.random() * Math.min(2 ** (tries - 3), 25))
      const attempt = this.#attempt(stripes, work)
      if (attempt) return attempt.answer
    }
    throw timeoutError(this.#timeout)
  }

  /** Never waits for one token while holding another, so no order of stripes can deadlock. */
  #attempt<T>(
    stripes: readonly number[],
    work: (tokens: readonly Token[]) => T,
  ): { readonly answer: T } | null {
    const held = new Map<number, Token>()
    try {
      for (const stripe of stripes) {
        const token = held.get(stripe) ?? this.#take(stripe)
        if (!token) return null
        held.set(stripe, token)
      }
      return { answer: work(stripes.map((stripe) => held.get(stripe)!)) }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#prepare()
      return null
    } finally {
      for (const token of held.values()) token.release()
    }
  }

  #take(stripe: number): Token | null {
    const path = join(this.#directory, stripe.toString(16).padStart(2, '0'))
    const owner = ownerName()
    if (moved(join(path, 'free'), join(path, owner))) return new Token(path, owner)
    let names: string[]
    try {
      names = readdirSync(path)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#found(path)
      return moved(join(path, 'free'), join(path, owner)) ? new Token(path, owner) : null
    }
    const holder = names.find((name) => name !== 'free')
    if (holder === undefined || !this.#isLost(path, holder)) return null
    if (!moved(join(path, holder), join(path, owner))) return null
    const token = new Token(path, owner)
    token.clean()
    return token
  }

  /** A holder's name is never used twice: seen again after a second, it has held the token all that time. */
  #isLost(path: string, holder: string): boolean {
    // Tokens are held for one turn of the event loop: one of our own that is still around is one we could not give back.
    if (isDead(holder) || isOwn(holder)) return true
    const now = performance.now()
    const seen = this.#seen.get(path)
    if (seen?.holder === holder) return now - seen.since >= BREAK_AFTER
    this.#seen.set(path, { holder, since: now })
    return false
  }

  /** Makes a stripe with its token in one step: a second token could never come to be. */
  #found(path: string): void {
    const building = join(this.#directory, `.new-${ownerName()}`)
    try {
      makeDirectory(building)
      makeDirectory(join(building, 'free'))
      writeNew(join(building, 'free', SPADE), encodeGrave(null))
      renameSync(building, path)
    } catch (error) {
      rmSync(building, { recursive: true, force: true })
      // Somebody else was faster: a stripe is never empty, so nothing can be renamed over it.
      if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error
    }
  }
}

/** The error of a change that did not get its turn within `timeout` milliseconds. */
export function timeoutError(timeout: number): SessionError {
  return new SessionError(
    'ERR_SESSION_TIMEOUT',
    `fileStore: other processes kept this session busy for ${timeout} ms. If that goes on, one of them is stopped ` +
      'or the disk is overloaded; the option "timeout" sets how long a change waits.',
  )
}

/** Gives a file a second name, so that it is still there for another try; a mere rename where there are no hard links. */
function adopt(file: string, name: string): void {
  try {
    linkSync(file, name)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw error
    renameSync(file, name)
  }
}

/** Renames; false when `from` is not there. */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}
