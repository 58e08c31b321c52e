import type { Kept, Serializer } from '../contracts/serializer.ts'
import { SessionError } from '../errors.ts'

/*
 * A value at rest is a tree of what JSON has. What JSON lacks is an object with one key that starts with a space:
 *   {" date":ms} {" map":[[k,v],…]} {" set":[…]} {" bigint":"1"} {" bytes":"base64url"} {" number":"NaN"} {" undefined":0}
 * The app's own objects with one such key get another space before it, so they can never be mistaken for these.
 */
type Tree = string | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree }

/** How deep values may nest. */
const maxDepth = 64

// A value that holds itself twice on each of 64 levels would unfold to more nodes than any memory has.
const maxNodes = 1_000_000

/**
 * JSON text that also keeps Date (milliseconds), Map, Set, bigint, Uint8Array, undefined, NaN, the infinities and -0.
 * `keep` throws ERR_SESSION_VALUE for functions, symbols, class instances, cycles, invalid dates and more than 64 levels.
 */
export const jsonSerializer: Serializer = {
  decode(data: string): Map<string, Kept> {
    const values: unknown = JSON.parse(data)
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new TypeError('not an object')
    const entries = new Map<string, Kept>()
    for (const key of Object.keys(values)) {
      const tree = (values as Record<string, Tree>)[key]!
      if (typeof tree === 'object' && tree !== null) verify(tree, 1)
      entries.set(key, tree)
    }
    return entries
  },

  encode(entries: ReadonlyMap<string, Kept>): string {
    // Joined, not added up: text made of pieces takes several times its size wherever it is kept.
    const parts = ['{']
    for (const [key, tree] of entries) parts.push(JSON.stringify(key), ':', JSON.stringify(tree), ',')
    if (parts.length > 1) parts.pop()
    parts.push('}')
    return parts.join('')
  },

  keep(value: unknown, path: string): Kept {
    if (typeof value !== 'object' || value === null) return restPrimitive(value, path)
    return new Rest(path).of(value, path, 1)
  },

  live(kept: Kept): unknown {
    return typeof kept === 'object' && kept !== null ? revive(kept as Tree) : kept
  },

  same(a: Kept, b: Kept): boolean {
    if (a === b) return true
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    return JSON.stringify(a) === JSON.stringify(b)
  },

  unchanged(value: unknown, kept: Kept): boolean {
    return restsAs(value, kept as Tree)
  },
}

/** Whether a live value of text, numbers, lists and plain objects rests as this tree; other kinds are for `keep` to say. */
function restsAs(value: unknown, tree: Tree): boolean {
  if (typeof value !== 'object' || value === null) return Object.is(value, tree)
  if (typeof tree !== 'object' || tree === null) return false
  if (Array.isArray(value)) {
    if (!Array.isArray(tree) || value.length !== tree.length) return false
    for (let i = 0; i < value.length; i++) if (!restsAs(value[i], (tree as readonly Tree[])[i]!)) return false
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || Array.isArray(tree)) return false
  const keys = Object.keys(value)
  const others = Object.keys(tree)
  if (keys.length !== others.length || Object.getOwnPropertySymbols(value).length > 0) return false
  // A lone key that starts with a space rests as another, and a tag is no key.
  if (keys.length === 1 && keys[0]!.charCodeAt(0) === 0x20) return false
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (key !== others[i] || !restsAs((value as Record<string, unknown>)[key], partOf(tree, key)))
      return false
  }
  return true
}

const partOf = (tree: object, key: string): Tree => (tree as Record<string, Tree>)[key]!

function refuse(path: string, what: string): never {
  throw new SessionError(
    'ERR_SESSION_VALUE',
    `${path} is ${what}, which a session cannot keep. Keep plain data: text, numbers, booleans, null, arrays, plain objects, Date, Map, Set, bigint, Uint8Array.`,
  )
}

function restPrimitive(value: unknown, path: string): Tree {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { ' number': Object.is(value, -0) ? '-0' : String(value) }
    case 'bigint':
      return { ' bigint': value.toString() }
    case 'undefined':
      return { ' undefined': 0 }
    case 'object':
      return null
    case 'symbol':
      return refuse(path, 'a symbol')
    case 'function':
      return refuse(path, 'a function')
  }
}

/** One value on its way to rest: what is above the current node, and how many nodes there were. */
class Rest {
  readonly #above: object[] = []
  readonly #root: string
  #nodes = 0

  constructor(root: string) {
    this.#root = root
  }

