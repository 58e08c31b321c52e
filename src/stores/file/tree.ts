import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf } from './owner.ts'
import { corrupt, decodeFile } from './record.ts'
import type { FileContent, FileRecord } from './record.ts'
import { firstNames, refuseUnsafe, SHARDED } from './directory.ts'
import { STRIPES } from './lock.ts'
import { makeDirectory, writeNew } from './write.ts'

/** The name of a record's file: its id in lowercase hex, so that no file system can confuse two of them. */
const NAME = /^[0-9a-f]{64}$/
/** No record is nearly as long (bytes); a larger file is not read at all. */
const LARGEST = 256 * 1024 * 1024

/** The place of an id, and what lies there for those who ask. */
export interface Slot {
  readonly id: string
  readonly path: string
  readonly state: 'free' | 'live' | 'corrupt'
  readonly record: FileRecord | null
  /** Why the record cannot be read; null unless `corrupt`. */
  readonly reason: string | null
  /** Changes whenever the file does; empty without one. */
  readonly stamp: string
}

/** The file name of an id, or null if that is not 256 bits in base64url, canonically spelled. */
export function nameOf(id: string): string | null {
  if (id.length !== 43) return null
  const bytes = Buffer.from(id, 'base64url')
  return bytes.toString('base64url') === id ? bytes.toString('hex') : null
}

/** The id whose file is called `name`, or null if no record is called so. */
export function idOf(name: string): string | null {
  return NAME.test(name) ? Buffer.from(name, 'hex').toString('base64url') : null
}

/** The stripe that guards the file of `id`. */
export function stripeOf(id: string): number {
  return (Buffer.from(id, 'base64url')[0] ?? 0) % STRIPES
}

/**
 * Where the records of one directory lie: flat while they are few, later in subdirectories named by two hex digits. A
 * record stays where it was born, so whoever looks in both places cannot miss it.
 */
export class FileTree {
  readonly directory: string
  readonly #shardAfter: number
  readonly #shards = new Set<string>()
  #sharded = false
  #flat = 0

  constructor(directory: string, shardAfter: number) {
    this.directory = directory
    this.#shardAfter = shardAfter
    this.recount(firstNames(directory, shardAfter + 8).filter((name) => NAME.test(name)).length)
  }

  /** What is known under `id`: a record only if it is born and not buried. */
  look(id: string): Slot {
    const { path, content } = this.find(id) ?? { path: this.#birthplace(id), content: null }
    const free: Slot = { id, path, state: 'free', record: null, reason: null, stamp: content?.stamp ?? '' }
    if (content === null || content.kind === 'grave') return free
    if (content.kind === 'corrupt') return { ...free, state: 'corrupt', reason: content.reason }
    const { record } = content
    if (record.from === null || this.#isHeir(id, record.from)) return { ...free, state: 'live', record }
    // Not born; or settled between the two looks: then its file is another one by now.
    const again = this.find(id)
    return again && again.content.stamp !== free.stamp ? this.look(id) : free
  }

  /** The file of `id` as it lies there, or null. */
  find(id: string): { readonly path: string; readonly content: FileContent } | null {
    const name = nameOf(id)
    if (name === null) return null
    const [flat, shard] = this.#places(name)
    const [likely, unlikely] = this.#sharded ? [shard, flat] : [flat, shard]
    const content = readContent(likely, id)
    if (content !== null) return { path: likely, content }
    // To ask first is much cheaper than to fail.
    const rare = existsSync(unlikely) ? readContent(unlikely, id) : null
    if (rare === null) return null
    this.#sharded ||= unlikely === shard
    return { path: unlikely, content: rare }
  }

  /** Makes the subdirectory that `path` needs; to be called before something is put there. */
  makeRoom(path: string): void {
    const shard = path.slice(0, path.lastIndexOf('/'))
    if (shard === this.directory || this.#shards.has(shard)) return
    if (!makeDirectory(shard)) refuseUnsafe(shard, lstatSync(shard))
    this.#shards.add(shard)
  }

  /** Notes that a record came to be or went at `path`. */
  counted(path: string, change: 1 | -1): void {
    if (!this.#sharded && path.lastIndexOf('/') === this.directory.length) this.recount(this.#flat + change)
  }

  /** Notes how many records lie flat; beyond the limit new ones of every process go into subdirectories. */
  recount(flat: number): void {
    this.#flat = flat
    if (flat <= this.#shardAfter || this.#sharded) return
    this.#sharded = true
    if (!existsSync(join(this.directory, SHARDED))) this.#mark()
  }

  /** Forgets which subdirectories exist, after somebody removed directories. */
  forget(): void {
    this.#shards.clear()
  }

  #mark(): void {
    try {
      writeNew(join(this.directory, SHARDED), new Uint8Array())
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
  }

  #birthplace(id: string): string {
    this.#sharded ||= existsSync(join(this.directory, SHARDED))
    const [flat, shard] = this.#places(nameOf(id) ?? '')
    return this.#sharded ? shard : flat
  }

  #places(name: string): readonly [flat: string, shard: string] {
    return [`${this.directory}/${name}`, `${this.directory}/${name.slice(0, 2)}/${name}`]
  }

  #isHeir(id: string, from: string): boolean {
    const content = this.find(from)?.content
    return content?.kind === 'grave' && content.heir === id
  }
}

/** What lies at `path`, null if nothing; throws when the system fails. Follows no link and waits for no pipe. */
function readContent(path: string, id: string): FileContent | null {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    if (code === 'ELOOP' || code === 'EMLINK') return corrupt('the file is a symbolic link')
    if (code === 'EACCES' || code === 'EPERM' || code === 'ENXIO') return corrupt('the file cannot be opened')
    throw error
  }
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) return corrupt('it is not a file')
    if (stats.uid !== (process.geteuid?.() ?? stats.uid)) return corrupt('the file belongs to another user')
    if (stats.size > LARGEST) return corrupt('the file is too large')
    const bytes = Buffer.allocUnsafe(stats.size)
    let length = 0
    for (let read = -1; length < bytes.length && read !== 0; length += read)
      read = readSync(file, bytes, length, bytes.length - length, length)
    return decodeFile(bytes.subarray(0, length), id)
  } finally {
    closeSync(file)
  }
}
