import { SessionError } from '../errors.ts'
import { MAX_DEPTH } from '../lib/python-json-read.ts'
import { isByteArray, isFrozenSet } from '../lib/python-marks.ts'
import { Float, Tuple } from '../lib/python-values.ts'
import { className, valuePath } from '../lib/value-path.ts'

// What contains itself twice on each of 64 levels would unfold to more than any memory has.
const MAX_NODES = 1_000_000

/** How one format writes each of Python's types; parts are given as they were written. */
export interface PythonForm {
  readonly none: string
  readonly true: string
  readonly false: string
  /** Null where the format has no int as large. */
  readonly int: (value: number | bigint) => string | null
  readonly float: (value: number) => string
  readonly text: (value: string) => string
  readonly list: (items: readonly string[]) => string
  readonly tuple: (items: readonly string[]) => string
  readonly dict: (members: readonly (readonly [key: string, value: string])[]) => string
  /** The key of a dict; throws by `writer.refuse` where it can be none. */
  readonly key: (key: unknown, writer: PythonWriter) => string
  /** Any other object, or null where it has no form. */
  readonly special: (value: object, writer: PythonWriter) => string | null
  /** What it can hold besides text, numbers, booleans, null, arrays and plain objects: for messages. */
  readonly holds: string
}

/**
 * Writes one value in one form. An integral number is Python's int, any other a float, Float always is. Throws
 * ERR_SESSION_VALUE, naming the path, for what has no form, and for more than 64 levels.
 */
export class PythonWriter {
  readonly #root: string
  readonly #form: PythonForm
  readonly #steps: (string | number)[] = []
  #nodes = 0
  #hashing = 0

  constructor(root: string, form: PythonForm) {
    this.#root = root
    this.#form = form
  }

  /** The value as the form has it. */
  write(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return this.#form.text(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return value ? this.#form.true : this.#form.false
      case 'bigint':
        return this.#form.int(value) ?? this.refuse('an integer larger than the format has')
      case 'object':
        return value === null ? this.#form.none : this.#object(value)
      default:
        return this.refuse(value === undefined ? 'undefined' : `a ${typeof value}`)
    }
  }

  /** The items of a list, tuple or set. */
  items(items: readonly unknown[]): string[] {
    const texts: string[] = []
    // A loop over indices: holes are undefined, and refused.
    for (let i = 0; i < items.length; i++) texts.push(this.#part(items[i], i))
    return texts
  }

  /** The dict of a Map, with keys of any type the form has. */
  map(map: ReadonlyMap<unknown, unknown>): string {
    const members: [string, string][] = []
    for (const [key, value] of map) {
      const step = typeof key === 'string' ? key : members.length
      members.push([this.key(key), this.#part(value, step)])
    }
    return this.#form.dict(members)
  }

  /** The key of a dict. */
  key(key: unknown): string {
    return this.#form.key(key, this)
  }

  /** What Python can hash, all through: a key of a dict or an element of a set. */
  hashable(value: unknown): string {
    this.#hashing += 1
    const text = this.write(value)
    this.#hashing -= 1
    return text
  }

  /** Throws: the value here is `what`. */
  refuse(what: string): never {
    throw new SessionError(
      'ERR_SESSION_VALUE',
      `${valuePath(this.#root, this.#steps)} is ${what}, which has no form here. Use text, numbers, booleans, null, arrays, plain objects${this.#form.holds}.`,
    )
  }

  #part(value: unknown, step: string | number): string {
    this.#steps.push(step)
    const text = this.write(value)
    this.#steps.pop()
    return text
  }

  #number(value: number): string {
    return (Number.isInteger(value) ? this.#form.int(value) : null) ?? this.#form.float(value)
  }

  #object(value: object): string {
    if (this.#steps.length >= MAX_DEPTH) this.refuse(`more than ${MAX_DEPTH} levels deep, or contains itself`)
    if (++this.#nodes > MAX_NODES) this.refuse(`part of a value with more than ${MAX_NODES} parts`)
    if (this.#hashing > 0 && isMutable(value)) this.refuse('or has a key that is a list, a dict or a set')
    if (value instanceof Float) return this.#form.float(value.valueOf())
    if (value instanceof Tuple) return this.#form.tuple(this.items(value))
    if (Array.isArray(value)) return this.#form.list(this.items(value))
    if (isPlain(value)) return this.#plain(value)
    return this.#form.special(value, this) ?? this.refuse(`an instance of ${className(value)}`)
  }

  #plain(value: object): string {
    const members: [string, string][] = []
    for (const [key, part] of Object.entries(value))
      // A property that is undefined is one that is not there.
      if (part !== undefined) members.push([this.key(key), this.#part(part, key)])
    return this.#form.dict(members)
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // Object.prototype of whichever realm: the one prototype that has none itself.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function isMutable(value: object): boolean {
  if (Array.isArray(value)) return !(value instanceof Tuple)
  if (value instanceof Set) return !isFrozenSet(value)
  return value instanceof Map || isByteArray(value) || isPlain(value)
}
