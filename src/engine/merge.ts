import type { Kept, Serializer } from '../contracts/serializer.ts'
import { permanentKey } from './dictionary.ts'
import { type Applied, type Changes, type Put, put } from './journal.ts'
import type { Clash } from './settings.ts'

/** Values at rest, by key. */
export type Entries = ReadonlyMap<string, Kept>

/** A key that two requests assigned, and whose value stands. */
export interface Settled {
  readonly key: string
  readonly kept: 'mine' | 'theirs' | 'resolved'
}

/** What came of replaying one request's changes on a newer record. */
export interface Merged {
  readonly entries: Entries
  readonly clashes: readonly Settled[]
}

/** The base with the changes made: what the record becomes when nobody was faster. */
export function applied(base: Entries, changes: Changes): Entries {
  const entries = new Map(changes.cleared ? [] : base)
  for (const [key, change] of changes.keys)
    write(entries, key, change.kind === 'apply' ? change.result : change)
  return entries
}

/**
 * Replays changes made on `base` upon `newest`, key by key: different keys both stand, `update` runs again, and a key
 * that both assigned goes by `onClash`. Pure but for the app's own functions.
 */
export function replayed(
  newest: Entries,
  changes: Changes,
  base: Entries,
  serializer: Serializer,
  onClash: 'mine' | 'theirs' | ((clash: Clash) => unknown),
): Merged {
  const entries = new Map(changes.cleared ? [] : newest)
  const clashes: Settled[] = []
  const sameAt = (a: Entries, b: Entries, key: string): boolean =>
    a.has(key) === b.has(key) && (!a.has(key) || serializer.same(a.get(key), b.get(key)))

  if (changes.cleared) {
    for (const key of newest.keys()) {
      if (!changes.keys.has(key) && !sameAt(newest, base, key)) clashes.push({ key, kept: 'mine' })
    }
  }
  for (const [key, change] of changes.keys) {
    if (change.kind === 'apply') {
      // On the value it ran on, it would only answer the same once more, or, if it draws or counts, something else.
      const stands = changes.cleared || sameAt(newest, base, key)
      write(entries, key, stands ? change.result : again(change, entries, key, serializer))
      continue
    }
    const mine = change.kind === 'assign' ? change.kept : undefined
    const agreed =
      change.kind === 'assign' ? newest.has(key) && serializer.same(newest.get(key), mine) : !newest.has(key)
    if (!agreed && !sameAt(newest, base, key)) {
      if (typeof onClash === 'function' && key !== permanentKey) {
        const live = (from: Entries): unknown => (from.has(key) ? serializer.live(from.get(key)) : undefined)
        const mineLive = change.kind === 'assign' ? serializer.live(mine) : undefined
        const value = onClash({ key, base: live(base), mine: mineLive, theirs: live(newest) })
        clashes.push({ key, kept: 'resolved' })
        write(entries, key, put(serializer, key, value))
        continue
      }
      clashes.push({ key, kept: onClash === 'theirs' ? 'theirs' : 'mine' })
      if (onClash === 'theirs' && !changes.cleared) continue
    }
    write(entries, key, change)
  }
  return { entries, clashes }
}

function write(entries: Map<string, Kept>, key: string, change: Put): void {
  if (change.kind === 'remove') entries.delete(key)
  else entries.set(key, change.kept)
}

function again(change: Applied, entries: Entries, key: string, serializer: Serializer): Put {
  let value = entries.has(key) ? serializer.live(entries.get(key)) : undefined
  for (const fn of change.fns) value = fn(value)
  return put(serializer, key, value)
}
