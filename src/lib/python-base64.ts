const plus = 62
const slash = 63
const pad = 61 // '='

const standard = alphabet(false)
const urlSafe = alphabet(true)

/**
 * The bytes of base64 text (itself given as bytes) exactly as CPython's lenient decoder reads it, or null where it
 * raises: foreign characters are skipped and stray low bits dropped. In the URL-safe alphabet '-' and '_' count as well.
 */
export function decodePythonBase64(text: Uint8Array, alphabet: 'standard' | 'urlSafe'): Buffer | null {
  const values = alphabet === 'urlSafe' ? urlSafe : standard
  const out = Buffer.allocUnsafe(Math.ceil((text.length * 3) / 4))
  let length = 0
  let place = 0 // which of a group's four characters comes next
  let left = 0 // bits of the group not yet written
  let pads = 0
  for (const char of text) {
    if (char === pad) {
      if (place >= 2 && place + ++pads >= 4) return out.subarray(0, length)
      continue
    }
    const value = values[char]!
    if (value < 0) continue
    pads = 0
    if (place > 0) out[length++] = (left << (2 * place)) | (value >> (6 - 2 * place))
    left = value & (63 >> (2 * place))
    place = (place + 1) % 4
  }
  return place === 0 ? out.subarray(0, length) : null
}

function alphabet(urlSafe: boolean): Int8Array {
  const values = new Int8Array(256).fill(-1)
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (let i = 0; i < 64; i++) values[letters.charCodeAt(i)] = i
  if (urlSafe) {
    values['-'.charCodeAt(0)] = plus
    values['_'.charCodeAt(0)] = slash
  }
  return values
}
