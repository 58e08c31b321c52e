import type { SessionRecord } from '../contracts/store.ts'
import { isId } from '../lib/id.ts'

const times = ['createdAt', 'seenAt', 'expiresAt', 'endsAt'] as const
const fields: ReadonlySet<string> = new Set(['id', 'data', 'user', 'label', ...times])

// Half a character, which no store could keep.
const broken = /\p{Cs}/u

/** The record in a line that `export` wrote, or what is wrong with the line. Quotes nothing of it. */
export function recordOfLine(line: string): SessionRecord | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'it is not JSON'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no JSON object'
  const record = value as Record<string, unknown>
  const { id, data, user, label } = record
  const foreign = Object.keys(record).length - Object.keys(record).filter((name) => fields.has(name)).length
  if (foreign > 0) return 'it has fields that no session has'
  // A record's id is a hash of 32 bytes, spelled as a bearer id is.
  if (typeof id !== 'string' || !isId(id)) return '`id` is not 43 characters of base64url'
  if (typeof data !== 'string' || broken.test(data)) return '`data` is no well-formed text'
  for (const [name, text] of [
    ['user', user],
    ['label', label],
  ] as const)
    if (text !== null && (typeof text !== 'string' || broken.test(text)))
      return `\`${name}\` is neither well-formed text nor null`
  for (const name of times)
    if (!Number.isSafeInteger(record[name]) || (record[name] as number) < 0)
      return `\`${name}\` is no time in milliseconds`
  const whole = record as unknown as SessionRecord
  return whole.expiresAt > whole.endsAt ? '`expiresAt` is after `endsAt`' : whole
}
