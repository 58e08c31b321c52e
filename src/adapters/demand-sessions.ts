import type { VisitSource } from '../contracts/visit.ts'
import { SessionError } from '../errors.ts'

/** Throws ERR_SESSION_CONFIG where an adapter was given anything but sessions, such as options of another library. */
export function demandSessions(sessions: unknown, adapter: string): void {
  if (typeof (sessions as Partial<VisitSource<unknown>> | undefined)?.open !== 'function')
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      `${adapter} takes what createSessions answers: ${adapter}(createSessions({ store })).`,
    )
}
