import type { CategorizedMessage, FlashOptions, SessionMeta } from '../contracts/session.ts'
import { SessionError } from '../errors.ts'
import type { Flashes } from './flash.ts'
import type { Journal } from './journal.ts'

/** What the dictionary asks of the visit it belongs to. */
export interface Owner {
  /** The session is looked at: loads it if that has waited. */
  look(): Journal
  /** The session is about to be changed: throws ERR_SESSION_CLOSED or ERR_SESSION_ENDED when it is too late. */
  change(): Journal
  /** Whether the app has looked at the session in this request. */
  readonly looked: boolean
  /** False while the session waits for `load`, and must not be looked at. */
  readonly loaded: boolean
  load(): Promise<void>
  readonly flashes: Flashes
  readonly meta: SessionMeta
  permanent: boolean
  /** `permanent` outlives a clear, except by Flask's rules. */
  keepPermanent(permanent: boolean): void
  regenerate(): void
  destroy(): void
  save(): Promise<void>
}

/** Keys of the stored dictionary that are the engine's, named as Flask names them; the app meets them as verbs. */
export const permanentKey = '_permanent'
export const flashesKey = '_flashes'

const ownKeys: ReadonlyMap<string, string> = new Map([
  [permanentKey, 'session.permanent'],
  [flashesKey, 'session.flash() and session.flashes()'],
])

const ownerOf: unique symbol = Symbol('owner')
const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never

interface Inside {
  readonly [ownerOf]: Owner
}

// The verbs of every session, once: they find their session through `this`.
const verbs = {
  get(this: Inside, key: string, fallback?: unknown): unknown {
    const journal = owner(this, 'get').look()
    return visible(journal, key) ? journal.get(key) : fallback
  },
  set(this: Inside, key: string, value: unknown): void {
    assign(owner(this, 'set'), key, value)
  },
  pop(this: Inside, key: string, fallback?: unknown): unknown {
    const journal = owner(this, 'pop').change()
    if (!visible(journal, key)) return fallback
    const value = journal.get(key)
    journal.remove(key)
    return value
  },
  update(this: Inside, key: string, fn: (current: unknown) => unknown): unknown {
    const journal = owner(this, 'update').change()
    if (typeof fn !== 'function')
      throw new SessionError(
        'ERR_SESSION_USE',
        `session.update(${quote(key)}, fn) needs a function of the current value.`,
      )
    return journal.apply(dataKey(key), (current) => awaited(fn(current), key))
  },
  clear(this: Inside): void {
    const { permanent } = owner(this, 'clear')
    owner(this, 'clear').change().clear()
    owner(this, 'clear').keepPermanent(permanent)
  },
  flash(this: Inside, message: string, category: string = 'message'): void {
    owner(this, 'flash').flashes.add(owner(this, 'flash').change(), message, category)
  },
  flashes(this: Inside, options: FlashOptions = {}): string[] | CategorizedMessage[] {
    const { flashes } = owner(this, 'flashes')
    const taken =
      flashes.taken ?? flashes.take(owner(this, 'flashes').look(), () => owner(this, 'flashes').change())
    const { withCategories = false, categoryFilter = [] } = options
    const chosen =
      categoryFilter.length === 0 ? taken : taken.filter(([category]) => categoryFilter.includes(category))
    return withCategories ? [...chosen] : chosen.map(([, message]) => message)
  },
  regenerate(this: Inside): void {
    owner(this, 'regenerate').regenerate()
  },
  destroy(this: Inside): void {
    owner(this, 'destroy').destroy()
  },
  async load(this: Inside): Promise<object> {
    await owner(this, 'load').load()
    return this
  },
  save(this: Inside): Promise<void> {
    return owner(this, 'save').save()
  },
  toJSON(this: Inside): Record<string, unknown> {
    return liveValues(owner(this, 'toJSON').look())
  },
}

const verbNames: ReadonlyMap<string, (typeof verbs)[keyof typeof verbs]> = new Map(Object.entries(verbs))

function owner(session: Inside | undefined, verb: string): Owner {
  const found = session?.[ownerOf]
  if (found === undefined)
    throw new SessionError(
      'ERR_SESSION_USE',
      `\`${verb}\` was called without its session; write session.${verb}(…).`,
    )
  return found
}

function visible(journal: Journal, key: string): boolean {
  return journal.has(key) && !ownKeys.has(key)
}

/** The app's values as a plain object. */
function liveValues(journal: Journal): Record<string, unknown> {
  return Object.fromEntries(appKeys(journal).map((key) => [key, journal.get(key)]))
}

