import { hash } from 'node:crypto'
import type { SessionRecord } from '../../contracts/store.ts'

/*
 * A record's file is three parts, a line each for the first two:
 *
 *   hipflask 1 <SHA-256 of the rest, base64url>
 *   {"id":…,"version":…,"user":…,"label":…,"createdAt":…,"seenAt":…,"expiresAt":…,"endsAt":…}
 *   <data, as it is>
 *
 * A grave is one line: `hipflask 1 deleted`, or `hipflask 1 rotated <id of the heir>`. It lies in the place of a record
 * for the moment between the record's end and the removal of its file.
 */

/** A record as its file holds it. */
export interface FileRecord extends SessionRecord {
  readonly version: string
  /** What tells this record's entry in its user's list from older ones; null without a user. */
  readonly entry: string | null
  /** The id this record takes over from: it is not born before that one's grave names it as the heir. Null: born. */
  readonly from: string | null
}

/** What a file turned out to be. `stamp` differs whenever the content does. */
export type FileContent =
  | { readonly kind: 'record'; readonly record: FileRecord; readonly stamp: string }
  | { readonly kind: 'grave'; readonly heir: string | null; readonly stamp: string }
  | { readonly kind: 'corrupt'; readonly reason: string; readonly stamp: string }

const NEW_LINE = 10
const RECORD = /^hipflask 1 ([\w-]{43})$/
const GRAVE = /^hipflask 1 (?:deleted|rotated ([\w-]{43}))$/

/** The bytes of a record's file. */
export function encodeRecord(record: FileRecord): Uint8Array {
  const { data, ...head } = record
  const rest = Buffer.from(`${JSON.stringify(head)}\n${data}`)
  return Buffer.concat([Buffer.from(`hipflask 1 ${hash('sha256', rest, 'base64url')}\n`), rest])
}

/** The bytes of a grave: of a deleted record (`heir` null) or of one that was rotated to the id `heir`. */
export function encodeGrave(heir: string | null): Uint8Array {
  return Buffer.from(heir === null ? 'hipflask 1 deleted\n' : `hipflask 1 rotated ${heir}\n`)
}

/** What the file of `id` holds. Never throws: bytes that are not what was once written for this id are `corrupt`. */
export function decodeFile(bytes: Buffer, id: string): FileContent {
  const end = bytes.subarray(0, 128).indexOf(NEW_LINE)
  if (end < 0) return corrupt(bytes.length === 0 ? 'the file is empty' : 'the file is not a session')
  const stamp = bytes.toString('latin1', 0, end)

  const grave = GRAVE.exec(stamp)
  if (grave) return { kind: 'grave', heir: grave[1] ?? null, stamp }

  const checksum = RECORD.exec(stamp)?.[1]
  if (checksum === undefined)
    return corrupt(stamp.startsWith('hipflask ') ? 'the format is unknown' : 'the file is not a session')
  const rest = bytes.subarray(end + 1)
  if (hash('sha256', rest, 'base64url') !== checksum) return corrupt('the checksum does not fit')

  const headEnd = rest.indexOf(NEW_LINE)
  const head = headEnd < 0 ? null : parseHead(rest.toString('utf8', 0, headEnd))
  if (head === null) return corrupt('the header is not a session’s')
  if (head.id !== id) return corrupt('the file belongs to another id')
  return { kind: 'record', record: { ...head, data: rest.toString('utf8', headEnd + 1) }, stamp }
}

/** Bytes that are no record; also for files that could not even be read. */
export function corrupt(reason: string): FileContent {
  return { kind: 'corrupt', reason, stamp: reason }
}

function parseHead(text: string): Omit<FileRecord, 'data'> | null {
  let head: unknown
  try {
    head = JSON.parse(text)
  } catch {
    return null
  }
  return isHead(head) ? head : null
}

function isHead(head: unknown): head is Omit<FileRecord, 'data'> {
  if (typeof head !== 'object' || head === null) return false
  const fields: Record<string, unknown> = { ...head }
  return (
    ['id', 'version'].every((field) => typeof fields[field] === 'string') &&
    ['user', 'label', 'entry', 'from'].every(
      (field) => fields[field] === null || typeof fields[field] === 'string',
    ) &&
    ['createdAt', 'seenAt', 'expiresAt', 'endsAt'].every((field) => Number.isFinite(fields[field]))
  )
}
