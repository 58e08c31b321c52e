import { isDeepStrictEqual } from 'node:util'
import { line, narrow, shown } from './shown.ts'

/** What a request did to one key; null where there was or is nothing. */
interface Change {
  readonly key: string
  readonly was: string | null
  readonly is: string | null
  /** Another request made this change; this one merged with it. */
  readonly theirs: boolean
}

/** The changes of a request, and how many of them are left out. */
export interface Changes {
  readonly shown: readonly Change[]
  readonly more: number
}

type Values = Readonly<Record<string, unknown>>

const most = 24

/** The difference between two states of a session, key by key; `mine`: the keys a merging request changed itself, null where it merged with none. */
export function changesBetween(
  before: Values,
  after: Values,
  mask: RegExp,
  mine: readonly string[] | null = null,
): Changes {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => {
    const [was, is] = [Object.hasOwn(before, key), Object.hasOwn(after, key)]
    return was !== is || !isDeepStrictEqual(before[key], after[key])
  })
  const brief = (from: Values, key: string): string | null =>
    Object.hasOwn(from, key) ? line(shown(key, from[key], mask, narrow)).slice(0, 400) : null
  return {
    shown: keys.slice(0, most).map((key) => ({
      key: key.slice(0, 200),
      was: brief(before, key),
      is: brief(after, key),
      theirs: mine !== null && !mine.includes(key),
    })),
    more: Math.max(0, keys.length - most),
  }
}
