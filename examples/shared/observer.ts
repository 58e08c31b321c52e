import { AsyncLocalStorage } from 'node:async_hooks'
import type { SessionEvent } from 'hipflask'
import { told } from './telling.ts'

/** What the gallery wants to know of one request. */
export interface Notes {
  readonly events: SessionEvent[]
  /** The Cookie header, null if no session was opened. */
  cookies: string | null
  setCookie: string | null
}

/** The notes on the request that runs here, while the gallery watches. */
export const notes = new AsyncLocalStorage<Notes>()

/** For `createSessions`: notes what happens to sessions for the gallery; prints it where an example runs alone. */
export function onEvent(event: SessionEvent): void {
  const watched = notes.getStore()
  if (watched !== undefined) watched.events.push(event)
  else console.log([event.route, told(event)].filter((part) => part !== null).join('  '))
}
