import { lstatSync, rmdirSync, rmSync } from 'node:fs'
import type { Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Awaitable } from '../../contracts/store.ts'
import { SessionError } from '../../errors.ts'
import { LOCKS, STAGED } from './directory.ts'
import { STRIPES } from './lock.ts'
import type { FileLocks, Token } from './lock.ts'
import { codeOf, isDead } from './owner.ts'
import { idOf, stripeOf } from './tree.ts'
import type { FileTree } from './tree.ts'
import type { FileUsers } from './users.ts'
import { removeIfThere } from './write.ts'

/** How long (milliseconds) the sweep works before it lets other work run. */
const SLICE = 2
/** Unfinished work of a process that cannot be asked whether it lives is litter after this long (milliseconds). */
const LITTER_AFTER = 60_000

/** What a sweep needs of the store. */
export interface Swept {
  readonly tree: FileTree
  readonly locks: FileLocks
  readonly users: FileUsers
  /** Writes the record `id` again if it is born but still names `from`, the id it took over from. */
  readonly settle: (id: string, from: string) => Awaitable<unknown>
}

/** One sweep of a store's directory: what has expired, and whatever processes that died have left. */
export class FileSweep {
  readonly #store: Swept
  readonly #now: number
  readonly #signal: AbortSignal | undefined
  #since = performance.now()
  #gone = 0
  #flat = 0

  constructor(store: Swept, now: number, signal: AbortSignal | undefined) {
    this.#store = store
    this.#now = now
    this.#signal = signal
  }

  /** Sweeps, and answers how many expired records went; holds one name in memory at a time and yields often. */
  async run(): Promise<number> {
    const { tree, users } = this.#store
    await this.#tidy()
    await this.#each(tree.directory, async (entry) => {
      if (entry.isFile() && idOf(entry.name) !== null) this.#flat += 1
      if (entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name))
        await this.#each(join(tree.directory, entry.name), (inner) => this.#record(inner))
      else await this.#record(entry)
    })
    if (!this.#signal?.aborted) tree.recount(this.#flat)
    await this.#each(users.directory, (shard) =>
      this.#each(join(users.directory, shard.name), (list) =>
        this.#list(join(users.directory, shard.name, list.name)),
      ),
    )
    return this.#gone
  }

  async #tidy(): Promise<void> {
    const { tree, locks } = this.#store
    const directory = join(tree.directory, LOCKS)
    await this.#each(directory, async ({ name }) => {
      if (name.startsWith('.new-')) removeLitter(join(directory, name), name.slice('.new-'.length))
      else if (/^[0-9a-f]{2}$/.test(name) && Number.parseInt(name, 16) < STRIPES)
        locks.tidy(Number.parseInt(name, 16))
    })
    const staged = join(tree.directory, STAGED)
    await this.#each(staged, async ({ name }) => removeLitter(join(staged, name), name))
  }

  async #record({ name }: Dirent): Promise<void> {
    const id = idOf(name)
    const content = id === null ? undefined : this.#store.tree.find(id)?.content
    if (id === null || content === undefined || content.kind === 'corrupt') return
    if (content.kind === 'grave') return this.#grave(id, content.heir)
    const { from, expiresAt } = content.record
    if (from !== null) await this.#unborn(id, from)
    if (expiresAt <= this.#now) await this.#expired(id)
  }

  async #expired(id: string): Promise<void> {
    const { tree, users } = this.#store
    await this.#holding([id], ([token]) => {
      const { record, path } = tree.look(id)
      if (record === null || record.expiresAt > this.#now) return
      token!.remove(path)
      tree.counted(path, -1)
      if (record.user !== null && record.entry !== null) users.leave(record.user, id, record.entry)
      this.#gone += 1
    })
  }

  /** A grave that its digger did not remove; its heir must stand on its own before. */
  async #grave(id: string, heir: string | null): Promise<void> {
    const { tree, settle } = this.#store
    if (heir !== null) await unlessBusy(() => settle(heir, id))
    await this.#holding([id], ([token]) => {
      const found = tree.find(id)
      if (found?.content.kind !== 'grave' || this.#waits(found.content.heir, id)) return
      token!.remove(found.path)
      tree.counted(found.path, -1)
    })
  }

  /** A record whose rotation was not finished: while both ids are held, nobody can still be about to finish it. */
  async #unborn(id: string, from: string): Promise<void> {
    const { tree, users } = this.#store
    await this.#holding([id, from], ([token]) => {
      const found = tree.find(id)
      if (found?.content.kind !== 'record' || found.content.record.from !== from) return
      if (tree.look(id).state !== 'free') return
      const { user, entry } = found.content.record
      token!.remove(found.path)
      tree.counted(found.path, -1)
      if (user !== null && entry !== null) users.leave(user, id, entry)
    })
  }

  /** Entries that no record names. The record's stripe is held, so nobody is about to write the record either. */
  async #list(list: string): Promise<void> {
    const { tree } = this.#store
    let kept = 0
    await this.#each(list, async ({ name }) => {
      const id = idOf(name.slice(0, 64))
      if (id === null) return
      const mark = name.slice(65)
      const names = (): boolean => {
        const content = tree.find(id)?.content
        return content?.kind === 'record' && content.record.entry === mark
      }
      kept += 1
      if (names()) return
      await this.#holding([id], () => {
        if (names()) return
        removeIfThere(join(list, name))
        kept -= 1
      })
    })
    if (kept === 0 && !this.#signal?.aborted) removeEmpty(list)
  }

  /** Whether `heir` is a record that is born only as long as the grave of `from` says so. */
  #waits(heir: string | null, from: string): boolean {
    const content = heir === null ? undefined : this.#store.tree.find(heir)?.content
    return content?.kind === 'record' && content.record.from === from
  }

  #holding(ids: readonly string[], work: (tokens: readonly Token[]) => void): Promise<void> {
    return unlessBusy(() => this.#store.locks.hold(ids.map(stripeOf), work))
  }

  /** Calls `visit` for each name in a directory, which is never in memory as a whole. */
  async #each(directory: string, visit: (entry: Dirent) => Promise<void>): Promise<void> {
    for await (const entry of await open(directory)) {
      if (this.#signal?.aborted) return
      await visit(entry)
      if (performance.now() - this.#since < SLICE) continue
      await setImmediate()
      this.#since = performance.now()
    }
  }
}

/** Does `work`; a record that other processes keep busy is left to the next sweep. */
async function unlessBusy(work: () => Awaitable<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof SessionError && error.code === 'ERR_SESSION_TIMEOUT')) throw error
  }
}

/** The names in a directory, one after the other; none if it is not there, or no directory. */
async function open(directory: string): Promise<AsyncIterable<Dirent> | readonly Dirent[]> {
  try {
    return await opendir(directory, { bufferSize: 128 })
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []
    throw error
  }
}

function removeLitter(path: string, owner: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats && (isDead(owner) || Date.now() - stats.mtimeMs > LITTER_AFTER))
    rmSync(path, { recursive: true, force: true })
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST' && codeOf(error) !== 'ENOENT') throw error
  }
}
