import { SessionError } from '../errors.ts'

/** Data that is not what it should be; the kinds below say what exactly. Nothing signed is ever in a message. */
export class BadData extends SessionError {
  override readonly name: string = 'BadData'

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_SESSION_FOREIGN', message, options)
  }
}

/** A signature that does not fit. `payload` is what came with it, not to be trusted, or null where nothing could be split off. */
export class BadSignature extends BadData {
  override readonly name: string = 'BadSignature'
  readonly #payload: string | Uint8Array | null

  constructor(message: string, payload: string | Uint8Array | null) {
    super(message)
    this.#payload = payload
  }

  // A getter, so that logging the error does not show it.
  get payload(): string | Uint8Array | null {
    return this.#payload
  }
}

/** A signature that does not fit, or no longer: `dateSigned` is the time it names, or null; trust it only if it expired. */
export class BadTimeSignature extends BadSignature {
  override readonly name: string = 'BadTimeSignature'
  readonly dateSigned: Date | null

  constructor(message: string, payload: string | Uint8Array | null, dateSigned: Date | null) {
    super(message, payload)
    this.dateSigned = dateSigned
  }
}

/** A good signature older than `maxAge`, or from the future. */
export class SignatureExpired extends BadTimeSignature {
  override readonly name: string = 'SignatureExpired'
}

/** A good signature around what cannot be read; `originalError` says why, or is null. Not a BadSignature. */
export class BadPayload extends BadData {
  override readonly name: string = 'BadPayload'
  readonly originalError: unknown

  constructor(message: string, originalError: unknown) {
    super(message, originalError === null ? undefined : { cause: originalError })
    this.originalError = originalError
  }
}
