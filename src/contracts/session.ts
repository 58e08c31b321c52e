/** The type of every session's values, for those who extend it: `declare module 'hipflask' { interface SessionData { … } }`. */
// oxlint-disable-next-line typescript/no-empty-object-type -- an interface, so that apps can add to it
export interface SessionData {}

/** A flashed message with its category, as Flask's `get_flashed_messages(with_categories=True)` answers it. */
export type CategorizedMessage = readonly [category: string, message: string]

/** Options of `session.flashes`. */
export interface FlashOptions<WithCategories extends boolean = boolean> {
  /** Answer `[category, message]` pairs instead of messages. Default false. */
  readonly withCategories?: WithCategories
  /** Answer only messages of these categories; the others are taken from the session all the same, as in Flask. */
  readonly categoryFilter?: readonly string[]
}

/** What is known about a session besides its values. Times are Dates, null before the session is stored. */
export interface SessionMeta {
  /** The record's id (a hash of the bearer id), or null: new, or kept in a cookie. */
  readonly id: string | null
  /** True until the session is stored for the first time. */
  readonly isNew: boolean
  readonly user: string | null
  readonly createdAt: Date | null
  readonly seenAt: Date | null
  readonly expiresAt: Date | null
}

/** The verbs of a session. Their names are reserved: data under such a name is reached by `get` and `set`. */
export interface SessionVerbs<Data> {
  /** The value of `key`, or `fallback` (undefined if not given) when the session has none. */
  readonly get: <K extends keyof Data & string, F = undefined>(key: K, fallback?: F) => Data[K] | F
  /** Stores `value` under `key`, whatever the key's name; throws ERR_SESSION_VALUE with the path of what cannot be stored. */
  readonly set: <K extends keyof Data & string>(key: K, value: Data[K]) => void
  /** Removes `key` and answers its value, or `fallback` when the session has none. */
  readonly pop: <K extends keyof Data & string, F = undefined>(key: K, fallback?: F) => Data[K] | F
  /** Stores and answers `fn(current)` (undefined removes the key); run again on newer data when another request was faster, so `fn` must only compute. */
  readonly update: <K extends keyof Data & string, R extends Data[K] | undefined = Data[K]>(
    key: K,
    fn: (current: Data[K] | undefined) => R,
  ) => Data[K] | (undefined extends R ? undefined : never)
  /** Removes every value; the session itself goes on (its end is `destroy`). */
  readonly clear: () => void
  /** Keeps a message for the next `flashes()`, in this request or a later one. */
  readonly flash: (message: string, category?: string) => void
  /** Takes the flashed messages out; asking again in the same request answers the same messages. */
  readonly flashes: <W extends boolean = false>(
    options?: FlashOptions<W>,
  ) => W extends true ? CategorizedMessage[] : string[]
  /** Gives the session a new id when the request's changes are stored; the old id dies in the same step. */
  readonly regenerate: () => void
  /** Ends the session for good when the request's changes are stored; any use but reading then throws ERR_SESSION_ENDED. */
  readonly destroy: () => void
  /** Reads the session if it is `lazy` and has not been read, and answers it; rejects with ERR_SESSION_STORE or ERR_SESSION_TIMEOUT. */
  readonly load: () => Promise<Session<Data>>
  /** Stores the changes made so far, now, in an error page also those that could not be stored before; rejects like the end of the request. */
  readonly save: () => Promise<void>
  /** The values as a plain object; what `JSON.stringify(session)` writes. */
  readonly toJSON: () => Partial<Data>
  /** Whether the cookie outlives the browser (true) or ends with it (false). */
  permanent: boolean
  readonly meta: SessionMeta
}

/** The name of a verb. */
export type Reserved = keyof SessionVerbs<unknown>

/** A session: a typed dictionary of values, with verbs. */
export type Session<Data = SessionData> = {
  [K in keyof Data as K extends Reserved ? never : K]?: Data[K]
} & SessionVerbs<Data>
