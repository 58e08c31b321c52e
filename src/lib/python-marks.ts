const frozen = new WeakSet<ReadonlySet<unknown>>()
const mutable = new WeakSet<Uint8Array>()

/** `set`, from now on known to be a Python frozenset. */
export function asFrozenSet<T>(set: Set<T>): Set<T> {
  frozen.add(set)
  return set
}

/** Whether `set` was read from a Python frozenset. */
export function isFrozenSet(set: object): boolean {
  return frozen.has(set as Set<unknown>)
}

/** `bytes`, from now on known to be a Python bytearray. */
export function asByteArray(bytes: Uint8Array): Uint8Array {
  mutable.add(bytes)
  return bytes
}

/** Whether `bytes` were read from a Python bytearray. */
export function isByteArray(bytes: object): boolean {
  return mutable.has(bytes as Uint8Array)
}
