import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import { SessionError } from '../errors.ts'
import { toUtf8 } from '../lib/byte-text.ts'
import { readPickle } from '../serializers/pickle-read.ts'
import { intText } from '../serializers/pickle-text.ts'
import { FileLocks, STRIPES } from '../stores/file/lock.ts'
import { codeOf, isDead, ownerName } from '../stores/file/owner.ts'
import { makeDirectory, removeIfThere, writeNew } from '../stores/file/write.ts'
import { NEVER, encodeCachelib, readCachelib } from './cachelib-file.ts'

/** How cachelib makes a file's name of a key: `md5` up to 0.15, `sha256` from 0.16 on. */
export type CachelibHash = 'md5' | 'sha256'

/** cachelib takes whatever has this ending for its own work and looks at everything else. */
const OURS = '.hipflask.__wz_cache'
/** The key of the file that counts the others. */
const COUNT = '__wz_cache_count'
const hashes: Readonly<Record<CachelibHash, RegExp>> = { md5: /^[0-9a-f]{32}$/, sha256: /^[0-9a-f]{64}$/ }
/** How long (milliseconds) a change waits for other processes. */
const PATIENCE = 2_000

/** Stands after a count that was written here where cachelib has written none; neither pickle nor JSON minds it. */
const MARK = ' '

/**
 * A directory of cachelib's FileSystemCache, shared with it. Sessions are found under names of either kind; new ones are
 * named as the cachelib names them that has counted here last, by SHA-256 where none has.
 */
export class CachelibDirectory {
  readonly locks: FileLocks
  readonly #path: string
  readonly #mode: number
  readonly #threshold: number
  readonly #countForm: 'pickle' | 'json'
  readonly #follows: boolean
  #hash: CachelibHash

