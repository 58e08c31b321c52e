/** The base64url text (RFC 4648, no padding) of `bytes`. */
export function encodeBase64url(bytes: Uint8Array): string {
  return view(bytes).toString('base64url')
}

/** The bytes `text` stands for, or null unless it is their one canonical spelling: what `encodeBase64url` writes. */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  // Writing it again catches every other spelling at once: padding, '+', skipped characters, stray low bits.
  return bytes.toString('base64url') === text ? bytes : null
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
