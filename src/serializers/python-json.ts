import { fromUtf8, toUtf8 } from '../lib/byte-text.ts'
import { dateRest } from '../lib/exact-date.ts'
import { JsonReader, openBrace } from '../lib/python-json-read.ts'
import { MAX_DIGITS, floatText } from '../lib/python-number.ts'
import { quoteAscii } from '../lib/python-json-write.ts'
import { isDecimal, isFloat, isUuid } from '../lib/python-values.ts'
import type { Member, PythonFormat } from './python-serializer.ts'
import { PythonWriter } from './python-writer.ts'
import type { PythonForm } from './python-writer.ts'

const loneSurrogate = /\p{Surrogate}/u
const loneSurrogates = /\p{Surrogate}/gu

/** A session as msgspec's JSON, which Flask-Session stores with SESSION_SERIALIZATION_FORMAT = 'json' (byte text). */
export const msgspecJsonFormat: PythonFormat = jsonFormat(
  {
    ...plainForm((text) => JSON.stringify(text.replace(loneSurrogates, '\ufffd')), ',', ':'),
    float: msgspecFloat,
    holds: ", bigint, Date, Uint8Array, Map, or hipflask/flask's float, tuple and uuid",
    special(value, writer) {
      if (value instanceof Map) return writer.map(value)
      const text = msgspecText(value, writer)
      return text === null ? null : JSON.stringify(text)
    },
  },
  true,
)

/** A session as Python's own `json` writes it by default: cachelib's JSONSerializer (byte text). */
export const pythonJsonFormat: PythonFormat = jsonFormat(plainForm(quoteAscii, ', ', ': '), false)

function jsonFormat(form: PythonForm, strict: boolean): PythonFormat {
  return {
    split(data) {
      const text = fromUtf8(data)
      if (text === null) throw new SyntaxError('Not UTF-8.')
      const reader = new JsonReader(text, null)
      const members: Member[] = []
      reader.space()
      if (!reader.take(openBrace)) reader.fail()
      reader.members((key) => {
        const start = reader.at
        const live = reader.value()
        if (strict) refuseLoose(live)
        members.push({ key, name: null, text: text.slice(start, reader.at), live })
      })
      reader.end()
      if (strict) for (const { key } of members) refuseLoose(key)
      return members
    },
    join: (members) => toUtf8(form.dict(members)),
    name: (key) => new PythonWriter('the key of a value', form).key(key),
    read: (text) => new JsonReader(text, null).whole(),
    write: (value, path) => new PythonWriter(path, form).write(value),
  }
}

/** JSON with nothing but what JSON has. */
function plainForm(quote: (text: string) => string, comma: string, colon: string): PythonForm {
  const list = (items: readonly string[]): string => `[${items.join(comma)}]`
  return {
    none: 'null',
    true: 'true',
    false: 'false',
    holds: ", bigint, or hipflask/flask's float and tuple",
    int,
    float: floatText,
    text: quote,
    list,
    tuple: list,
    dict: (members) => `{${members.map(([key, value]) => key + colon + value).join(comma)}}`,
    key(key, writer) {
      if (typeof key === 'string') return quote(key)
      if (key instanceof Uint8Array) return quote(Buffer.from(key).toString('base64'))
      const isNumber = typeof key === 'number' || typeof key === 'bigint' || isFloat(key)
      return isNumber
        ? quote(writer.write(key))
        : writer.refuse('or has a key that is neither text nor a number')
    },
    special: () => null,
  }
}

function int(value: number | bigint): string | null {
  const text = BigInt(value).toString()
  return text.length > MAX_DIGITS ? null : text
}

/** msgspec's text of what JSON lacks, or null. */
function msgspecText(value: object, writer: PythonWriter): string | null {
  if (value instanceof Date)
    return dateText(value) ?? writer.refuse('no date, or one outside the years 1 to 9999')
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  return isUuid(value) || isDecimal(value) ? value.valueOf() : null
}

/** RFC 3339 in UTC, with six digits of a second's fraction or none. */
function dateText(date: Date): string | null {
  const year = date.getUTCFullYear()
  if (Number.isNaN(year) || year < 1 || year > 9999) return null
  const iso = date.toISOString()
  const micros = iso.slice(20, 23) + String(dateRest(date)?.micros ?? 0).padStart(3, '0')
  return iso.slice(0, 19) + (micros === '000000' ? '' : `.${micros}`) + 'Z'
}

/** The shortest digits, with a point where the exponent is from -5 to 15; NaN and the infinities are null. */
function msgspecFloat(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  const [mantissa = '', power = ''] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent < -5 || exponent > 15) return `${mantissa}e${exponent}`
  if (exponent !== -5) return floatText(value)
  return `${value < 0 ? '-' : ''}0.0000${mantissa.replace(/[-.]/g, '')}`
}

/** Throws at what Python's own `json` reads, and msgspec does not: NaN, the infinities, lone surrogates. */
function refuseLoose(value: unknown): void {
  if (typeof value === 'string' && loneSurrogate.test(value)) throw new SyntaxError('A lone surrogate.')
  if (typeof value === 'number' && !Number.isFinite(value)) throw new SyntaxError('Not a number of JSON.')
  if (typeof value !== 'object' || value === null || isFloat(value)) return
  for (const [key, part] of Object.entries(value)) {
    refuseLoose(key)
    refuseLoose(part)
  }
}
