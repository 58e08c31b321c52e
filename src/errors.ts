/** Every code a SessionError can have: a closed list. */
export type SessionErrorCode =
  /** A setting that cannot work. */
  | 'ERR_SESSION_CONFIG'
  /** A secret that is missing, too short or publicly known. */
  | 'ERR_SESSION_SECRET'
  /** A verb called with arguments it cannot use, or at a wrong moment. */
  | 'ERR_SESSION_USE'
  /** An assignment to the name of a verb. */
  | 'ERR_SESSION_RESERVED'
  /** A value that cannot be stored; the message names its path. */
  | 'ERR_SESSION_VALUE'
  /** A session larger than `maxBytes`. */
  | 'ERR_SESSION_SIZE'
  /** A cookie larger than browsers keep (4096 bytes). */
  | 'ERR_SESSION_COOKIE_SIZE'
  /** A write after the response head was sent. */
  | 'ERR_SESSION_CLOSED'
  /** A write after `destroy`. */
  | 'ERR_SESSION_ENDED'
  /** Values that do not fit the configured schema. */
  | 'ERR_SESSION_SCHEMA'
  /** The store failed; `cause` is its error. */
  | 'ERR_SESSION_STORE'
  /** The store did not answer within the deadline. */
  | 'ERR_SESSION_TIMEOUT'
  /** Too many requests changed one session for this one to get its turn within the deadline. */
  | 'ERR_SESSION_CONTENTION'
  /** Data in a token, on disk or in a database that is not hipflask's own. */
  | 'ERR_SESSION_FOREIGN'
  /** Something this store or codec cannot do by its nature. */
  | 'ERR_SESSION_UNSUPPORTED'

/** The one error hipflask throws: `code` is from a closed list, `message` says what happened, where, and what to do. */
export class SessionError extends Error {
  override readonly name: string = 'SessionError'
  readonly code: SessionErrorCode

  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
