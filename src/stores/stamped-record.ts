import { hash } from 'node:crypto'
import type { SessionInfo, SessionRecord, StoredRecord } from '../contracts/store.ts'

/*
 * One session as one text. Its first line has fields at fixed places, so that scripts read and renew it without
 * touching the rest; after the line come user, label and values, as they are:
 *
 *   hipflask1 <stamp> <createdAt> <seenAt> <expiresAt> <endsAt> <owner> <noteBytes> <user> <label> <data>\n
 *
 * `stamp` is drawn at random by each writer and is the version. Times are 16 digits. `owner` is SHA-256 of the user
 * (base64url), or 43 spaces for nobody's. `noteBytes` is the length of user and label in UTF-8; `user`, `label` and
 * `data` are lengths in UTF-16 units, 10 digits, or 10 spaces for null.
 */

/** What every record of this layout begins with. */
export const MAGIC = 'hipflask1 '

/** Where a field begins and where it ends. */
type Place = readonly [from: number, to: number]

/** A field of the first line. */
export type Field =
  | 'stamp'
  | 'createdAt'
  | 'seenAt'
  | 'expiresAt'
  | 'endsAt'
  | 'owner'
  | 'noteBytes'
  | 'user'
  | 'label'
  | 'data'

/** The places of the first line's fields; indices of JavaScript, `to` is exclusive. */
export const PLACES: Readonly<Record<Field, Place>> = {
  stamp: [10, 26],
  createdAt: [27, 43],
  seenAt: [44, 60],
  expiresAt: [61, 77],
  endsAt: [78, 94],
  owner: [95, 138],
  noteBytes: [139, 149],
  user: [150, 160],
  label: [161, 171],
  data: [172, 182],
}

/** The length of the first line, its line end included. */
export const LINE = 183

const NOBODY = ' '.repeat(43)
const NULL = ' '.repeat(10)

/** The name under which a user's sessions are listed: SHA-256, so that keys have one length and tell nothing. */
export function ownerOf(user: string): string {
  return hash('sha256', user, 'base64url')
}

/** A time as scripts compare it: 16 digits. */
export function time(milliseconds: number): string {
  const digits = String(Math.max(0, Math.floor(milliseconds)))
  // From 2001 to 2286 there are 13 of them.
  return digits.length === 13 ? `000${digits}` : digits.padStart(16, '0')
}

/** The text of a record under a fresh `stamp` (16 characters). */
export function encodeRecord(record: SessionRecord, stamp: string): string {
  const { data, user, label } = record
  const fields = [
    stamp,
    time(record.createdAt),
    time(record.seenAt),
    time(record.expiresAt),
    time(record.endsAt),
    user === null ? NOBODY : ownerOf(user),
    count(Buffer.byteLength(user ?? '') + Buffer.byteLength(label ?? '')),
    user === null ? NULL : count(user.length),
    label === null ? NULL : count(label.length),
    count(data.length),
  ]
  return `${MAGIC}${fields.join(' ')}\n${user ?? ''}${label ?? ''}${data}`
}

/** The record that `text` holds, or null when it is none of ours or was cut. */
export function decodeRecord(id: string, text: string): StoredRecord | null {
  const info = decodeInfo(id, text)
  if (info === null) return null
  const { user, label, createdAt, seenAt, expiresAt, endsAt, size } = info
  const dataAt = text.length - size
  if (dataAt !== LINE + (user?.length ?? 0) + (label?.length ?? 0)) return null
  const version = text.slice(...PLACES.stamp)
  return { id, data: text.slice(dataAt), user, label, createdAt, seenAt, expiresAt, endsAt, version }
}

/** The same without its values, from a text that stops before them or goes on; null when it is none of ours. */
export function decodeInfo(id: string, text: string): SessionInfo | null {
  if (!FIRST_LINE.test(text)) return null
  const labelAt = LINE + numberAt(text, PLACES.user)
  const dataAt = labelAt + numberAt(text, PLACES.label)
  if (text.length < dataAt) return null
  return {
    id,
    user: noteAt(text, PLACES.user, LINE, labelAt),
    label: noteAt(text, PLACES.label, labelAt, dataAt),
    createdAt: numberAt(text, PLACES.createdAt),
    seenAt: numberAt(text, PLACES.seenAt),
    expiresAt: numberAt(text, PLACES.expiresAt),
    endsAt: numberAt(text, PLACES.endsAt),
    size: numberAt(text, PLACES.data),
  }
}

const FIRST_LINE =
  /^hipflask1 .{16} \d{16} \d{16} \d{16} \d{16} .{43} \d{10} (?:\d{10}| {10}) (?:\d{10}| {10}) \d{10}\n/

/** The number at a place that holds digits; 0 for one that holds spaces. */
function numberAt(text: string, [from, to]: Place): number {
  let number = 0
  for (let at = from; at < to; at++) number = number * 10 + (text.charCodeAt(at) & 15)
  return number
}

/** The text whose length stands at a place, or null where nothing does. */
function noteAt(text: string, [from]: Place, noteFrom: number, noteTo: number): string | null {
  return text.charCodeAt(from) === 0x20 ? null : text.slice(noteFrom, noteTo)
}

function count(length: number): string {
  return String(length).padStart(10, '0')
}
