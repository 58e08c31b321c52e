import { jsonSerializer, type Page, SessionError, type SessionStore } from 'hipflask'
import { short } from '../shared/telling.ts'
import { inflateSync } from 'node:zlib'
import { shown } from './veil.ts'

/** A kept session, fit to be shown. */
export interface Kept {
  /** The first characters of its id's hash; null where a cookie is all there is. */
  readonly name: string | null
  readonly bytes: number
  readonly seenAt: Date | null
  readonly endsAt: Date | null
  readonly over: boolean
  /** Its values as JSON, or null when they cannot be read. */
  readonly values: string | null
}

/** What lies in a store: how many sessions, and the newest of them. */
export interface Stored {
  readonly count: number
  readonly newest: readonly Kept[]
}

const pageSize = 100
const mostPages = 10
const mostShown = 4

/** Looks into a store, at most at its first thousand sessions. Changes nothing. */
export async function inStore(store: SessionStore, now: number = Date.now()): Promise<Stored> {
  const found = []
  let cursor: string | null = null
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await pageOf(store, cursor)
    found.push(...page.sessions)
    cursor = page.next
    if (cursor === null) break
  }
  const newest: Kept[] = []
  for (const { id, seenAt, expiresAt } of found.sort((a, b) => b.seenAt - a.seenAt).slice(0, mostShown)) {
    const record = await store.get(id)
    if (record === null) continue
    newest.push({
      name: short(id),
      bytes: Buffer.byteLength(record.data),
      seenAt: new Date(seenAt),
      endsAt: new Date(expiresAt),
      over: expiresAt <= now,
      values: readable(() =>
        Object.fromEntries(
          [...jsonSerializer.decode(record.data)].map(([key, kept]) => [key, jsonSerializer.live(kept)]),
        ),
      ),
    })
  }
  return { count: found.length, newest }
}

/** A cache such as memcached cannot be walked through: then there is nothing to show. */
async function pageOf(store: SessionStore, cursor: string | null): Promise<Page> {
  try {
    return await store.page(cursor, pageSize)
  } catch (error) {
    if (error instanceof SessionError && error.code === 'ERR_SESSION_UNSUPPORTED')
      return { sessions: [], next: null }
    throw error
  }
}

/** What anybody can read in a Flask-signed cookie: no secret is needed for that. */
export function inCookie(cookie: string | null): Stored {
  if (cookie === null) return { count: 0, newest: [] }
  const values = readable(() => JSON.parse(payload(cookie)) as unknown)
  return {
    count: 1,
    newest: [{ name: null, bytes: cookie.length, seenAt: null, endsAt: null, over: false, values }],
  }
}

/** The first of three parts, before the time and the signature; a leading dot says that it is compressed. */
function payload(cookie: string): string {
  const compressed = cookie.startsWith('.')
  const bytes = Buffer.from(cookie.split('.')[compressed ? 1 : 0]!, 'base64url')
  return (compressed ? inflateSync(bytes, { maxOutputLength: 1_000_000 }) : bytes).toString()
}

function readable(read: () => unknown): string | null {
  try {
    const values = shown(read())
    const line = JSON.stringify(values, null, 1).replaceAll(/\n */g, ' ')
    return line.length <= 60 ? line : JSON.stringify(values, null, 2)
  } catch {
    return null
  }
}
