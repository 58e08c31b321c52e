import { fromByteText, fromDouble } from '../lib/byte-text.ts'
import { dateRest, exactDate } from '../lib/exact-date.ts'
import { MAX_DEPTH, setOwn } from '../lib/python-json-read.ts'
import { asByteArray, asFrozenSet, isByteArray } from '../lib/python-marks.ts'
import { Tuple, float, uuid } from '../lib/python-values.ts'
import { PickledObject, UnbornUuid, plainTypes } from './pickle-objects.ts'
import type { PlainType } from './pickle-objects.ts'
import { intOf, strOf } from './pickle-text.ts'

/*
 * The part of pickle that only says what there is. No opcode that CPython uses to look something up, to import or to call
 * is known here but the three that make objects of `plainTypes`, which are plain data. Nothing of Python is ever run.
 */

/** A container while it is read: it may be met again by its number, and grow later. `items` of a dict: key, value, key, … */
class Container {
  readonly kind: 'list' | 'tuple' | 'dict' | 'set' | 'frozenset'
  readonly items: unknown[]
  /** Whether Python can hash it, all through. */
  readonly hashable: boolean

  constructor(kind: Container['kind'], items: unknown[]) {
    this.kind = kind
    this.items = items
    this.hashable = (kind === 'tuple' || kind === 'frozenset') && items.every(isHashable)
  }
}

/** A name that may be called. */
class Callable {
  readonly type: PlainType

  constructor(type: PlainType) {
    this.type = type
  }
}

/** How much more a pickle may unfold to than it is long: what it names twice is written twice. */
const UNFOLDING = 32
const LEAST_UNFOLDED = 65_536

/** The value of a bare pickle, without PROTO at its begin and STOP at its end. Throws a SyntaxError that names the position. */
export function readPickled(text: string): unknown {
  return new Unfolder(text.length).live(new Machine(text).run(0, text.length))
}

/** The value of a whole pickle of protocol 2 to 5. Throws a SyntaxError that names the position. */
export function readPickle(pickle: string): unknown {
  return new Unfolder(pickle.length).live(rootOf(pickle))
}

/** A key of a pickled dict and its value. */
export interface PickledMember {
  readonly key: unknown
  readonly value: unknown
  /** The value with its dicts in the order they came in: JavaScript puts keys that are whole numbers first. */
  readonly ordered: unknown
}

/** The keys and values of a pickled dict. Throws a SyntaxError that names the position. */
export function readPickledDict(pickle: string): PickledMember[] {
  const root = rootOf(pickle)
  if (!(root instanceof Container) || root.kind !== 'dict') throw new SyntaxError('Not a pickled dict.')
  const [plain, maps] = [new Unfolder(pickle.length), new Unfolder(pickle.length, true)]
  const members: PickledMember[] = []
  for (let i = 0; i < root.items.length; i += 2) {
    plain.reordered = false
    const [key, value] = [plain.live(root.items[i]), plain.live(root.items[i + 1])]
    members.push({ key, value, ordered: plain.reordered ? maps.live(root.items[i + 1]) : value })
  }
  return members
}

function rootOf(pickle: string): unknown {
  const protocol = pickle.charCodeAt(1)
  if (pickle[0] !== '\x80' || !(protocol >= 2 && protocol <= 5) || !pickle.endsWith('.'))
    throw new SyntaxError('Not a pickle of protocol 2 to 5.')
  return new Machine(pickle).run(2, pickle.length - 1)
}

/** Takes opcodes one by one to a stack, as CPython's Unpickler does. */
class Machine {
  readonly #bytes: string
  #at = 0
  #end = 0
  readonly #stack: unknown[] = []
  readonly #marks: number[] = []
  readonly #memo = new Map<number, unknown>()

  constructor(bytes: string) {
    this.#bytes = bytes
  }

