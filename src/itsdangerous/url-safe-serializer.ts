import type { Secret } from '../lib/secret.ts'
import { dumpPayload, loadPayload, payloadSettings } from './payload.ts'
import type { PayloadOptions, PayloadSettings } from './payload.ts'
import { Signer } from './signer.ts'
import type { SignerOptions } from './signer.ts'

/** Options of a URLSafeSerializer. The default salt is `itsdangerous`. */
export interface UrlSafeOptions extends SignerOptions, PayloadOptions {}

/** Signed values as text for URLs (itsdangerous 2.2's `URLSafeSerializer`). */
export class URLSafeSerializer {
  readonly #signer: Signer
  readonly #settings: PayloadSettings

  /** `secret` and the options that cannot work are refused as by `Signer`. */
  constructor(secret: Secret | readonly Secret[], options: UrlSafeOptions = {}) {
    this.#signer = new Signer(secret, { ...options, salt: options.salt ?? 'itsdangerous' })
    this.#settings = payloadSettings(options)
  }

  /** The token of `value`; throws ERR_SESSION_VALUE for what JSON has no form for. */
  dumps(value: unknown): string {
    return this.#signer.sign(dumpPayload(value, this.#settings))
  }

  /** The value of a token; throws BadSignature, or BadPayload where what was signed cannot be read. */
  loads(token: string): unknown {
    return loadPayload(this.#signer.unsign(token), this.#settings)
  }
}
