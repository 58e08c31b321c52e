import { isUtf8 } from 'node:buffer'
import { deflateSync, inflateSync } from 'node:zlib'
import { SessionError } from '../errors.ts'
import { encodeBase64url } from '../lib/base64url.ts'
import { decodeBase64 } from './base64.ts'
import { BadPayload } from './errors.ts'
import { pythonJson } from './json.ts'
import type { TextCodec } from './json.ts'

/** Options of the serializers. */
export interface PayloadOptions {
  /** How values become text. Default: JSON as Python writes and reads it; the global `JSON` serves as well. */
  readonly json?: TextCodec
  /** The most bytes a compressed payload may inflate to. Default 65536. */
  readonly maxInflated?: number
  /** Also reads base64 that is not canonical and bytes after the zlib data, as Python does. Default false. */
  readonly lenient?: boolean
}

/** Options with their defaults. */
export type PayloadSettings = Required<PayloadOptions>

// Zlib is given as much room as it will mostly need: by default it takes 16 KiB each time.
const LEAST_CHUNK = 64

/** The defaults for what is not given. */
export function payloadSettings({ json, maxInflated, lenient }: PayloadOptions): PayloadSettings {
  return { json: json ?? pythonJson, maxInflated: maxInflated ?? 65_536, lenient: lenient ?? false }
}

/** The payload of a value; throws ERR_SESSION_VALUE for one that has no text. */
export function dumpPayload(value: unknown, { json }: PayloadSettings): string {
  const text = json.stringify(value)
  if (text === undefined) throw new SessionError('ERR_SESSION_VALUE', 'The value has no JSON text.')
  return packPayload(text)
}

/** The value of a payload; throws BadPayload. Give it only what a good signature covers. */
export function loadPayload(payload: string, settings: PayloadSettings): unknown {
  const text = unpackPayload(payload, settings)
  try {
    return settings.json.parse(text)
  } catch (error) {
    throw new BadPayload('The payload is no JSON text.', error)
  }
}

/** Text for a URL or a cookie: base64url of UTF-8, of its zlib form after a leading dot where that is shorter. */
export function packPayload(text: string): string {
  const bytes = Buffer.from(text, 'utf8')
  const compressed = deflateSync(bytes, { chunkSize: Math.max(LEAST_CHUNK, bytes.length) })
  return compressed.length < bytes.length - 1 ? `.${encodeBase64url(compressed)}` : encodeBase64url(bytes)
}

/** The text that was packed; throws BadPayload. Give it only what a good signature covers. */
export function unpackPayload(payload: string, limits: Omit<PayloadSettings, 'json'>): string {
  const compressed = payload.startsWith('.')
  const decoded = decodeBase64(compressed ? payload.slice(1) : payload, limits.lenient)
  if (decoded === null) throw new BadPayload('The payload is not base64url text.', null)
  const bytes = compressed ? inflate(decoded, limits) : decoded
  if (!isUtf8(bytes)) throw new BadPayload('The payload is not UTF-8 text.', null)
  return bytes.toString('utf8')
}

function inflate(bytes: Buffer, { maxInflated, lenient }: Omit<PayloadSettings, 'json'>): Buffer {
  let inflated: { buffer: Buffer; engine: { bytesWritten: number } }
  try {
    const chunkSize = Math.max(LEAST_CHUNK, bytes.length * 4)
    inflated = inflateSync(bytes, { chunkSize, maxOutputLength: maxInflated, info: true }) as never
  } catch (error) {
    throw new BadPayload(`The payload is not zlib data of at most ${maxInflated} bytes.`, error)
  }
  // `bytesWritten` is how much of the input the stream took.
  if (!lenient && inflated.engine.bytesWritten !== bytes.length) {
    throw new BadPayload('The payload has bytes after its zlib data.', null)
  }
  return inflated.buffer
}
