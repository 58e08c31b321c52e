import type { SessionData } from './contracts/session.ts'
import type { SessionOptions, SessionPlace } from './engine/settings.ts'
import { Sessions } from './engine/sessions.ts'
import { jsonSerializer } from './serializers/json.ts'

export type { CodecContext, CookieContents, Opened, Rejection, SessionCodec } from './contracts/codec.ts'
export type { SessionEvent, StoreCall } from './contracts/event.ts'
export type { SessionObserver, StoreCallReport, VisitReport } from './contracts/observer.ts'
export type { SchemaResult, StandardSchema } from './contracts/schema.ts'
export type { Kept, Serializer } from './contracts/serializer.ts'
// A star, because only what a star exports can be extended by `declare module 'hipflask'`.
export type * from './contracts/session.ts'
export type {
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
} from './contracts/store.ts'
export type { RequestFacts, ResponseFacts, Visit, VisitSource } from './contracts/visit.ts'
export type { BreakerState } from './engine/breaker.ts'
export type { Description } from './engine/description.ts'
export type { CallHealth, Health } from './engine/health.ts'
export type { PeekedSession } from './engine/store-keeper.ts'
export type { RevokeOptions, Sessions } from './engine/sessions.ts'
export type { Clash, SessionOptions, SessionPlace } from './engine/settings.ts'
export { SessionError, type SessionErrorCode } from './errors.ts'
export type { CookieOptions } from './lib/cookie.ts'
export type { Duration } from './lib/duration.ts'
export { jsonSerializer } from './serializers/json.ts'

/** The sessions of an app, kept in a store or wholly in a cookie; throws ERR_SESSION_CONFIG for settings that cannot work. */
export function createSessions<Data = SessionData>(
  options: SessionOptions<Data> & SessionPlace,
): Sessions<Data> {
  return new Sessions<Data>(options, jsonSerializer)
}
