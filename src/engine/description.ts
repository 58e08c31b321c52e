import type { SessionCodec } from '../contracts/codec.ts'
import type { Serializer } from '../contracts/serializer.ts'
import type { SessionStore } from '../contracts/store.ts'
import type { CookieForms } from '../lib/cookie.ts'
import type { Settings } from './settings.ts'

/** How an app's sessions are configured, for pages and tools that explain them. Durations are milliseconds; no secret is in it. */
export interface Description {
  readonly place: 'store' | 'cookie'
  /** What the store or codec calls itself, such as `memory`; null where it has no name. */
  readonly kind: string | null
  readonly lifetime: number
  readonly idle: number | null
  readonly permanent: boolean
  readonly cookie: CookieForms
  /** Whether the app says whose session it is (`userOf`). */
  readonly users: boolean
  readonly maxPerUser: number | null
  readonly onClash: 'mine' | 'theirs' | 'function'
  readonly onStoreError: 'fail' | 'anonymous'
  readonly deadline: number
  readonly gcEvery: number | null
  readonly maxBytes: number
  /** The maker of the schema, or null without one. */
  readonly schema: string | null
  /** The ids of records are what cookies carry (a layout of another program), so they are to be shown to nobody. */
  readonly bearerIds: boolean
  readonly serializer: Serializer
}

/** Describes settings. */
export function describe(
  settings: Settings,
  place: { readonly store?: SessionStore | undefined; readonly codec?: SessionCodec | undefined },
): Description {
  const { onClash, schema } = settings
  const at: { readonly kind?: string } = place.store ?? place.codec ?? {}
  return {
    place: place.store === undefined ? 'cookie' : 'store',
    kind: at.kind ?? null,
    lifetime: settings.lifetime,
    idle: settings.idle,
    permanent: settings.permanent,
    cookie: settings.cookie,
    users: settings.userOf !== null,
    maxPerUser: settings.maxPerUser,
    onClash: typeof onClash === 'function' ? 'function' : onClash,
    onStoreError: settings.onStoreError,
    deadline: settings.deadline,
    gcEvery: settings.gcEvery,
    maxBytes: settings.maxBytes,
    schema: schema === null ? null : schema['~standard'].vendor,
    bearerIds: place.store?.ids !== undefined,
    serializer: settings.serializer,
  }
}
