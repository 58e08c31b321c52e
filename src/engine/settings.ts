import type { SessionCodec } from '../contracts/codec.ts'
import type { SessionEvent } from '../contracts/event.ts'
import type { StandardSchema } from '../contracts/schema.ts'
import type { Serializer } from '../contracts/serializer.ts'
import type { SessionStore } from '../contracts/store.ts'
import { SessionError } from '../errors.ts'
import { type CookieForms, type CookieOptions, cookieForms } from '../lib/cookie.ts'
import { recordId } from '../lib/id.ts'
import { type Duration, milliseconds } from '../lib/duration.ts'

/** Two requests assigned the same key: what each found, and what the session had before both (undefined: nothing). */
export interface Clash {
  readonly key: string
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
}

/** Options of `createSessions` that do not depend on where sessions live. */
export interface SessionOptions<Data> {
  /** The absolute lifetime, counted from the session's birth. Default 31 days. */
  readonly lifetime?: Duration
  /** How long a session lives without a visit. Default: no limit but `lifetime`. Renewed at most once per tenth of it. */
  readonly idle?: Duration
  /** Whether a new session's cookie outlives the browser. Default false, as in Flask. */
  readonly permanent?: boolean
  readonly cookie?: CookieOptions
  /** Whose session this is, from its values (null: nobody's). Feeds `list` and `revokeUser`; when it changes, the id rotates. */
  readonly userOf?: (data: Partial<Data>) => string | number | null | undefined
  /** How many sessions a user may have; the oldest is ended when one more begins. Default: any number. Needs `userOf`. */
  readonly maxPerUser?: number
  /** A Standard Schema that validates synchronously: values that do not fit are neither read nor written. */
  readonly schema?: StandardSchema
  /** Who wins when two requests assign the same key: `'mine'` (the later writer, default), `'theirs'`, or a function that answers the value. */
  readonly onClash?: 'mine' | 'theirs' | ((clash: Clash) => unknown)
  /** Told of everything that happens to sessions. What it throws is printed and changes nothing. */
  readonly onEvent?: (event: SessionEvent) => void
  /** Read a session only when the app says `await session.load()`, so that requests that do not need it cost no store call. Default false. */
  readonly lazy?: boolean
  /** When the store cannot be read: `'fail'` (default) makes the request fail, `'anonymous'` serves it without a session. */
  readonly onStoreError?: 'fail' | 'anonymous'
  /** How long the store may take for one request's reading, and for its writing. Default 2 seconds. */
  readonly deadline?: Duration
  /** How often dead records are removed, in the background, when a session is born. Default 1 hour; false: only by `gc()`. */
  readonly gcEvery?: Duration | false
  /** The largest serialized session in bytes. Default 262144. */
  readonly maxBytes?: number
  readonly serializer?: Serializer
  /** Milliseconds since 1970. Default Date.now. */
  readonly clock?: () => number
}

/** Where sessions live: on the server in a store, or wholly in a cookie. Exactly one. */
export type SessionPlace =
  | { readonly store: SessionStore; readonly codec?: never }
  | { readonly codec: SessionCodec; readonly store?: never }

/** Options checked and completed. All durations are milliseconds. */
export interface Settings {
  readonly lifetime: number
  readonly idle: number | null
  /** A session seen within this time is not renewed again. */
  readonly renewAfter: number
  readonly permanent: boolean
  readonly cookie: CookieForms
  readonly userOf: ((data: object) => string | null) | null
  readonly maxPerUser: number | null
  readonly schema: StandardSchema | null
  readonly onClash: 'mine' | 'theirs' | ((clash: Clash) => unknown)
  readonly onEvent: ((event: SessionEvent) => void) | null
  readonly lazy: boolean
  readonly onStoreError: 'fail' | 'anonymous'
  readonly deadline: number
  readonly gcEvery: number | null
  readonly maxBytes: number
  readonly serializer: Serializer
  /** Whose rules an assignment and a cookie go by: those of Flask's own sessions, Flask-Session's, or null for hipflask's. */
  readonly flask: 'cookie' | 'store' | null
  /** What may be shown of a record's id: itself where it is a hash, its hash where it is the bearer id. */
  readonly shownId: (id: string) => string
  readonly clock: () => number
}

const known = new Set([
  'store',
  'codec',
  'lifetime',
  'idle',
  'permanent',
  'cookie',
  'userOf',
  'maxPerUser',
  'schema',
  'onClash',
  'onEvent',
  'lazy',
  'onStoreError',
  'deadline',
  'gcEvery',
  'maxBytes',
  'serializer',
  'clock',
])

