import type { SessionEvent } from 'hipflask'

/** The start of a record's id, as the name of its file begins: enough to recognize it, of no use to anyone else. */
export function short(id: string | null): string {
  return id === null ? '' : `#${Buffer.from(id, 'base64url').toString('hex').slice(0, 8)}`
}

/** An event in a few words, without ids, values and secrets. */
export function told(event: SessionEvent): string {
  const session = event.id === null ? 'the session' : `session ${short(event.id)}`
  switch (event.type) {
    case 'read':
      return `read ${session}`
    case 'created':
      return `made ${session}, ${event.bytes} bytes`
    case 'written':
      return `wrote ${list(event.keys)} to ${session}, ${event.bytes} bytes`
    case 'merged':
      return `another request was faster: put ${list(event.keys)} on top of its changes`
    case 'clash':
      return `two requests set ${event.key}: kept ${event.kept === 'theirs' ? 'the other one' : 'this one'}`
    case 'renewed':
      return `renewed ${session}`
    case 'rotated':
      return `gave session ${short(event.from)} the new id ${short(event.id)}`
    case 'destroyed':
      return `deleted ${session}`
    case 'revoked':
      return `revoked ${session}`
    case 'gone':
      return `${session} had ended meanwhile: changes dropped`
    case 'expired':
      return `${session} had expired`
    case 'unknown':
      return `no session is called ${short(event.id)}`
    case 'rejected':
      return `refused the cookie: ${reasons[event.reason]}`
    case 'duplicate':
      return `${event.count} cookies of the same name came, ${event.valid} of them good`
    case 'corrupt':
      return `${session} cannot be read: ${event.reason}`
    case 'invalid':
      return `${session} does not fit its schema`
    case 'evicted':
      return `${session} made room for a newer one`
    case 'store_error':
      return `the store failed to ${event.call}`
    case 'warning':
      return event.message
  }
}

const reasons = {
  malformed: 'it is no session cookie',
  signature: 'its signature is wrong',
  expired: 'it is too old',
  payload: 'what it holds is no session',
}

function list(keys: readonly string[]): string {
  return keys.map((key) => (key.length > 40 ? `${key.slice(0, 40)}…` : key)).join(', ')
}
