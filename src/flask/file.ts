import type { Serializer } from '../contracts/serializer.ts'
import type {
  Awaitable,
  Outcome,
  Page,
  Renewal,
  SessionIds,
  SessionInfo,
  SessionRecord,
  SessionStore,
  StoredRecord,
  StoreEvent,
  Version,
} from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { chain, isPromise } from '../lib/awaitable.ts'
import { cachelibJson, cachelibPickle } from '../serializers/cachelib.ts'
import { removeIfThere } from '../stores/file/write.ts'
import { CachelibDirectory } from './cachelib-directory.ts'
import type { CachelibHash } from './cachelib-directory.ts'
import { peekCachelib, readCachelib } from './cachelib-file.ts'
import { layoutOf, timesOf, unlistable } from './layout.ts'
import type { FlaskLayoutOptions, Layout } from './layout.ts'

/** Options of `flaskFileStore`. */
export interface FlaskFileStoreOptions extends FlaskLayoutOptions {
  /** SESSION_FILE_DIR, or the `cache_dir` of the FileSystemCache. Default `flask_session`. */
  readonly directory?: string
  /** SESSION_FILE_THRESHOLD: beyond so many sessions cachelib removes the ones that expire first; 0: never. Default 500. */
  readonly threshold?: number
  /** SESSION_FILE_MODE. Default 0o600. */
  readonly mode?: number
  /** What new files are named by: `md5` as by cachelib up to 0.15, or `sha256`. Default: as the app in Flask does, now and later. */
  readonly hash?: CachelibHash
  /** What is written: `json` with cachelib's JSONSerializer; both are read. Default `pickle`. */
  readonly format?: 'pickle' | 'json'
}

const owner = 'flaskFileStore'
/** How long (milliseconds) after a search for expired sessions the next one may follow. */
const RESPITE = 60_000
/** How many files a sweep looks at before it lets other work run. */
const SLICE = 200

/**
 * The sessions of Flask-Session 0.8 in files of cachelib, whose pickles are read as plain values and never run. Expired
 * ones make room, live ones are never removed here. Throws ERR_SESSION_CONFIG for a directory or an option that cannot work.
 */
export function flaskFileStore(options: FlaskFileStoreOptions = {}): SessionStore {
  const { directory = 'flask_session', threshold = 500, mode = 0o600, hash, format = 'pickle' } = options
  const layout = layoutOf(options, owner)
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0'))
    throw config("`directory` must be a path, such as 'flask_session'")
  if (!Number.isInteger(threshold) || threshold < 0)
    throw config('`threshold` must be a whole number, 0 or more')
  if (!Number.isInteger(mode) || (mode & 0o600) !== 0o600 || mode > 0o777)
    throw config('`mode` must let the owner read and write, such as 0o600')
  if (hash !== undefined && hash !== 'md5' && hash !== 'sha256')
    throw config("`hash` must be 'md5' or 'sha256'")
  if (format !== 'pickle' && format !== 'json') throw config("`format` must be 'pickle' or 'json'")
  const files = new CachelibDirectory(directory, { hash, mode, threshold, format })
  return new FlaskFileStore(files, layout, format === 'json' ? cachelibJson : cachelibPickle)
}

class FlaskFileStore implements SessionStore {
  readonly kind = 'flask-file'
  readonly immediate = true
  /** A record's id is the name of its file, which tells nobody the id in the cookie. */
  readonly ids: SessionIds
  readonly serializer: Serializer
  readonly keepsTimes = false
  readonly flask: Layout['rules']
  readonly #files: CachelibDirectory
  readonly #lifetime: number
  #report: ((event: StoreEvent) => void) | null = null
  /** The key that was asked for last, and its name: whoever does not find it under that name looks under the other one. */
  #asked = { name: '', key: '' }
  #searchedAt = Number.NEGATIVE_INFINITY
  #warned = false

  constructor(files: CachelibDirectory, { ids, prefix, lifetime, rules }: Layout, serializer: Serializer) {
    this.ids = {
      next() {
        files.follow()
        return ids.next()
      },
      record: (token) => {
        const id = ids.record(token)
        if (id === null) return null
        this.#asked = { name: files.nameOf(prefix + id), key: prefix + id }
        return this.#asked.name
      },
    }
    this.serializer = serializer
    this.flask = rules
    this.#files = files
    this.#lifetime = lifetime
  }

