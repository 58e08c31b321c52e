import type { Secret } from '../lib/secret.ts'
import { BadSignature, BadTimeSignature, SignatureExpired } from './errors.ts'
import { Signer } from './signer.ts'
import type { SignerOptions } from './signer.ts'
import { formOf, fromText, toText } from './text-form.ts'
import type { Same, Signable } from './text-form.ts'
import { dateOf, decodeTimestamp, encodeTimestamp, expiredAge } from './timestamp.ts'

/** Options of a TimestampSigner. */
export interface TimestampSignerOptions extends SignerOptions {
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly clock?: () => number
}

/** How old a signature may be. */
export interface AgeOptions {
  /** In seconds; a signature of exactly this age is good, one from the future is not. Default: any age and the future too. */
  readonly maxAge?: number
}

/** A value with the time of its signature (whole seconds; null after the year 9999). */
export interface Dated<T> {
  readonly value: T
  readonly dateSigned: Date | null
}

/** A Signer that also signs the time (itsdangerous 2.2's `TimestampSigner`). */
export class TimestampSigner extends Signer {
  readonly #clock: () => number

  constructor(secret: Secret | readonly Secret[], options: TimestampSignerOptions = {}) {
    super(secret, options)
    this.#clock = options.clock ?? Date.now
  }

  /** `value`, timestamp and signature with separators between. Throws ERR_SESSION_VALUE for text with a lone surrogate. */
  override sign<T extends Signable>(value: T): Same<T> {
    const form = formOf(value)
    const dated = toText(value) + this.separator(form) + encodeTimestamp(Math.floor(this.#clock() / 1000))
    return super.sign(fromText<T>(dated, form)) as Same<T>
  }

  /** The value out of what was signed; throws BadSignature, BadTimeSignature or SignatureExpired. */
  override unsign<T extends Signable>(signed: T, options: AgeOptions = {}): Same<T> {
    return this.unsignDated(signed, options).value
  }

  /** `unsign`, with the time of the signature. */
  unsignDated<T extends Signable>(signed: T, options: AgeOptions = {}): Dated<Same<T>> {
    const form = formOf(signed)
    const { value: dated, fault } = this.open(toText(signed), form)
    const sep = this.separator(form)
    const at = dated === null ? -1 : dated.lastIndexOf(sep)
    if (dated === null || at === -1) {
      const payload = dated && fromText<Signable>(dated, form)
      if (fault !== null) throw new BadSignature(fault, payload)
      throw new BadTimeSignature('There is no timestamp in the signed value.', payload, null)
    }
    const value = fromText<T>(dated.slice(0, at), form)
    const seconds = decodeTimestamp(dated.slice(at + sep.length), this.lenient)
    const dateSigned = seconds === null ? null : dateOf(seconds)
    if (fault !== null) throw new BadTimeSignature(fault, value, dateSigned)
    if (seconds === null) throw new BadTimeSignature('The timestamp is malformed.', value, null)
    const age = options.maxAge === undefined ? null : expiredAge(seconds, this.#clock(), options.maxAge)
    if (age !== null) {
      const bound = age < 0 ? 'it is from the future' : `${options.maxAge} seconds are allowed`
      throw new SignatureExpired(`The signature is ${age} seconds old, and ${bound}.`, value, dateSigned)
    }
    return { value, dateSigned }
  }

  /** Whether `unsign` would answer a value. */
  override validate(signed: Signable, options: AgeOptions = {}): boolean {
    try {
      this.unsignDated(signed, options)
      return true
    } catch (error) {
      if (error instanceof BadSignature) return false
      throw error
    }
  }
}
