import { JsonReader } from '../lib/python-json-read.ts'
import { JsonWriter } from '../lib/python-json-write.ts'
import type { JsonStyle } from '../lib/python-json-write.ts'
import { isMarkup, isTuple } from '../lib/python-values.ts'

/** How values become text and come back; the global `JSON` is one. */
export interface TextCodec {
  stringify(value: unknown): string | undefined
  parse(text: string): unknown
}

// What Python's json writes with the library's settings: compact, not ASCII only, keys in their order.
const style: JsonStyle = {
  quote: (text) => JSON.stringify(text),
  sorted: false,
  holds: ", bigint, or hipflask/flask's tuple, float and markup",
  special(value, writer) {
    if (isTuple(value)) return writer.part([...value], null, 0)
    return isMarkup(value) ? JSON.stringify(value) : null
  },
  single: () => null,
}

/** JSON as Python reads and writes it: NaN and the infinities, exact ints (bigint beyond 2^53), `1.0` as a Float. */
export const pythonJson: TextCodec = {
  stringify: (value) => new JsonWriter('value', style).write(value),
  parse: (text) => new JsonReader(text, null).whole(),
}