  get(id: string, renewal?: Renewal): StoredRecord | null {
    if (!this.#files.isName(id)) return null
    const { name, key } = this.#asked
    return this.#read(id, renewal) ?? (id === name ? this.#read(this.#files.otherNameOf(key), renewal) : null)
  }

  #read(id: string, renewal?: Renewal): StoredRecord | null {
    let seenAt: number | undefined
    const file = readCachelib(
      this.#files.pathOf(id),
      renewal &&
        (({ expiresAt }) => {
          const { seenBefore } = renewal
          // What was seen long ago has little left to live.
          const isFresh = expiresAt - (renewal.expiresAt - renewal.seenAt) >= seenBefore
          if (isFresh || expiresAt <= renewal.seenAt) return null
          seenAt = renewal.seenAt
          return renewal.expiresAt
        }),
    )
    if (file === null) return null
    if (file !== undefined)
      return { id, data: file.data, version: file.data, ...timesOf(file.expiresAt, this.#lifetime, seenAt) }
    this.#report?.({ type: 'corrupt', id, reason: 'the file is no file of cachelib' })
    return null
  }

  create(record: SessionRecord): Awaitable<boolean> {
    const { id } = record
    const created = this.#staged(record, (aside) =>
      this.#files.locks.hold([this.#files.stripeOf(id)], ([token]) => {
        if (this.#files.has(id)) return false
        token!.commit({ path: aside }, this.#files.pathOf(id))
        return true
      }),
    )
    return chain(created, (isNew) => {
      if (!isNew) return false
      this.#files.count(1)
      this.#makeRoom(record.seenAt)
      return true
    })
  }

  /** The lock keeps other processes of this program out, not Flask: between the comparison and the rename is a moment. */
  update(record: SessionRecord, seen: Version): Awaitable<Outcome> {
    const { id } = record
    return this.#staged(record, (aside) =>
      this.#files.locks.hold([this.#files.stripeOf(id)], ([token]) => {
        const outcome = this.#compare(id, seen)
        if (outcome === 'done') token!.commit({ path: aside }, this.#files.pathOf(id))
        return outcome
      }),
    )
  }

  /** The new file first: its id is known to nobody until this has answered. */
  rotate(from: string, record: SessionRecord, seen: Version): Awaitable<Outcome> {
    const files = this.#files
    return this.#staged(record, (aside) =>
      files.locks.hold([files.stripeOf(from), files.stripeOf(record.id)], ([old, young]) => {
        const outcome = this.#compare(from, seen)
        if (outcome !== 'done') return outcome
        if (files.has(record.id)) return 'conflict'
        young!.commit({ path: aside }, files.pathOf(record.id))
        old!.remove(files.pathOf(from))
        return 'done'
      }),
    )
  }

  touch(id: string, _seenAt: number, expiresAt: number): boolean {
    return this.#files.isName(id) && Boolean(readCachelib(this.#files.pathOf(id), () => expiresAt))
  }

  delete(id: string): Awaitable<boolean> {
    if (!this.#files.isName(id)) return false
    const deleted = this.#files.locks.hold([this.#files.stripeOf(id)], ([token]) => {
      if (!this.#files.has(id)) return false
      token!.remove(this.#files.pathOf(id))
      return true
    })
    return chain(deleted, (isGone) => {
      if (isGone) this.#files.count(-1)
      return isGone
    })
  }

  list(): readonly SessionInfo[] {
    throw unlistable(owner)
  }

  page(cursor: string | null, limit: number): Page {
    const names = this.#files
      .names()
      .filter((name) => name > (cursor ?? ''))
      .sort()
    const shown = names.slice(0, limit)
    const sessions = shown.flatMap((id) => {
      const file = peekCachelib(this.#files.pathOf(id))
      return file ? [{ id, size: file.size, ...timesOf(file.expiresAt, this.#lifetime) }] : []
    })
    return { sessions, next: names.length > limit ? shown.at(-1)! : null }
  }

  async gc(now: number, signal?: AbortSignal): Promise<number> {
    this.#warnIfOutdated()
    this.#files.tidy()
    let gone = 0
    for (const [n, id] of this.#files.names().entries()) {
      if (signal?.aborted) break
      if (n % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve))
      const file = peekCachelib(this.#files.pathOf(id))
      if (file && file.expiresAt <= now && (await this.#expire(id, now))) gone += 1
    }
    this.#files.recount()
    return gone
  }

  attach(report: (event: StoreEvent) => void): void {
    this.#report = report
    this.#warnIfOutdated()
  }

  #warnIfOutdated(): void {
    this.#files.follow()
    if (this.#files.isOutdated)
      this.#warn(
        'the Flask app names its files in the other way, so it does not see the sessions of this one. Leave out `hash`.',
      )
  }

  #warn(message: string): void {
    this.#report?.({ type: 'warning', message: `${owner}: ${message}` })
  }

  /** What `work` answers with the record's file written aside, which is gone afterwards. */
  #staged<T>({ data, expiresAt }: SessionRecord, work: (aside: string) => Awaitable<T>): Awaitable<T> {
    const aside = this.#files.stage(data, expiresAt)
    const clean = (): void => removeIfThere(aside)
    let answer: Awaitable<T> | undefined
    try {
      answer = work(aside)
    } finally {
      if (!isPromise(answer as Awaitable<T>)) clean()
    }
    return isPromise(answer) ? answer.finally(clean) : answer
  }

  #compare(id: string, seen: Version): Outcome {
    const file = readCachelib(this.#files.pathOf(id))
    if (file === null || file === undefined) return 'gone'
    return file.data === seen ? 'done' : 'conflict'
  }

  async #expire(id: string, now: number): Promise<boolean> {
    return this.#files.locks.hold([this.#files.stripeOf(id)], ([token]) => {
      const file = peekCachelib(this.#files.pathOf(id))
      if (!file || file.expiresAt > now) return false
      token!.remove(this.#files.pathOf(id))
      return true
    })
  }

  /** cachelib's rule but for its last step: where no session has expired, a live one would have to go. */
  #makeRoom(now: number): void {
    if (!this.#files.isFull || now < this.#searchedAt + RESPITE) return
    this.#searchedAt = now
    // In the background: no request waits for it.
    void this.gc(now).then(
      () => {
        if (this.#warned || !this.#files.isFull) return
        this.#warned = true
        this.#warn(
          'more sessions are alive than `threshold` allows. None is removed here, but cachelib ends the ones that expire first when Flask stores one; raise the threshold in both apps.',
        )
      },
      (error: unknown) => this.#warn(`expired sessions could not be removed: ${String(error)}`),
    )
  }
}

function config(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `${owner}: ${problem}.`)
}
