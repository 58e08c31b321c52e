import type { SessionEvent } from '../contracts/event.ts'
import { SessionError } from '../errors.ts'
import { wordFor } from './cause.ts'

/** An event in words, without anything but text. */
export interface Told {
  readonly type: SessionEvent['type']
  readonly id: string | null
  readonly at: number
  readonly text: string
}

/** Tells an event; `handle` gives the id that may be shown. */
export function told(event: SessionEvent): Told {
  return { type: event.type, id: event.id, at: event.at, text: words(event).slice(0, 500) }
}

function words(event: SessionEvent): string {
  switch (event.type) {
    case 'read':
      return 'found and read'
    case 'created':
      return `a new session, ${event.bytes} characters stored`
    case 'written':
      return event.keys.length === 0
        ? `written anew, ${event.bytes} characters`
        : `stored ${list(event.keys)}, ${event.bytes} characters`
    case 'merged':
      return `another request was faster: ${list(event.keys)} replayed on its record`
    case 'clash':
      return `both requests assigned ${list([event.key])}; ${kept[event.kept]}`
    case 'renewed':
      return 'its idle time starts again'
    case 'rotated':
      return 'it has a new id; the old one is dead'
    case 'destroyed':
      return 'ended by the app, for good'
    case 'revoked':
      return 'ended from outside its requests, for good'
    case 'gone':
      return event.keys.length === 0
        ? 'it had ended meanwhile; nothing was revived'
        : `it had ended meanwhile; the changes to ${list(event.keys)} were dropped, nothing was revived`
    case 'expired':
      return 'its time was over'
    case 'unknown':
      return 'no record has the id of this cookie'
    case 'rejected':
      return `the cookie is no session of ours: ${rejections[event.reason]}`
    case 'duplicate':
      return `${event.count} cookies of one name came, ${event.valid} of them valid`
    case 'corrupt':
      return `the record cannot be read: ${event.reason}`
    case 'invalid':
      return `the values do not fit the schema at ${list(event.issues)}`
    case 'evicted':
      return 'dropped by the store to make room'
    case 'store_error':
      return `\`${event.call}\` failed: ${reason(event.error)}`
    case 'warning':
      return event.message
  }
}

/** Of a driver's error a word alone: what it says may hold a password. */
function reason(error: Error): string {
  if (!(error instanceof SessionError)) return wordFor(error)
  const { message, cause } = error
  return message.replace(/; `cause` is [^;.]*/, cause instanceof Error ? ` (${wordFor(cause)})` : '')
}

const kept = {
  mine: 'the later value stands',
  theirs: 'the earlier value stands',
  resolved: '`onClash` decided',
}

const rejections = {
  malformed: 'it does not have the form of one',
  signature: 'no secret verifies it',
  expired: 'it is too old',
  payload: 'it verifies, but does not hold a session',
}

function list(keys: readonly string[]): string {
  const some = keys.slice(0, 8).map((key) => `\`${key.slice(0, 60)}\``)
  return keys.length > 8 ? `${some.join(', ')} and ${keys.length - 8} more` : some.join(', ')
}
