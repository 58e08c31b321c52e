import type { Page, SessionInfo } from '../../contracts/store.ts'
import { SessionError } from '../../errors.ts'
import type { Primary } from './client.ts'
import type { Peek } from './peek.ts'
import { textOf, textsOf } from './reply.ts'

/** So many steps of SCAN are taken for one page, which may therefore hold few sessions, or none, and not be the last. */
const MOST_STEPS = 10
/** How many keys (of whatever program) one step of SCAN looks at. */
const STEP = { least: 100, most: 1000 } as const

/** Where a walk stands: a primary, its SCAN cursor, the COUNT of all its steps, and the ids which that cursor's next step was already used for. */
interface Place {
  readonly name: string
  readonly at: string
  /** Of the first page: a step that is taken again must be as large as it was, or it goes on elsewhere. */
  readonly count: string
  readonly given: readonly string[]
}

/** What a walk needs to know. */
export interface Walk {
  readonly primaries: readonly Primary[]
  readonly prefix: string
  /** A pattern of what follows the prefix in the names of sessions. */
  readonly ids: string
  readonly peek: Peek
}

/** One page of all sessions; throws ERR_SESSION_USE for a cursor that no page gave. */
export async function pageOf(walk: Walk, cursor: string | null, limit: number): Promise<Page> {
  const sessions: SessionInfo[] = []
  const pattern = literal(walk.prefix) + walk.ids
  let place = cursor === null ? firstPlace(limit) : readPlace(cursor)
  for (let steps = 0; steps < MOST_STEPS && sessions.length < limit; steps++) {
    const { name, at, count, given } = place
    const primary = walk.primaries.find((one) => one.name >= name)
    if (primary === undefined) return { sessions, next: null }
    const [next, keys] = scanned(await primary.send(['SCAN', at, 'MATCH', pattern, 'COUNT', count]))
    const ids = new Set(keys.map((key) => key.slice(walk.prefix.length)))
    for (const id of given) ids.delete(id)
    const some = [...ids].slice(0, limit - sessions.length)
    for (const info of await walk.peek(some)) if (info !== null) sessions.push(info)
    if (some.length < ids.size) place = { name: primary.name, at, count, given: [...given, ...some] }
    else if (next !== '0') place = { name: primary.name, at: next, count, given: [] }
    else {
      const following = walk.primaries[walk.primaries.indexOf(primary) + 1]
      if (following === undefined) return { sessions, next: null }
      place = { name: following.name, at: '0', count, given: [] }
    }
  }
  return { sessions, next: [place.name, place.at, place.count, ...place.given].join(' ') }
}

function scanned(reply: unknown): readonly [next: string, keys: readonly string[]] {
  const [next, keys]: readonly unknown[] = Array.isArray(reply) ? reply : []
  return [textOf(next) ?? '0', textsOf(keys)]
}

function firstPlace(limit: number): Place {
  return { name: '', at: '0', count: String(Math.min(STEP.most, Math.max(STEP.least, limit))), given: [] }
}

function readPlace(cursor: string): Place {
  const [name, at, count, ...given] = cursor.split(' ')
  if (name === undefined || !isWhole(at) || !isWhole(count))
    throw new SessionError('ERR_SESSION_USE', 'redisStore: page takes null or the `next` of the page before.')
  return { name, at, count, given }
}

function isWhole(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text)
}

/** A text as a pattern that matches only itself. */
function literal(text: string): string {
  return text.replaceAll(/[\\*?[\]^-]/g, String.raw`\$&`)
}
