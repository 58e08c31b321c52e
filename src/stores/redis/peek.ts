import type { SessionInfo } from '../../contracts/store.ts'
import type { RedisCommands } from './commands.ts'
import { decodeInfo } from '../stamped-record.ts'
import { textOf } from './reply.ts'
import { PEEK } from './scripts.ts'

/** Looks at records without fetching their values: for each id what is known of its session, or null. */
export type Peek = (ids: readonly string[]) => Promise<readonly (SessionInfo | null)[]>

/** How many records are looked at in one go. */
const ABREAST = 100

/** What a look needs to know. */
export interface PeekSource {
  readonly commands: RedisCommands
  /** Whether two records may lie on two servers. */
  readonly apart: boolean
  readonly keyOf: (id: string) => string
  /** Told of a value that is no record. */
  readonly corrupt: (id: string, text: string) => void
}

/** A look at any number of records, in bounded steps: one command for many, or one for each where they lie apart. */
export function peekWith({ commands, apart, keyOf, corrupt }: PeekSource): Peek {
  const texts = async (ids: readonly string[]): Promise<readonly unknown[]> => {
    const [first, ...rest] = ids.map(keyOf)
    const reply = first === undefined ? [] : await commands.ask(PEEK, [first, ...rest])
    return Array.isArray(reply) ? reply : []
  }
  const read = (id: string, reply: unknown): SessionInfo | null => {
    const text = textOf(reply)
    if (text === null) return null
    const info = decodeInfo(id, text)
    if (info === null) corrupt(id, text)
    return info
  }
  return async (ids) => {
    const infos: (SessionInfo | null)[] = []
    for (const some of chunks(ids)) {
      const replies = apart ? (await Promise.all(some.map((id) => texts([id])))).flat() : await texts(some)
      infos.push(...some.map((id, at) => read(id, replies[at])))
    }
    return infos
  }
}

/** The list in parts of at most 100. */
export function chunks<T>(list: readonly T[]): T[][] {
  const parts: T[][] = []
  for (let from = 0; from < list.length; from += ABREAST) parts.push(list.slice(from, from + ABREAST))
  return parts
}