function appKeys(journal: Journal): string[] {
  return journal.keys().filter((key) => !ownKeys.has(key))
}

function dataKey(key: unknown): string {
  if (typeof key !== 'string')
    throw new SessionError('ERR_SESSION_USE', `A session’s keys are text; this one is a ${typeof key}.`)
  const instead = ownKeys.get(key)
  if (instead !== undefined)
    throw new SessionError('ERR_SESSION_RESERVED', `The key ${key} is the session’s own; use ${instead}.`)
  return key
}

function assign(visit: Owner, key: unknown, value: unknown): void {
  visit.change().set(dataKey(key), awaited(value, key as string))
}

function awaited(value: unknown, key: string): unknown {
  if (value instanceof Promise)
    throw new SessionError(
      'ERR_SESSION_VALUE',
      `${key} is a promise; await it before it goes into the session.`,
    )
  return value
}

function quote(key: unknown): string {
  return typeof key === 'string' ? `'${key}'` : typeof key
}

function misuse(what: string): never {
  throw new SessionError('ERR_SESSION_USE', what)
}

/** Stands behind every session for those who look past the proxy: it has nothing. */
class Session {
  [inspect](this: object): string {
    const visit = (this as Partial<Inside>)[ownerOf]
    return visit === undefined || !visit.loaded
      ? 'Session {}'
      : `Session { ${appKeys(visit.look())
          .map((key) => JSON.stringify(key))
          .join(', ')} }`
  }
}
Object.setPrototypeOf(Session.prototype, null)
delete (Session.prototype as { constructor?: unknown }).constructor

const target = new Session()

/** The traps that make a session read and write like a dictionary. One object a visit, no closure. */
class Dictionary implements ProxyHandler<Session> {
  readonly #visit: Owner

  constructor(visit: Owner) {
    this.#visit = visit
  }

  get(_: Session, key: string | symbol): unknown {
    if (typeof key === 'symbol') return this.#symbol(key)
    const verb = verbNames.get(key)
    if (verb !== undefined) return verb
    if (key === 'permanent') return this.#visit.permanent
    if (key === 'meta') return this.#visit.meta
    // Promises ask everything that passes through them for `then`; that is no look.
    if (key === 'then' && !this.#visit.looked) return undefined
    const journal = this.#visit.look()
    return ownKeys.has(key) ? undefined : journal.get(key)
  }

  set(_: Session, key: string | symbol, value: unknown): boolean {
    if (key === 'permanent') {
      if (typeof value !== 'boolean') misuse('session.permanent is true or false.')
      this.#visit.permanent = value
      return true
    }
    if (typeof key === 'string' && (verbNames.has(key) || key === 'meta')) {
      throw new SessionError(
        'ERR_SESSION_RESERVED',
        `session.${key} is a verb; to keep a value under this name write session.set('${key}', …).`,
      )
    }
    assign(this.#visit, key, value)
    return true
  }

  has(_: Session, key: string | symbol): boolean {
    return typeof key === 'string' && visible(this.#visit.look(), key)
  }

  deleteProperty(_: Session, key: string | symbol): boolean {
    const journal = this.#visit.change()
    if (typeof key === 'string' && visible(journal, key)) journal.remove(key)
    return true
  }

  ownKeys(): string[] {
    return appKeys(this.#visit.look())
  }

  getOwnPropertyDescriptor(_: Session, key: string | symbol): PropertyDescriptor | undefined {
    const journal = this.#visit.look()
    if (typeof key === 'symbol' || !visible(journal, key)) return undefined
    return { value: journal.get(key), writable: true, enumerable: true, configurable: true }
  }

  defineProperty(_: Session, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    if (!('value' in descriptor)) misuse('A session keeps values; it cannot have a getter or setter.')
    assign(this.#visit, key, descriptor.value)
    return true
  }

  setPrototypeOf(): boolean {
    return misuse('A session’s prototype cannot be set.')
  }

  preventExtensions(): boolean {
    return misuse('A session cannot be frozen.')
  }

  #symbol(key: symbol): unknown {
    if (key === ownerOf) return this.#visit
    if (key === Symbol.toPrimitive) return () => '[Session]'
    return undefined
  }

  [inspect](): string {
    return 'Dictionary {}'
  }
}

/** The session object of a visit. */
export function dictionary(visit: Owner): object {
  return new Proxy(target, new Dictionary(visit))
}
