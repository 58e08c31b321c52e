import { isByteArray, isFrozenSet } from '../lib/python-marks.ts'
import { isDecimal, isMarkup, isUuid, tuple } from '../lib/python-values.ts'
import { PickledObject, datetimeText, decimalText, markupText, uuidText } from './pickle-objects.ts'
import { readPickled, readPickledDict } from './pickle-read.ts'
import * as spell from './pickle-text.ts'
import type { PythonFormat } from './python-serializer.ts'
import { PythonWriter } from './python-writer.ts'
import type { PythonForm } from './python-writer.ts'

/** Where Flask keeps flashed messages: a list of tuples. */
const flashesKey = '_flashes'

const form: PythonForm = {
  none: spell.none,
  true: spell.yes,
  false: spell.no,
  holds: ", bigint, Date, Uint8Array, Map, Set, or hipflask/flask's float, tuple, uuid, markup and decimal",
  int: spell.intText,
  float: spell.floatText,
  text: spell.strText,
  list: spell.listText,
  tuple: spell.tupleText,
  dict: spell.dictText,
  key: (key, writer) => writer.hashable(key),
  special(value, writer) {
    if (value instanceof Date)
      return datetimeText(value) ?? writer.refuse('no date, or one outside the years 1 to 9999')
    if (value instanceof Uint8Array)
      return isByteArray(value) ? spell.byteArrayText(value) : spell.bytesText(value)
    if (value instanceof Map) return writer.map(value)
    if (value instanceof Set) {
      const items = [...value].map((item) => writer.hashable(item))
      return isFrozenSet(value) ? spell.frozenSetText(items) : spell.setText(items)
    }
    if (isUuid(value)) return uuidText(value.valueOf())
    if (isMarkup(value)) return markupText(value)
    if (isDecimal(value)) return decimalText(value)
    return value instanceof PickledObject ? PickledObject.textOf(value) : null
  },
}

/**
 * A session as a pickled dict (byte text). It is read by an interpreter of plain values alone, and written without memo
 * and frames, values in their own spelling here: equal in Python, not equal in bytes.
 */
export const pickleFormat: PythonFormat = {
  split: (data) =>
    readPickledDict(data).map(({ key, value, ordered }) => {
      const name = typeof key === 'string' ? null : nameOf(key)
      return { key, name, text: write(ordered, ''), live: value }
    }),
  join: (members) => `\x80\x04${spell.dictText(members)}.`,
  name: nameOf,
  read: readPickled,
  write: (value, path) =>
    write(path === flashesKey && Array.isArray(value) ? value.map(asTuple) : value, path),
}

function nameOf(key: unknown): string {
  return new PythonWriter('the key of a value', form).key(key)
}

function write(value: unknown, path: string): string {
  return new PythonWriter(path, form).write(value)
}

function asTuple(message: unknown): unknown {
  return Array.isArray(message) ? tuple(...(message as unknown[])) : message
}
