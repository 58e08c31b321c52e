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

/** A directory of cachelib's FileSystemCache, shared with it. */
export class CachelibDirectory {
  readonly hash: CachelibHash
  readonly locks: FileLocks
  readonly #path: string
  readonly #mode: number
  readonly #threshold: number
  readonly #count: string
  readonly #countForm: 'pickle' | 'json'

  constructor(
    directory: string,
    options: { hash: CachelibHash | undefined; mode: number; threshold: number; format: 'pickle' | 'json' },
  ) {
    this.#path = path.resolve(directory)
    this.#mode = options.mode
    this.#threshold = options.threshold
    this.#countForm = options.format
    this.#prepare()
    this.hash = options.hash ?? hashSeen(this.#path)
    this.#count = nameOf(COUNT, this.hash)
    this.locks = new FileLocks(path.join(this.#path, OURS), PATIENCE, () => this.#prepare())
  }

  /** The name of the file for a key. */
  nameOf(key: string): string {
    return nameOf(key, this.hash)
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
    return hashes[this.hash].test(name) && name !== this.#count
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
    const before = this.#counted()
    if (before === null) this.recount()
    else this.#write(Math.max(0, before + by))
  }

  /** Counts anew. */
  recount(): void {
    if (this.#threshold !== 0) this.#write(this.names().length)
  }

  /** Whether cachelib would make room at the next write. */
  get isFull(): boolean {
    return this.#threshold !== 0 && (this.#counted() ?? this.names().length) > this.#threshold
  }

  /** A newer version of cachelib counts here, which does not see the sessions of this one. */
  get isOutdated(): boolean {
    return this.hash === 'md5' && this.has(nameOf(COUNT, 'sha256'))
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
  #counted(): number | null {
    const { data } = readCachelib(this.pathOf(this.#count)) ?? { data: '' }
    try {
      const count: unknown = data.startsWith('\x80') ? readPickle(data) : JSON.parse(data)
      return Number.isSafeInteger(count) ? Number(count) : null
    } catch (error) {
      if (error instanceof SyntaxError) return null
      throw error
    }
  }

  #write(count: number): void {
    const data = this.#countForm === 'json' ? String(count) : `\x80\x05${intText(count)}.`
    renameSync(this.stage(data, NEVER), this.pathOf(this.#count))
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

/** How the files that are there are named; cachelib counts them in one of the same kind whenever an app starts. */
function hashSeen(directory: string): CachelibHash {
  return readdirSync(directory).some((name) => hashes.sha256.test(name)) ? 'sha256' : 'md5'
}
