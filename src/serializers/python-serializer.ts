import type { Kept, Serializer } from '../contracts/serializer.ts'
import { SessionError } from '../errors.ts'

/** So many symbols are remembered, for names of so many characters: nobody can fill the memory with them. */
const MOST_SYMBOLS = 1000
const LONGEST_NAME = 100

/** One key and its value as they stand in a stored session. */
export interface Member {
  readonly key: unknown
  /** The key's own text, where it is to be written again as it came; null for a text of which any spelling will do. */
  readonly name: string | null
  readonly text: string
  /** The live value, where checking the text has made one anyway; else undefined. */
  readonly live: unknown
}

/** One way in which Python keeps a session. */
export interface PythonFormat {
  /** The members of a session, in order; throws (any error) when it is none. Of equal keys the last one counts. */
  split(data: string): readonly Member[]
  join(members: readonly (readonly [name: string, text: string])[]): string
  /** The text of a key. */
  name(key: unknown): string
  /** A new live value of a member's text; never throws on what `split` or `write` answered. */
  read(text: string): unknown
  /** The text of a live value; `path` starts the path named by the ERR_SESSION_VALUE it throws. */
  write(value: unknown, path: string): string
}

/**
 * A serializer that writes `writing` and reads what `formatOf` recognises. Members that nobody assigned anew come out in
 * their own text. Keys that are not text cannot be reached by a session, but stay in it.
 */
export function pythonSerializer(
  writing: PythonFormat,
  formatOf: (data: string) => PythonFormat = () => writing,
): Serializer {
  /** Where live values came from: in a foreign format, an unchanged one need not have a form in `writing`. */
  const origins = new WeakMap<object, Value>()

  return {
    bytes: true,

    decode(data: string): Map<string, Kept> {
      const format = formatOf(data)
      const entries = new Map<string, Kept>()
      const source: Source = { data, size: 0 }
      for (const member of format.split(data)) {
        const { key } = member
        // A symbol among keys of text: kept with the others, found by nobody.
        const name = typeof key === 'string' ? key : (hidden(member.name!) as unknown as string)
        entries.set(name, new Value(format, member, source))
      }
      source.size = entries.size
      return entries
    },

    encode(entries: ReadonlyMap<string, Kept>): string {
      const untouched = asItCame(entries, writing)
      if (untouched !== null) return untouched
      const members: [string, string][] = []
      for (const [key, kept] of entries) members.push((kept as Value).in(writing, key))
      return writing.join(members)
    },

    keep(value: unknown, path: string): Kept {
      const origin = typeof value === 'object' && value !== null ? origins.get(value) : undefined
      if (origin?.is(value, path) === true) return origin
      const text = writing.write(value, path)
      return new Value(writing, { key: null, name: null, text, live: undefined }, null)
    },

    live(kept: Kept): unknown {
      const { format } = kept as Value
      const value = (kept as Value).live()
      if (format !== writing && typeof value === 'object' && value !== null) origins.set(value, kept as Value)
      return value
    },

    same(a: Kept, b: Kept): boolean {
      return a === b || (a as Value).equals(b as Value)
    },
  }
}

const symbols = new Map<string, symbol>()

/** The symbol that stands for a key that is no text: mostly the same one for the same key, so that merging finds it again. */
function hidden(name: string): symbol {
  const symbol = symbols.get(name) ?? Symbol('a key that is no text')
  if (symbols.size === MOST_SYMBOLS) symbols.clear()
  if (name.length <= LONGEST_NAME) symbols.set(name, symbol)
  return symbol
}

/** A session as it was read, and how many keys it had. */
interface Source {
  readonly data: string
  size: number
}

/** The text that all of `entries` came from, if nothing was added and nothing is missing; else null. */
function asItCame(entries: ReadonlyMap<string, Kept>, writing: PythonFormat): string | null {
  let source: Source | null = null
  for (const [key, kept] of entries) {
    const value = kept as Value
    source ??= value.source
    if (source === null || value.source !== source || value.format !== writing || !value.isOf(key))
      return null
  }
  return source?.size === entries.size ? source.data : null
}

/** A value at rest: its text in one format. */
class Value {
  readonly format: PythonFormat
  /** What it was read in; null for a value that was made here. */
  readonly source: Source | null
  readonly #member: Member
  #live: unknown
  #canonical: string | null

  constructor(format: PythonFormat, member: Member, source: Source | null) {
    this.format = format
    this.source = source
    this.#member = member
    this.#live = member.live
    this.#canonical = source === null ? member.text : null
  }

  /** A live value that nobody else has: the one made when the text was read, once, then new ones. */
  live(): unknown {
    const live = this.#live
    if (typeof live === 'object' && live !== null) this.#live = undefined
    return live === undefined ? this.format.read(this.#member.text) : live
  }

  /** Whether it was read under this key. */
  isOf(key: string | symbol): boolean {
    return typeof key === 'symbol' || key === this.#member.key
  }

  /** Key and value as `writing` has them. */
  in(writing: PythonFormat, key: string | symbol): [name: string, text: string] {
    const { key: own, name, text } = this.#member
    const named = typeof key === 'symbol' ? own : key
    if (this.format !== writing) return [writing.name(named), writing.write(this.live(), String(named))]
    return [this.isOf(key) && name !== null ? name : writing.name(named), text]
  }

  equals(other: Value): boolean {
    if (this.format !== other.format) return false
    return this.#member.text === other.#member.text || this.canonical() === other.canonical()
  }

  /** Whether `value` is still the value that rests here. */
  is(value: unknown, path: string): boolean {
    try {
      return this.format.write(value, path) === this.canonical()
    } catch (error) {
      // What the app put in has no form in this format, so it is another value now.
      if (error instanceof SessionError) return false
      throw error
    }
  }

  /** The text as this program would write it. */
  canonical(): string {
    this.#canonical ??= this.format.write(this.format.read(this.#member.text), '')
    return this.#canonical
  }
}
