import type { Serializer } from '../contracts/serializer.ts'
import { msgpackFormat } from './msgpack.ts'
import { msgspecJsonFormat } from './python-json.ts'
import { pythonSerializer } from './python-serializer.ts'
import type { PythonFormat } from './python-serializer.ts'

/** Either format may be in a store at any time; Flask-Session writes what is configured and reads both. */
function written(data: string): PythonFormat {
  return /^[ \t\r\n]*\{/.test(data) ? msgspecJsonFormat : msgpackFormat
}

/** Flask-Session's default: writes msgspec's msgpack, reads its JSON too. Its text has one character for each byte. */
export const flaskMsgpack: Serializer = pythonSerializer(msgpackFormat, written)

/** Flask-Session's other format: writes msgspec's JSON, reads its msgpack too. Its text has one character for each byte. */
export const flaskJson: Serializer = pythonSerializer(msgspecJsonFormat, written)
