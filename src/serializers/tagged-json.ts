import type { Kept, Serializer } from '../contracts/serializer.ts'
import { sortByCodePoint } from '../lib/code-point-order.ts'
import { JsonReader, MAX_DEPTH, openBrace } from '../lib/python-json-read.ts'
import { JsonWriter, escaped, quoteAscii } from '../lib/python-json-write.ts'
import { tuple } from '../lib/python-values.ts'
import { dictEntries } from './python-dict.ts'
import { flaskStyle, isTag, untag } from './tags.ts'

/** Where Flask keeps flashed messages: a list of tuples. */
const flashesKey = '_flashes'

/**
 * The text of Flask's `TaggedJSONSerializer`, both ways: dates, bytes, tuples, UUIDs, Markup, exact ints and floats.
 * Values nobody assigned anew come out in the very characters they came in.
 */
export const taggedJson: Serializer = {
  decode: (data: string): Map<string, Kept> => plainEntries(data) ?? readEntries(data),

  encode(entries: ReadonlyMap<string, Kept>): string {
    const keys = sortByCodePoint([...entries.keys()])
    const [only] = keys
    if (keys.length === 1 && isTag(only!)) return `{" di":{${member(`${only!}__`, entries.get(only!))}}}`
    return `{${keys.map((key) => member(key, entries.get(key))).join(',')}}`
  },

  keep,

  live(kept: Kept): unknown {
    return (kept as Value).live()
  },

  same(a: Kept, b: Kept): boolean {
    const [left, right] = [a as Value, b as Value]
    return left.text === right.text || left.canonical() === right.canonical()
  },
}

/** A value at rest: its JSON text; null until somebody asks where it is `plainText` of the live value. */
class Value {
  #text: string | null
  #canonical: string | null
  #live: unknown

  constructor(text: string | null, live: unknown, canonical: boolean) {
    this.#text = text
    this.#live = live
    this.#canonical = canonical ? text : null
  }

  get text(): string {
    return (this.#text ??= plainText(this.#live))
  }

  /** A live value that nobody else has: the one made when the text was read, once, then new ones. */
  live(): unknown {
    const live = this.#live
    if (typeof live === 'object' && live !== null) {
      this.#text ??= plainText(live)
      this.#live = undefined
    }
    return live === undefined ? read(this.text) : live
  }

  /** The text as Flask writes it. */
  canonical(): string {
    this.#canonical ??= new JsonWriter('', flaskStyle).write(read(this.text))
    return this.#canonical
  }
}

/**
 * The session of a text that says the same in JavaScript, or null. The native parser loses floats such as `1.0`, repeated
 * keys, spaces and all spellings but one; a text that comes out of it as it went in has none of them.
 */
function plainEntries(data: string): Map<string, Kept> | null {
  if (!data.startsWith('{')) return null
  let session: Record<string, unknown>
  try {
    session = JSON.parse(data) as Record<string, unknown>
  } catch {
    return null // the other reader knows what Python makes of it
  }
  if (!isPlain(session, MAX_DEPTH + 1)) return null
  if (plainText(session) !== data) return null
  const entries = new Map<string, Kept>()
  for (const key of Object.keys(session)) entries.set(key, new Value(null, session[key], false))
  return entries
}

/** Whether a value is the one that Python reads, and nests at most `levels` deep: no tag, no number it is exact about. */
function isPlain(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) || !Number.isInteger(value)
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  if (Array.isArray(value)) return value.every((part) => isPlain(part, levels - 1))
  const object = value as Record<string, unknown>
  const keys = Object.keys(object)
  if (keys.length === 1 && isTag(keys[0]!)) return false
  return keys.every((key) => isPlain(object[key], levels - 1))
}

function readEntries(data: string): Map<string, Kept> {
  const reader = new JsonReader(data, untag)
  reader.space()
  if (!reader.take(openBrace)) return fromDict(reader.whole())
  const entries = new Map<string, Value>()
  reader.members((key) => {
    const start = reader.at
    const value = reader.value()
    entries.set(key, new Value(data.slice(start, reader.at), value, false))
  })
  reader.end()
  const [key] = entries.keys()
  if (entries.size !== 1 || !isTag(key!)) return entries
  return fromDict(untag({ [key!]: entries.get(key!)!.live() }, key!))
}

/** JSON in ASCII, the keys as they stand. */
function plainText(value: unknown): string {
  const text = JSON.stringify(value)
  return /[^ -~]/.test(text) ? text.replace(/[^ -~]/g, escaped) : text
}

function keep(value: unknown, path: string): Kept {
  if (typeof value === 'string') return new Value(quoteAscii(value), undefined, true)
  const pairs = path === flashesKey && Array.isArray(value) ? value.map(asTuple) : value
  // Under a key that looks like a tag, a value may come to stand inside one more object.
  const depth = isTag(path) ? 1 : 0
  return new Value(new JsonWriter(path, flaskStyle, depth).write(pairs), undefined, true)
}

function asTuple(message: unknown): unknown {
  return Array.isArray(message) ? tuple(...(message as unknown[])) : message
}

/** The session that Flask makes with `dict(value)` where the text was no ordinary object. */
function fromDict(value: unknown): Map<string, Kept> {
  return new Map(dictEntries(value).map(([key, part]) => [key, keep(part, key)]))
}

function member(key: string, kept: Kept): string {
  return `${quoteAscii(key)}:${(kept as Value).text}`
}

function read(text: string): unknown {
  return new JsonReader(text, untag).whole()
}
