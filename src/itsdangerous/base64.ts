import { decodeBase64url } from '../lib/base64url.ts'
import { decodePythonBase64 } from '../lib/python-base64.ts'
import type { TextForm } from './text-form.ts'

/** The bytes of base64url text, or null: its canonical spelling only, or everything Python takes if `lenient`. */
export function decodeBase64(text: string, lenient: boolean, form: TextForm = 'utf8'): Buffer | null {
  if (!lenient) return decodeBase64url(text)
  // As itsdangerous does: padded by the length in bytes, foreign characters included.
  const bytes = Buffer.from(text, form)
  return decodePythonBase64(Buffer.concat([bytes, Buffer.from('='.repeat(-bytes.length & 3))]), 'urlSafe')
}
