/** A value at rest: whatever form the serializer keeps it in; opaque to everyone else. */
export type Kept = unknown

/** How the values of a session become text and come back. Pure: no clock, no I/O, no promises. */
export interface Serializer {
  /** True where the text is bytes, one character (U+0000 to U+00FF) for each. Default: it is text, kept as UTF-8. */
  readonly bytes?: boolean
  /** Splits stored text into keys and values at rest; throws (any error) when the text is no session. */
  decode(data: string): Map<string, Kept>
  /** The text of a whole session; what `decode` answered and nobody touched comes out as it came in. */
  encode(entries: ReadonlyMap<string, Kept>): string
  /** A live value at rest; `path` (`cart.items[2]`) starts the path named by the SessionError ERR_SESSION_VALUE it throws. */
  keep(value: unknown, path: string): Kept
  /** A fresh live value, which the app may change without touching `kept`. */
  live(kept: Kept): unknown
  /** Whether two values at rest are the same value. */
  same(a: Kept, b: Kept): boolean
  /** True only if `keep(value)` would be the same as `kept`; false where that is not plain to see. Default: always false. */
  unchanged?(value: unknown, kept: Kept): boolean
}
