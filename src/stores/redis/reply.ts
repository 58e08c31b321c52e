import type { Outcome } from '../../contracts/store.ts'
import { SessionError } from '../../errors.ts'

/** The text of a reply (clients may be set to answer Buffers), or null where there is none; throws for anything else. */
export function textOf(reply: unknown): string | null {
  if (reply === null || typeof reply === 'string') return reply
  if (Buffer.isBuffer(reply)) return reply.toString()
  throw unexpected()
}

/** The number of a reply. */
export function countOf(reply: unknown): number {
  const count = typeof reply === 'number' ? reply : Number(textOf(reply))
  if (Number.isNaN(count)) throw unexpected()
  return count
}

/** The texts of a reply that is a list. */
export function textsOf(reply: unknown): readonly string[] {
  if (!Array.isArray(reply)) throw unexpected()
  return reply.map((one) => textOf(one) ?? '')
}

/** The outcome that a script told. */
export function outcomeOf(reply: unknown): Outcome {
  const text = textOf(reply)
  if (text === 'done' || text === 'conflict' || text === 'gone') return text
  throw unexpected()
}

function unexpected(): SessionError {
  return new SessionError(
    'ERR_SESSION_STORE',
    'redisStore: the client answered a command with something else than Redis does. Give the store a client without transformers.',
  )
}
