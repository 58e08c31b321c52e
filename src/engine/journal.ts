import type { Kept, Serializer } from '../contracts/serializer.ts'

/** What a key becomes, whatever it was. */
export type Put = { readonly kind: 'assign'; readonly kept: Kept } | { readonly kind: 'remove' }

/** Functions that ran on the key's value, in order, and what came out; they can run again on a newer value. */
export interface Applied {
  readonly kind: 'apply'
  readonly fns: readonly Apply[]
  readonly result: Put
}

/** What a request did to one key. */
export type Change = Put | Applied

/** A function of `session.update`; answering undefined removes the key. */
export type Apply = (current: unknown) => unknown

const removal: Put = { kind: 'remove' }

/** The result of running functions on a value, at rest; throws ERR_SESSION_VALUE when it cannot rest. */
export function put(serializer: Serializer, key: string, value: unknown): Put {
  return value === undefined ? removal : { kind: 'assign', kept: serializer.keep(value, key) }
}

/** All a request did, key by key; `cleared` came first. Pure data: it can be replayed on any record. */
export interface Changes {
  readonly cleared: boolean
  readonly keys: ReadonlyMap<string, Change>
}

const nothing: ReadonlyMap<string, Kept> = new Map()

/**
 * What one request reads and does, per key: values handed out are the app's to change, so they are compared with what
 * is at rest when the request is settled. Knows no store, no cookie and no time.
 */
export class Journal {
  readonly #serializer: Serializer
  #base: ReadonlyMap<string, Kept> = nothing
  /** Values the app holds: handed out, assigned or computed. Null until there is one: most requests only read text. */
  #held: Map<string, unknown> | null = null
  #noted: Map<string, Change | 'assigned'> | null = null
  /** What the changes were when they were last asked for. */
  #settledAs: Changes | null = null
  #cleared = false
  #modified = false

  constructor(serializer: Serializer) {
    this.#serializer = serializer
  }

  /** Starts over on what is at rest now. What the app holds stays its own to change, unless something else came to rest. */
  start(base: ReadonlyMap<string, Kept>): void {
    if (this.#held !== null) this.#release(this.#held, base)
    this.#base = base
    this.#settledAs = null
    this.#noted = null
    this.#cleared = false
    this.#modified = false
  }

  /** Lets go of the held values that are not what rests in `base`, or cannot be changed in place. */
  #release(held: Map<string, unknown>, base: ReadonlyMap<string, Kept>): void {
    for (const [key, value] of held) {
      const kept = keptBy(this.#settledAs?.keys.get(key), this.#base.get(key))
      const stays = typeof value === 'object' && value !== null && kept !== undefined && base.has(key)
      if (!stays || !this.#serializer.same(kept, base.get(key))) held.delete(key)
    }
  }

  /** Whether anything was assigned, removed, computed or cleared, even to what it was. */
  get modified(): boolean {
    return this.#modified
  }

  /** What was at rest at the start. */
  get base(): ReadonlyMap<string, Kept> {
    return this.#base
  }

  has(key: string): boolean {
    const noted = this.#noted?.get(key)
    if (noted !== undefined)
      return noted === 'assigned' || (noted.kind === 'apply' ? noted.result : noted).kind !== 'remove'
    return !this.#cleared && this.#base.has(key)
  }

  get(key: string): unknown {
    if (this.#held?.has(key) === true) return this.#held.get(key)
    if (!this.has(key)) return undefined
    const value = this.#serializer.live(this.#base.get(key))
    // Text and numbers cannot be changed in place; only what can is worth comparing later.
    if (typeof value === 'object' && value !== null) this.#hold(key, value)
    return value
  }

  #hold(key: string, value: unknown): void {
    this.#held ??= new Map()
    this.#held.set(key, value)
  }

  #note(key: string, change: Change | 'assigned'): void {
    this.#modified = true
    this.#noted ??= new Map()
    this.#noted.set(key, change)
  }

  /** Throws ERR_SESSION_VALUE when the value cannot rest. */
  set(key: string, value: unknown): void {
    this.#serializer.keep(value, key)
    this.#hold(key, value)
    this.#note(key, 'assigned')
  }

  remove(key: string): void {
    this.#held?.delete(key)
    this.#note(key, removal)
  }

  clear(): void {
    this.#held = null
    this.#noted = null
    this.#cleared = true
    this.#modified = true
  }

  /** Runs `fn` on the key's value and notes it for a later run on a newer one. */
  apply(key: string, fn: Apply): unknown {
    const noted = this.#noted?.get(key)
    const before = noted === 'assigned' ? removal : (this.#settled(key) ?? noted)
    const value = fn(this.get(key))
    const result = put(this.#serializer, key, value)
    if (result.kind === 'remove') this.#held?.delete(key)
    else this.#hold(key, value)
    // On a value this request assigned or removed, the function is part of that.
    if (before !== undefined && before.kind !== 'apply')
      this.#note(key, result.kind === 'remove' ? removal : 'assigned')
    else this.#note(key, { kind: 'apply', fns: [...(before?.fns ?? []), fn], result })
    return value
  }

  /** The keys the app sees, in order. */
  keys(): string[] {
    if (this.#noted === null) return this.#cleared ? [] : [...this.#base.keys()]
    const keys = new Set(this.#cleared ? [] : this.#base.keys())
    for (const key of this.#noted.keys()) keys.add(key)
    return [...keys].filter((key) => this.has(key))
  }

  /** All changes against the base; assignments that changed nothing are none. Throws ERR_SESSION_VALUE as `set` does. */
  settle(): Changes | null {
    if (this.#held === null && this.#noted === null && !this.#cleared) return null
    const keys = new Map<string, Change>()
    for (const key of new Set([...(this.#noted?.keys() ?? []), ...(this.#held?.keys() ?? [])])) {
      const change = this.#settled(key)
      if (change !== undefined) keys.set(key, change)
    }
    const cleared = this.#cleared && this.#base.size > 0
    return (this.#settledAs = keys.size === 0 && !cleared ? null : { cleared, keys })
  }

  #settled(key: string): Change | undefined {
    const noted = this.#noted?.get(key)
    const known = !this.#cleared && this.#base.has(key)
    const planned = noted === undefined || noted === 'assigned' ? undefined : noted
    // Removed, or computed away; of a key that was not there, nothing is left to do.
    if (this.#held?.has(key) !== true) return known ? planned : undefined
    const value = this.#held.get(key)
    const base = this.#base.get(key)
    if (known && this.#serializer.unchanged?.(value, base) === true) return undefined
    const kept = this.#serializer.keep(value, key)
    if (known && this.#serializer.same(kept, base)) return undefined
    if (
      planned?.kind === 'apply' &&
      planned.result.kind === 'assign' &&
      this.#serializer.same(kept, planned.result.kept)
    )
      return planned
    return { kind: 'assign', kept }
  }
}

/** What is at rest under a key after `change`, where it was `base` before. */
function keptBy(change: Change | undefined, base: Kept): Kept {
  if (change === undefined) return base
  const done = change.kind === 'apply' ? change.result : change
  return done.kind === 'assign' ? done.kept : undefined
}