  constructor(
    directory: string,
    options: { hash: CachelibHash | undefined; mode: number; threshold: number; format: 'pickle' | 'json' },
  ) {
    this.#path = path.resolve(directory)
    this.#mode = options.mode
    this.#threshold = options.threshold
    this.#countForm = options.format
    this.#prepare()
    this.#follows = options.hash === undefined
    this.#hash = options.hash ?? this.#hashSeen()
    this.locks = new FileLocks(path.join(this.#path, OURS), PATIENCE, () => this.#prepare())
  }

  /** The name of the file for a key. */
  nameOf(key: string): string {
    return nameOf(key, this.#hash)
  }

  /** The name that a key would have by the other hash. */
  otherNameOf(key: string): string {
    return nameOf(key, other(this.#hash))
  }

  /** Takes over the names of a cachelib that has come to count here since. */
  follow(): void {
    if (!this.#follows || !this.isOutdated) return
    removeIfThere(this.pathOf(counts[this.#hash]))
    this.#hash = other(this.#hash)
  }

  /** Where the file of this name is. */
  pathOf(name: string): string {
    return path.join(this.#path, name)
  }

  /** The stripe of the locks that a name falls in. */
  stripeOf(name: string): number {
    return Number.parseInt(name.slice(0, 2), 16) % STRIPES
  }

  /** Whether a session's file can have this name. */
  isName(name: string): boolean {
    return (hashes.md5.test(name) || hashes.sha256.test(name)) && !Object.values(counts).includes(name)
  }

  /** The names of all sessions. */
  names(): string[] {
    return readdirSync(this.#path).filter((name) => this.isName(name))
  }

  /** Whether there is anything of this name. */
  has(name: string): boolean {
    return lstatSync(this.pathOf(name), { throwIfNoEntry: false }) !== undefined
  }

  /** Writes a file aside, complete and with its mode, to be put in place by a lock's holder; answers where. */
  stage(data: string, expiresAt: number): string {
    const aside = path.join(this.#path, OURS, ownerName())
    const write = (): void => writeNew(aside, encodeCachelib(data, expiresAt))
    try {
      write()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#prepare()
      write()
    }
    if (this.#mode !== 0o600) chmodSync(aside, this.#mode)
    return aside
  }

  /** Adds to cachelib's count. As there, two at the same moment may count as one. */
  count(by: number): void {
    if (this.#threshold === 0) return
    const { count, byFlask } = this.#counted()
    this.#write(count === null ? this.names().length : Math.max(0, count + by), byFlask)
  }

  /** Counts anew. */
  recount(): void {
    if (this.#threshold !== 0) this.#write(this.names().length, this.#counted().byFlask)
  }

  /** Whether cachelib would make room at the next write. */
  get isFull(): boolean {
    return this.#threshold !== 0 && (this.#counted().count ?? this.names().length) > this.#threshold
  }

  /** A cachelib counts here that names its files in the other way, and does not see the sessions of this one. */
  get isOutdated(): boolean {
    return this.#counted(other(this.#hash)).byFlask
  }

  /** Removes what processes that died have left aside. */
  tidy(): void {
    for (let stripe = 0; stripe < STRIPES; stripe++) if (this.#isStripe(stripe)) this.locks.tidy(stripe)
    for (const name of readdirSync(path.join(this.#path, OURS)))
      if (isDead(name)) removeIfThere(path.join(this.#path, OURS, name))
  }

  #isStripe(stripe: number): boolean {
    const name = stripe.toString(16).padStart(2, '0')
    return lstatSync(path.join(this.#path, OURS, name), { throwIfNoEntry: false }) !== undefined
  }

  /** How many sessions there are by cachelib's count, which is sometimes a little off; null where there is none. */
  #counted(hash: CachelibHash = this.#hash): { readonly count: number | null; readonly byFlask: boolean } {
    const { data } = readCachelib(this.pathOf(counts[hash])) ?? { data: '' }
    try {
      const count: unknown = data.startsWith('\x80') ? readPickle(data.trimEnd()) : JSON.parse(data)
      if (Number.isSafeInteger(count)) return { count: Number(count), byFlask: !data.endsWith(MARK) }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
    }
    return { count: null, byFlask: false }
  }

  #write(count: number, byFlask: boolean): void {
    const data = this.#countForm === 'json' ? String(count) : `\x80\x05${intText(count)}.`
    renameSync(this.stage(byFlask ? data : data + MARK, NEVER), this.pathOf(counts[this.#hash]))
  }

  /** How the cachelib names files that has counted here last; where none has, the kind of the files that are there. */
  #hashSeen(): CachelibHash {
    const [first, second] = (['sha256', 'md5'] as const)
      .filter((hash) => this.#counted(hash).byFlask)
      .map((hash) => ({ hash, time: statSync(this.pathOf(counts[hash])).mtimeMs }))
      .sort((a, b) => b.time - a.time)
    if (second !== undefined) removeIfThere(this.pathOf(counts[second.hash]))
    if (first !== undefined) return first.hash
    const names = readdirSync(this.#path)
    return names.some((name) => hashes.md5.test(name)) && !names.some((name) => hashes.sha256.test(name))
      ? 'md5'
      : 'sha256'
  }

  #prepare(): void {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 })
    const { mode } = statSync(this.#path)
    if ((mode & 0o002) !== 0)
      throw new SessionError(
        'ERR_SESSION_CONFIG',
        `flaskFileStore: "${this.#path}" can be written by every user of this machine, who could plant sessions in it, and code in the Flask app; chmod it to 700.`,
      )
    makeDirectory(path.join(this.#path, OURS))
  }
}

function nameOf(key: string, hash: CachelibHash): string {
  return createHash(hash).update(toUtf8(key), 'latin1').digest('hex')
}

function other(hash: CachelibHash): CachelibHash {
  return hash === 'md5' ? 'sha256' : 'md5'
}

/** The files that count the others, by the hash of their name; cachelib writes its own whenever an app starts. */
const counts: Readonly<Record<CachelibHash, string>> = {
  md5: nameOf(COUNT, 'md5'),
  sha256: nameOf(COUNT, 'sha256'),
}
