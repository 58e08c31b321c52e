import { createHmac, timingSafeEqual } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { decodeBase64 } from './base64.ts'
import type { Digest } from './key.ts'
import type { TextForm } from './text-form.ts'

/** Signatures under a list of derived keys: the first signs, any of them verifies. */
export class Signatures {
  readonly #keys: readonly KeyObject[]
  readonly #digest: Digest
  readonly #lenient: boolean

  constructor(keys: readonly KeyObject[], digest: Digest, lenient: boolean) {
    this.#keys = keys
    this.#digest = digest
    this.#lenient = lenient
  }

  /** The signature of `value`, base64url. */
  of(value: string, form: TextForm): string {
    return createHmac(this.#digest, this.#keys[0]!).update(value, form).digest('base64url')
  }

  /** Which key (0 is the one that signs) made this signature of `value`, or -1; compared in constant time. */
  keyOf(value: string, signature: string, form: TextForm): number {
    const claimed = this.#lenient ? decodeBase64(signature, true, form)?.toString('base64url') : signature
    if (claimed === undefined) return -1
    const bytes = Buffer.from(claimed)
    return this.#keys.findIndex((key) => {
      const actual = Buffer.from(createHmac(this.#digest, key).update(value, form).digest('base64url'))
      return actual.length === bytes.length && timingSafeEqual(actual, bytes)
    })
  }
}
