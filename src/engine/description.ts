import type { SessionCodec } from '../contracts/codec.ts'
import type { Serializer } from '../contracts/serializer.ts'
import type { SessionStore } from '../contracts/store.ts'
import type { CookieForms } from '../lib/cookie.ts'
import type { Settings } from './settings.ts'

/** A setting that deserves a look; `code` is stable, `message` says what to do. */
interface Advice {
  readonly code: string
  readonly message: string
}

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
  readonly advice: readonly Advice[]
}

/** Describes settings; `production` says what they are judged as. */
export function describe(
  settings: Settings,
  place: { readonly store?: SessionStore | undefined; readonly codec?: SessionCodec | undefined },
  production: boolean,
): Description {
  const { onClash, schema } = settings
  const at: { readonly kind?: string } = place.store ?? place.codec ?? {}
  const kind = at.kind ?? null
  return {
    place: place.store === undefined ? 'cookie' : 'store',
    kind,
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
    advice: advice(settings, kind, production),
  }
}

function advice({ idle, cookie, gcEvery }: Settings, kind: string | null, production: boolean): Advice[] {
  const found: Advice[] = []
  const say = (code: string, message: string): void => void found.push({ code, message })
  if (kind === 'memory' && production)
    say(
      'memory_in_production',
      'Sessions are kept in this process’s memory: a restart ends them all, and other processes do not see them. Use a file, SQL or Redis store.',
    )
  if (idle === null)
    say(
      'no_idle_timeout',
      "A session that nobody uses lives until its lifetime ends. Set `idle`, such as `idle: '2 hours'`.",
    )
  if (!cookie.secure.secure)
    say(
      'never_secure',
      'The cookie never carries `Secure`, not even on HTTPS: whoever sees plain traffic can take the session. Leave `cookie.secure` out.',
    )
  if (!/; HttpOnly(?:;|$)/.test(cookie.plain.tail))
    say('not_http_only', 'Scripts in the page can read the cookie. Leave `cookie.httpOnly` out.')
  if (!/; SameSite=(?:Lax|Strict)(?:;|$)/.test(cookie.plain.tail))
    say(
      'no_same_site',
      'Other sites can make requests that carry the cookie. Leave `cookie.sameSite` out, or check where requests come from.',
    )
  if (gcEvery === null)
    say('no_sweep', 'Dead records are removed only when the app calls `gc()`: `gcEvery` is false.')
  return found
}