  of(value: unknown, path: string, depth: number): Tree {
    if (typeof value !== 'object' || value === null) return restPrimitive(value, path)
    if (depth > maxDepth) refuse(path, `more than ${maxDepth} levels deep`)
    if (this.#above.includes(value)) refuse(path, 'a cycle')
    if (++this.#nodes > maxNodes) refuse(this.#root, `made of more than ${maxNodes} parts`)
    this.#above.push(value)
    const tree = this.#node(value, path, depth + 1)
    this.#above.pop()
    return tree
  }

  #node(value: object, path: string, depth: number): Tree {
    const above = prototypes(value)
    if (above < 2) return this.#plain(value, path, depth)
    if (value instanceof Uint8Array)
      return { ' bytes': Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64url') }
    const tree = above === 2 ? this.#builtIn(value, path, depth) : null
    return tree ?? refuse(path, `an instance of ${value.constructor?.name || 'a class'}`)
  }

  /** What is a list, Date, Map or Set itself, and no class over one; null for all else. */
  #builtIn(value: object, path: string, depth: number): Tree {
    if (Array.isArray(value)) return this.#list(value, path, depth)
    if (value instanceof Date) {
      const time = value.getTime()
      return Number.isNaN(time) ? refuse(path, 'an invalid date') : { ' date': time }
    }
    if (value instanceof Map) {
      return {
        ' map': [...value].map(([k, v], i) => [
          this.of(k, `${path}.keys()[${i}]`, depth),
          this.of(v, `${path}.get(${label(k)})`, depth),
        ]),
      }
    }
    return value instanceof Set ? { ' set': this.#list([...value], path, depth) } : null
  }

  #list(values: readonly unknown[], path: string, depth: number): Tree[] {
    const trees: Tree[] = []
    // A hole costs nothing where it is and as much as a value here.
    if (values.length > maxNodes) refuse(path, `a list of more than ${maxNodes}`)
    for (let i = 0; i < values.length; i++) trees.push(this.of(values[i], `${path}[${i}]`, depth))
    return trees
  }

  #plain(value: object, path: string, depth: number): Tree {
    if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, 'an object with a symbol for a key')
    const keys = Object.keys(value)
    const escaped = keys.length === 1 && keys[0]!.startsWith(' ') ? ' ' : ''
    const tree: Record<string, Tree> = {}
    for (const key of keys) {
      define(
        tree,
        escaped + key,
        this.of((value as Record<string, unknown>)[key], `${path}${step(key)}`, depth),
      )
    }
    return tree
  }
}

/** How many prototypes an object has: a plain one has at most one, a Date, Map, Set or list two, in whichever realm. */
function prototypes(value: object): number {
  let count = 0
  for (let up: unknown = Object.getPrototypeOf(value); up !== null; up = Object.getPrototypeOf(up)) count++
  return count
}

function label(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : typeof key
}

function step(key: string): string {
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

// Assigning `__proto__` would set the prototype instead of a key.
function define<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  else target[key] = value
}

/** The tag of a tagged node, or null. */
function tagOf(tree: { readonly [key: string]: Tree }): string | null {
  let only: string | null = null
  for (const key in tree) {
    if (only !== null || key.charCodeAt(0) !== 0x20) return null
    only = key
  }
  return only
}

function revive(tree: Tree): unknown {
  if (typeof tree !== 'object' || tree === null) return tree
  if (Array.isArray(tree)) return tree.map(revive)
  const object = tree as { readonly [key: string]: Tree }
  const tag = tagOf(object)
  if (tag !== null)
    return tag.charCodeAt(1) === 0x20
      ? { [tag.slice(1)]: revive(object[tag]!) }
      : tags.get(tag)!.revive(object[tag]!)
  const value: Record<string, unknown> = {}
  for (const key of Object.keys(object)) define(value, key, revive(object[key]!))
  return value
}

interface Tag {
  readonly fits: (content: Tree) => boolean
  readonly revive: (content: Tree) => unknown
}

const numbers = new Set<Tree>(['NaN', 'Infinity', '-Infinity', '-0'])

const tags: ReadonlyMap<string, Tag> = new Map<string, Tag>([
  [
    ' date',
    { fits: (c) => typeof c === 'number' && Math.abs(c) <= 8.64e15, revive: (c) => new Date(c as number) },
  ],
  [
    ' map',
    {
      fits: (c) => Array.isArray(c) && c.every((pair) => Array.isArray(pair) && pair.length === 2),
      revive: (c) => new Map((c as [Tree, Tree][]).map(([k, v]) => [revive(k), revive(v)])),
    },
  ],
  [' set', { fits: Array.isArray, revive: (c) => new Set((c as Tree[]).map(revive)) }],
  [
    ' bigint',
    { fits: (c) => typeof c === 'string' && /^-?\d+$/.test(c), revive: (c) => BigInt(c as string) },
  ],
  [
    ' bytes',
    {
      fits: (c) => typeof c === 'string' && /^[\w-]*$/.test(c),
      revive: (c) => new Uint8Array(Buffer.from(c as string, 'base64url')),
    },
  ],
  [' number', { fits: (c) => numbers.has(c), revive: Number }],
  [' undefined', { fits: (c) => c === 0, revive: () => undefined }],
])

/** Throws unless the tree could have been written here, so that reviving any part of it later cannot fail. */
function verify(tree: Tree, depth: number): void {
  if (typeof tree !== 'object' || tree === null) return
  // A Map rests as an object with a list of pairs: three levels for one; and at the bottom there may be a tag.
  if (depth > 3 * maxDepth + 1) throw new RangeError('nested too deeply')
  if (!Array.isArray(tree)) {
    const tag = tagOf(tree as { readonly [key: string]: Tree })
    if (
      tag !== null &&
      tag.charCodeAt(1) !== 0x20 &&
      tags.get(tag)?.fits((tree as Record<string, Tree>)[tag]!) !== true
    ) {
      throw new TypeError('holds an unknown tag')
    }
  }
  for (const part of Object.values(tree)) verify(part, depth + 1)
}
