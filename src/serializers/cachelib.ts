import type { Serializer } from '../contracts/serializer.ts'
import { pickleFormat } from './pickle.ts'
import { pythonJsonFormat } from './python-json.ts'
import { pythonSerializer } from './python-serializer.ts'
import type { PythonFormat } from './python-serializer.ts'

/** Both of cachelib's serializers may have written a file. */
function written(data: string): PythonFormat {
  return data.startsWith('\x80') ? pickleFormat : pythonJsonFormat
}

/** What cachelib's RedisCache begins a pickle with, to tell it from a plain number. */
const mark = '!'

/** cachelib's default in files: writes a pickle of plain values, reads its JSON too. Its text has one character for each byte. */
export const cachelibPickle: Serializer = pythonSerializer(pickleFormat, written)

/** cachelib's JSONSerializer in files: writes JSON, reads pickles of plain values too. Its text has one character for each byte. */
export const cachelibJson: Serializer = pythonSerializer(pythonJsonFormat, written)

/** cachelib's RedisCache: a pickle of plain values after an exclamation mark. Its text has one character for each byte. */
export const cachelibRedis: Serializer = pythonSerializer({
  ...pickleFormat,
  split(data) {
    if (!data.startsWith(mark)) throw new SyntaxError('Not a pickle as cachelib keeps it in Redis.')
    return pickleFormat.split(data.slice(mark.length))
  },
  join: (members) => mark + pickleFormat.join(members),
})