  /** The one value that the opcodes from `start` to `end` leave. */
  run(start: number, end: number): unknown {
    this.#at = start
    this.#end = end
    while (this.#at < end) this.#step(this.#bytes.charCodeAt(this.#at++))
    if (this.#stack.length !== 1 || this.#marks.length !== 0) this.#fail()
    return this.#stack[0]
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x28: // MARK
        this.#marks.push(this.#stack.length)
        return
      case 0x4e: // NONE
        return this.#push(null)
      case 0x88: // NEWTRUE
        return this.#push(true)
      case 0x89: // NEWFALSE
        return this.#push(false)
      case 0x4b: // BININT1
        return this.#push(this.#uint(1))
      case 0x4d: // BININT2
        return this.#push(this.#uint(2))
      case 0x4a: // BININT
        return this.#push(this.#uint(4) | 0)
      case 0x8a: // LONG1
        return this.#push(intOf(this.#take(this.#uint(1))))
      case 0x8b: // LONG4
        return this.#push(intOf(this.#take(this.#uint(4))))
      case 0x47: // BINFLOAT
        return this.#push(floatOf(fromDouble(this.#take(8), 0)))
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#str(1))
      case 0x58: // BINUNICODE
        return this.#push(this.#str(4))
      case 0x8d: // BINUNICODE8
        return this.#push(this.#str(8))
      case 0x43: // SHORT_BINBYTES
        return this.#push(fromByteText(this.#take(this.#uint(1))))
      case 0x42: // BINBYTES
        return this.#push(fromByteText(this.#take(this.#uint(4))))
      case 0x8e: // BINBYTES8
        return this.#push(fromByteText(this.#take(this.#uint(8))))
      case 0x96: // BYTEARRAY8
        return this.#push(asByteArray(fromByteText(this.#take(this.#uint(8)))))
      case 0x5d: // EMPTY_LIST
        return this.#push(new Container('list', []))
      case 0x7d: // EMPTY_DICT
        return this.#push(new Container('dict', []))
      case 0x8f: // EMPTY_SET
        return this.#push(new Container('set', []))
      case 0x29: // EMPTY_TUPLE
        return this.#push(new Container('tuple', []))
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(new Container('tuple', this.#popped(opcode - 0x84)))
      case 0x74: // TUPLE
        return this.#push(new Container('tuple', this.#marked()))
      case 0x91: // FROZENSET
        return this.#push(new Container('frozenset', this.#hashed(this.#marked(), 1)))
      case 0x61: // APPEND
        return this.#add('list', this.#popped(1))
      case 0x65: // APPENDS
        return this.#add('list', this.#marked())
      case 0x73: // SETITEM
        return this.#add('dict', this.#hashed(this.#popped(2), 2))
      case 0x75: // SETITEMS
        return this.#add('dict', this.#hashed(this.#marked(), 2))
      case 0x90: // ADDITEMS
        return this.#add('set', this.#hashed(this.#marked(), 1))
      case 0x94: // MEMOIZE
        return this.#memoize(this.#memo.size)
      case 0x71: // BINPUT
        return this.#memoize(this.#uint(1))
      case 0x72: // LONG_BINPUT
        return this.#memoize(this.#uint(4))
      case 0x68: // BINGET
        return this.#recall(this.#uint(1))
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#uint(4))
      case 0x95: // FRAME
        if (this.#uint(8) > this.#bytes.length - this.#at) this.#fail()
        return
      case 0x93: // STACK_GLOBAL
        return this.#name(...(this.#popped(2) as [unknown, unknown]))
      case 0x63: // GLOBAL
        return this.#name(this.#line(), this.#line())
      case 0x52: // REDUCE
        return this.#call('REDUCE')
      case 0x81: // NEWOBJ
        return this.#call('NEWOBJ')
      case 0x62: // BUILD
        return this.#build()
      default:
        return this.#fail()
    }
  }

  #push(value: unknown): void {
    this.#stack.push(value)
  }

  /** The `count` topmost values; what is below a mark belongs to somebody else. */
  #popped(count: number): unknown[] {
    const from = this.#stack.length - count
    if (from < (this.#marks.at(-1) ?? 0)) this.#fail()
    return this.#stack.splice(from)
  }

  #marked(): unknown[] {
    const mark = this.#marks.pop()
    return mark === undefined ? this.#fail() : this.#stack.splice(mark)
  }

  /** The value on top, which stays there. */
  #top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#fail()
    return this.#stack.at(-1)
  }

  #add(kind: Container['kind'], items: readonly unknown[]): void {
    const container = this.#top()
    if (!(container instanceof Container) || container.kind !== kind) return this.#fail()
    for (const item of items) container.items.push(item)
  }

  /** Every `step`th of `items`, from the first, must be what Python can hash. */
  #hashed(items: unknown[], step: number): unknown[] {
    if (items.length % step !== 0) this.#fail()
    for (let i = 0; i < items.length; i += step) if (!isHashable(items[i])) this.#fail()
    return items
  }

