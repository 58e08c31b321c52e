import type { Secret } from '../lib/secret.ts'
import { dumpPayload, loadPayload, payloadSettings } from './payload.ts'
import type { PayloadOptions, PayloadSettings } from './payload.ts'
import { TimestampSigner } from './timestamp-signer.ts'
import type { AgeOptions, Dated, TimestampSignerOptions } from './timestamp-signer.ts'

/** Options of a URLSafeTimedSerializer. The default salt is `itsdangerous`. */
export interface UrlSafeTimedOptions extends TimestampSignerOptions, PayloadOptions {}

/** Signed and dated values as text for URLs (itsdangerous 2.2's `URLSafeTimedSerializer`). */
export class URLSafeTimedSerializer {
  readonly #signer: TimestampSigner
  readonly #settings: PayloadSettings

  /** `secret` and the options that cannot work are refused as by `Signer`. */
  constructor(secret: Secret | readonly Secret[], options: UrlSafeTimedOptions = {}) {
    this.#signer = new TimestampSigner(secret, { ...options, salt: options.salt ?? 'itsdangerous' })
    this.#settings = payloadSettings(options)
  }

  /** The token of `value`, dated now; throws ERR_SESSION_VALUE for what JSON has no form for. */
  dumps(value: unknown): string {
    return this.#signer.sign(dumpPayload(value, this.#settings))
  }

  /** The value of a token; throws BadTimeSignature, SignatureExpired, or BadPayload where what was signed cannot be read. */
  loads(token: string, options: AgeOptions = {}): unknown {
    return this.loadsDated(token, options).value
  }

  /** `loads`, with the time of the signature. */
  loadsDated(token: string, options: AgeOptions = {}): Dated<unknown> {
    const { value, dateSigned } = this.#signer.unsignDated(token, options)
    return { value: loadPayload(value, this.#settings), dateSigned }
  }
}