/** Checks every option; throws ERR_SESSION_CONFIG naming the one that cannot work and what to write instead. */
export function settle<Data>(options: SessionOptions<Data> & SessionPlace, fallback: Serializer): Settings {
  demand(isObject(options), 'createSessions takes an object: { store } or { codec }')
  const { store, codec } = options
  demand(
    (store === undefined) !== (codec === undefined),
    'createSessions needs either `store` or `codec`, and not both',
  )
  for (const name of Object.keys(options))
    demand(known.has(name), `\`${name}\` is no option of createSessions`)
  if (store !== undefined)
    demand(
      isObject(store) && typeof store.get === 'function' && typeof store.rotate === 'function',
      '`store` is no session store; pass what fileStore(), memoryStore() and their like answer',
    )
  if (codec !== undefined)
    demand(
      isObject(codec) && typeof codec.open === 'function' && typeof codec.seal === 'function',
      '`codec` is no session codec; pass what sealedCookie() or flaskCookie() answer',
    )

  const {
    userOf,
    maxPerUser,
    schema,
    onEvent,
    clock,
    onClash = 'mine',
    onStoreError = 'fail',
    maxBytes = 262_144,
  } = options
  demand(
    userOf === undefined || typeof userOf === 'function',
    '`userOf` must be a function from the session’s values to a user',
  )
  demand(
    userOf === undefined || codec === undefined,
    '`userOf` needs a store: a session in a cookie can be neither listed nor rotated',
  )
  demand(
    maxPerUser === undefined || (userOf !== undefined && Number.isSafeInteger(maxPerUser) && maxPerUser > 0),
    '`maxPerUser` must be a whole number above 0, and needs `userOf`',
  )
  demand(
    schema === undefined || typeof schema['~standard']?.validate === 'function',
    '`schema` must be a Standard Schema (zod, valibot, arktype …)',
  )
  demand(onEvent === undefined || typeof onEvent === 'function', '`onEvent` must be a function')
  demand(
    onClash === 'mine' || onClash === 'theirs' || typeof onClash === 'function',
    "`onClash` must be 'mine', 'theirs' or a function",
  )
  demand(
    onStoreError === 'fail' || onStoreError === 'anonymous',
    "`onStoreError` must be 'fail' or 'anonymous'",
  )
  demand(Number.isSafeInteger(maxBytes) && maxBytes > 0, '`maxBytes` must be a whole number of bytes above 0')

  const lifetime = milliseconds(options.lifetime ?? '31 days', 'lifetime')
  const idle = options.idle === undefined ? null : milliseconds(options.idle, 'idle')
  demand(
    idle === null || idle <= lifetime,
    '`idle` is longer than `lifetime`, so it could never end a session',
  )
  return {
    lifetime,
    idle,
    renewAfter: idle === null ? Number.POSITIVE_INFINITY : Math.ceil(idle / 10),
    permanent: options.permanent ?? false,
    cookie: cookieForms(options.cookie ?? {}, codec?.fixedName ?? false),
    userOf: userOf === undefined ? null : (data) => userName(userOf(data)),
    maxPerUser: maxPerUser ?? null,
    schema: schema ?? null,
    onClash,
    onEvent: onEvent ?? null,
    lazy: options.lazy ?? false,
    onStoreError,
    deadline: milliseconds(options.deadline ?? '2 seconds', 'deadline'),
    gcEvery: options.gcEvery === false ? null : milliseconds(options.gcEvery ?? '1 hour', 'gcEvery'),
    maxBytes,
    serializer: codec?.serializer ?? store?.serializer ?? options.serializer ?? fallback,
    flask: codec?.flask === undefined ? (store?.flask === undefined ? null : 'store') : 'cookie',
    shownId: store?.ids === undefined ? (id) => id : recordId,
    clock: clock === undefined ? Date.now : () => Math.floor(clock()),
  }
}

function userName(user: string | number | null | undefined): string | null {
  if (user === null || user === undefined || user === '') return null
  if (typeof user === 'number') return String(user)
  if (typeof user === 'string' && !/\p{Surrogate}/u.test(user)) return user
  throw new SessionError(
    'ERR_SESSION_CONFIG',
    `\`userOf\` answered ${typeof user === 'string' ? 'half a character' : typeof user}; it must answer text, a number or null.`,
  )
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function demand(holds: boolean, problem: string): asserts holds {
  if (!holds) throw new SessionError('ERR_SESSION_CONFIG', `${problem}.`)
}