  #memoize(index: number): void {
    this.#memo.set(index, this.#top())
  }

  #recall(index: number): void {
    if (!this.#memo.has(index)) this.#fail()
    this.#push(this.#memo.get(index))
  }

  #name(module: unknown, name: unknown): void {
    const type =
      typeof module === 'string' && typeof name === 'string' ? plainTypes.get(`${module} ${name}`) : undefined
    this.#push(type === undefined ? this.#fail() : new Callable(type))
  }

  #call(by: PlainType['by']): void {
    const [callable, args] = this.#popped(2)
    if (!(callable instanceof Callable) || callable.type.by !== by) return this.#fail()
    if (!(args instanceof Container) || args.kind !== 'tuple') return this.#fail()
    this.#push(callable.type.make(args.items) ?? this.#fail())
  }

  /** CPython's state of a UUID is its number, and sometimes whether it was made safely, which does not count. */
  #build(): void {
    const [state] = this.#popped(1)
    const unborn = this.#top()
    if (!(unborn instanceof UnbornUuid) || unborn.number !== null) return this.#fail()
    if (!(state instanceof Container) || state.kind !== 'dict' || state.items[0] !== 'int')
      return this.#fail()
    const [, number, ...rest] = state.items
    if (typeof number !== 'number' && typeof number !== 'bigint') return this.#fail()
    if (number < 0 || number >= 2n ** 128n || (rest.length > 0 && (rest[0] !== 'is_safe' || rest.length > 2)))
      return this.#fail()
    unborn.number = BigInt(number)
  }

  #str(width: number): string {
    return strOf(this.#take(this.#uint(width))) ?? this.#fail()
  }

  #line(): string {
    const end = this.#bytes.indexOf('\n', this.#at)
    if (end === -1 || end >= this.#end) this.#fail()
    const line = this.#bytes.slice(this.#at, end)
    this.#at = end + 1
    return line
  }

  /** A whole number, the lowest byte first. */
  #uint(width: number): number {
    const bytes = this.#take(width)
    let value = 0
    for (let i = width - 1; i >= 0; i--) value = value * 256 + bytes.charCodeAt(i)
    return value
  }

  #take(size: number): string {
    const start = this.#at
    if (size > this.#end - start) this.#fail()
    this.#at = start + size
    return this.#bytes.slice(start, this.#at)
  }

  #fail(): never {
    throw new SyntaxError(`Not a pickle of plain values, at position ${this.#at}.`)
  }
}

/** Makes live values of what was read, each its own; a container that holds itself, or too much of itself, is refused. */
class Unfolder {
  /** Whether an object was made that may not have its keys in the order they came in. */
  reordered = false
  readonly #mapsOnly: boolean
  #left: number
  #depth = 0

  constructor(length: number, mapsOnly: boolean = false) {
    this.#left = length * UNFOLDING + LEAST_UNFOLDED
    this.#mapsOnly = mapsOnly
  }

  live(node: unknown): unknown {
    this.#spend(1)
    switch (typeof node) {
      case 'string':
        this.#spend(node.length)
        return node
      case 'bigint':
        // The number itself is met again, not copied; written it has its bytes.
        this.#spend(BigInt.asIntN(64, node) === node ? 8 : node.toString(16).length)
        return node
      case 'object':
        return node === null ? null : this.#object(node)
      default:
        return node
    }
  }

  #object(node: object): unknown {
    if (node instanceof Container) return this.#container(node)
    if (node instanceof UnbornUuid) {
      if (node.number === null) this.#fail()
      return uuid(node.number.toString(16).padStart(32, '0'))
    }
    if (node instanceof Callable) this.#fail()
    if (node instanceof Uint8Array) {
      this.#spend(node.length)
      return isByteArray(node) ? asByteArray(node.slice()) : node.slice()
    }
    if (node instanceof Date) {
      const { micros, pickled } = dateRest(node)!
      this.#spend(pickled!.length)
      return exactDate(node.getTime(), micros, pickled)
    }
    if (node instanceof PickledObject) this.#spend(PickledObject.textOf(node).length)
    const text: unknown = node.valueOf()
    if (typeof text === 'string') this.#spend(text.length)
    return node
  }

  #container(container: Container): unknown {
    const { kind, items } = container
    if (kind === 'dict') return this.#dict(container)
    this.#enter()
    const parts = items.map((item) => this.live(item))
    this.#depth--
    if (kind === 'list') return parts
    if (kind === 'tuple') return Object.freeze(Tuple.from(parts))
    return kind === 'set' ? new Set(parts) : asFrozenSet(new Set(parts))
  }

  #dict({ items }: Container): unknown {
    this.#enter()
    const members: [unknown, unknown][] = []
    for (let i = 0; i < items.length; i += 2) members.push([this.live(items[i]), this.live(items[i + 1])])
    this.#depth--
    if (this.#mapsOnly || !members.every(([key]) => typeof key === 'string')) return new Map(members)
    const object: Record<string, unknown> = {}
    for (const [key, value] of members as [string, unknown][]) {
      this.reordered ||= /^\d+$/.test(key)
      setOwn(object, key, value)
    }
    return object
  }

  #enter(): void {
    if (++this.#depth > MAX_DEPTH) this.#fail()
  }

  #spend(count: number): void {
    this.#left -= count
    if (this.#left < 0) this.#fail()
  }

  #fail(): never {
    throw new SyntaxError(
      'Not a pickle of plain values: a part is unfinished, too deep, or unfolds to too much.',
    )
  }
}

function isHashable(value: unknown): boolean {
  if (value instanceof Container) return value.hashable
  return !(value instanceof Callable) && !(value instanceof Uint8Array && isByteArray(value))
}

function floatOf(value: number): unknown {
  return Number.isInteger(value) ? float(value) : value
}
