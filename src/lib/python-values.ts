/** A Python tuple: a frozen array that is written as a tuple again. `map`, `filter` and the like answer plain arrays. */
export class Tuple<T = unknown> extends Array<T> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }
}

/** A Python float that JavaScript would take for an int, such as `1.0`: a frozen number object, so it calculates as usual. */
export class Float extends Number {}

/** A Python UUID: a frozen string object of its hyphenated, lower-case form. */
export class Uuid extends String {}

/** A `markupsafe.Markup`: HTML that Python takes for safe, as a frozen string object. */
export class Markup extends String {}

/** A Python `Decimal`: a frozen string object of its exact text. */
export class Decimal extends String {}

/** A Python tuple of `items`. */
export function tuple<T extends readonly unknown[]>(...items: T): Readonly<T> & Tuple<T[number]> {
  const made = new Tuple<T[number]>()
  for (const item of items) made.push(item)
  return Object.freeze(made) as unknown as Readonly<T> & Tuple<T[number]>
}

/** `value` as a Python float even where it is integral: `float(1)` is `1.0` there. */
export function float(value: number): Float {
  return Object.freeze(new Float(value))
}

/** A Python UUID from 32 hexadecimal digits, hyphens, braces and `urn:uuid:` allowed as Python does; else a TypeError. */
export function uuid(text: string): Uuid {
  const hex = text
    .replaceAll('urn:', '')
    .replaceAll('uuid:', '')
    .replace(/^[{}]+|[{}]+$/g, '')
    .replaceAll('-', '')
    .toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(hex)) throw new TypeError('uuid(text): text must have 32 hexadecimal digits.')
  return Object.freeze(new Uuid(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')))
}

/** HTML that Python is to take for safe. Never call it on text from a visitor. */
export function markup(html: string): Markup {
  return Object.freeze(new Markup(html))
}

/** A Python `Decimal` from its text, such as `1.50`; a TypeError where Python raises an error. */
export function decimal(text: string): Decimal {
  if (!/^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|s?nan\d*)$/i.test(text))
    throw new TypeError('decimal(text): text must be a number.')
  return Object.freeze(new Decimal(text))
}

/** Whether `value` is a Python tuple. */
export function isTuple(value: unknown): value is Tuple {
  return value instanceof Tuple
}

/** Whether `value` is a Python float that JavaScript would take for an int. */
export function isFloat(value: unknown): value is Float {
  return value instanceof Float
}

/** Whether `value` is a Python UUID. */
export function isUuid(value: unknown): value is Uuid {
  return value instanceof Uuid
}

/** Whether `value` is a Markup. */
export function isMarkup(value: unknown): value is Markup {
  return value instanceof Markup
}

/** Whether `value` is a Python `Decimal`. */
export function isDecimal(value: unknown): value is Decimal {
  return value instanceof Decimal
}
