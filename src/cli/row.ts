import type { SessionInfo } from '../contracts/store.ts'
import { type Piece, painted } from './output.ts'
import { shownId, type Tooled } from './place.ts'
import { distance, iso } from './times.ts'

/** The titles of `rowOf`. */
export const titles: readonly string[] = ['ID', 'USER', 'BEGAN', 'SEEN', 'ENDS', 'SIZE', 'LABEL']

/** How many characters of an id are shown unless all are asked for. */
const short = 10

/** A session as a row of a table. */
export function rowOf(sessions: Tooled, info: SessionInfo, now: number, full: boolean): Piece[] {
  const over = info.expiresAt <= now
  return [
    painted('bold', brief(shownId(sessions, info.id), full)),
    info.user ?? '-',
    distance(info.createdAt, now),
    distance(info.seenAt, now),
    over ? painted('yellow', 'over') : distance(info.expiresAt, now),
    String(info.size),
    (info.label ?? '').slice(0, 60),
  ]
}

/** An id as people see it. */
export function brief(id: string, full: boolean): string {
  return full ? id : id.slice(0, short)
}

/** A session for JSON; its id is whole. */
export function infoAsData(sessions: Tooled, info: SessionInfo): Record<string, unknown> {
  return {
    id: shownId(sessions, info.id),
    user: info.user,
    label: info.label,
    createdAt: iso(info.createdAt),
    seenAt: iso(info.seenAt),
    expiresAt: iso(info.expiresAt),
    endsAt: iso(info.endsAt),
    size: info.size,
  }
}
