import type { Rejection } from './codec.ts'

/** The shared part of every event: `id` is the record's id (a hash, no bearer), null where there is none. */
interface Told {
  readonly id: string | null
  /** Milliseconds since 1970 (UTC), by the configured clock. */
  readonly at: number
  /** The route the adapter named, or null. */
  readonly route: string | null
}

/** Which store method failed. */
export type StoreCall = 'get' | 'create' | 'update' | 'rotate' | 'touch' | 'delete' | 'list' | 'page' | 'gc'

/** What happened to a session: a closed list. No event carries a bearer id, a secret or a value. */
export type SessionEvent = Told &
  (
    | { readonly type: 'read' }
    | { readonly type: 'created'; readonly bytes: number }
    | { readonly type: 'written'; readonly bytes: number; readonly keys: readonly string[] }
    /** A conflict was healed by replaying this request's changes on a newer record, `tries` times. */
    | { readonly type: 'merged'; readonly tries: number; readonly keys: readonly string[] }
    /** Two requests assigned the same key; `kept` says whose value stands. */
    | { readonly type: 'clash'; readonly key: string; readonly kept: 'mine' | 'theirs' | 'resolved' }
    | { readonly type: 'renewed' }
    | { readonly type: 'rotated'; readonly from: string }
    | { readonly type: 'destroyed' }
    | { readonly type: 'revoked' }
    /** The session ended while this request ran; its changes to `keys` were dropped, nothing was revived. */
    | { readonly type: 'gone'; readonly keys: readonly string[] }
    | { readonly type: 'expired' }
    /** A well-formed id that no record has. */
    | { readonly type: 'unknown' }
    /** A cookie that is no session of ours. */
    | { readonly type: 'rejected'; readonly reason: Rejection }
    /** Several cookies with our name; `valid` of them verified. With two or more valid ones none is used. */
    | { readonly type: 'duplicate'; readonly count: number; readonly valid: number }
    /** A record that cannot be read back; the visitor is anonymous, the record is left as it is. */
    | { readonly type: 'corrupt'; readonly reason: string }
    /** The stored values do not fit the configured schema. */
    | { readonly type: 'invalid'; readonly issues: readonly string[] }
    | { readonly type: 'evicted' }
    | { readonly type: 'store_error'; readonly call: StoreCall; readonly error: Error }
    /** A setting or a request that deserves a look; `code` is stable, `message` says what to do. */
    | { readonly type: 'warning'; readonly code: string; readonly message: string }
  )
