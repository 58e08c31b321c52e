import { SessionError } from '../errors.ts'
import { readSecrets } from '../lib/secret.ts'
import type { Secret } from '../lib/secret.ts'
import { BadSignature } from './errors.ts'
import { deriveKey } from './key.ts'
import type { Digest, KeyDerivation } from './key.ts'
import { Signatures } from './signature.ts'
import { formOf, fromText, toText } from './text-form.ts'
import type { Same, Signable, TextForm } from './text-form.ts'

/** Options of a Signer. */
export interface SignerOptions {
  /** What the signature is for: values signed under another salt do not verify. Default `itsdangerous.Signer`. */
  readonly salt?: string | Uint8Array
  /** What stands between value and signature: not only letters, digits, `-`, `_` and `=`. Default `.`. */
  readonly sep?: string
  /** Default `django-concat`, as in the library; Flask uses `hmac`. */
  readonly keyDerivation?: KeyDerivation
  /** Default `sha1`. */
  readonly digest?: Digest
  /** Take every spelling of base64 that Python takes, not only the canonical one. Default false. */
  readonly lenient?: boolean
}

// A lone surrogate has no UTF-8 form and would be signed like the replacement character.
const loneSurrogate = /\p{Surrogate}/u

/** Signs values, and takes values out of what it signed (itsdangerous 2.2's `Signer`). */
export class Signer {
  protected readonly sep: string
  protected readonly lenient: boolean
  readonly #signatures: Signatures

  /**
   * `secret` is one secret, or several from oldest to newest: the newest signs, all verify. Throws ERR_SESSION_SECRET for
   * a missing secret (in production also for a weak one) and ERR_SESSION_CONFIG for options that cannot work.
   */
  constructor(secret: Secret | readonly Secret[], options: SignerOptions = {}) {
    const {
      salt = 'itsdangerous.Signer',
      sep = '.',
      keyDerivation = 'django-concat',
      digest = 'sha1',
    } = options
    if (/^[A-Za-z0-9\-_=]*$/.test(sep)) {
      throw new SessionError(
        'ERR_SESSION_CONFIG',
        '`sep` needs a character that no signature has: one besides letters, digits, "-", "_" and "=".',
      )
    }
    const secrets: readonly Secret[] = Array.isArray(secret) ? (secret as Secret[]) : [secret as Secret]
    const use = { owner: 'itsdangerous', minBytes: 16 }
    const keys = readSecrets(secrets.at(-1) as Secret, secrets.slice(0, -1), use)
    this.sep = sep
    this.lenient = options.lenient ?? false
    this.#signatures = new Signatures(
      keys.map((key) => deriveKey(key, salt, digest, keyDerivation)),
      digest,
      this.lenient,
    )
  }

  /** `value`, separator and signature in a row. Throws ERR_SESSION_VALUE for text with a lone surrogate. */
  sign<T extends Signable>(value: T): Same<T> {
    const text = toText(value)
    if (loneSurrogate.test(text)) {
      throw new SessionError(
        'ERR_SESSION_VALUE',
        'A lone surrogate has no UTF-8 form, so it cannot be signed.',
      )
    }
    const form = formOf(value)
    return fromText<T>(text + this.separator(form) + this.#signatures.of(text, form), form)
  }

  /** The value out of what was signed; throws BadSignature. */
  unsign<T extends Signable>(signed: T): Same<T> {
    const form = formOf(signed)
    const { value, fault } = this.open(toText(signed), form)
    if (value === null || fault !== null) throw new BadSignature(fault!, value && fromText(value, form))
    return fromText<T>(value, form)
  }

  /** Whether `unsign` would answer a value. */
  validate(signed: Signable): boolean {
    return this.open(toText(signed), formOf(signed)).fault === null
  }

  /** The separator as text in a form. */
  protected separator(form: TextForm): string {
    return form === 'utf8' ? this.sep : Buffer.from(this.sep, 'utf8').toString('latin1')
  }

  /** What stands before the last separator (null: there is none), and what is wrong with the signature after it, or null. */
  protected open(signed: string, form: TextForm): { value: string | null; fault: string | null } {
    const sep = this.separator(form)
    const at = signed.lastIndexOf(sep)
    if (at === -1) return { value: null, fault: 'There is no separator in the signed value.' }
    const value = signed.slice(0, at)
    const key = this.#signatures.keyOf(value, signed.slice(at + sep.length), form)
    const fits = key !== -1 && !loneSurrogate.test(value)
    return { value, fault: fits ? null : 'The signature does not match.' }
  }
}
