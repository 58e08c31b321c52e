/** Own properties laid over an object for a while, and put back exactly as they were found: own or inherited. */
export class Overlay<Target extends object> {
  readonly #target: Target
  readonly #keys: (keyof Target)[] = []
  readonly #found: (PropertyDescriptor | undefined)[] = []
  readonly #mine: unknown[] = []

  constructor(target: Target) {
    this.#target = target
  }

  /** Sets `key` to `value` until it is lifted, a getter too. */
  lay(key: keyof Target, value: unknown): void {
    this.remember(key)
    this.#mine[this.#mine.length - 1] = value
    Object.defineProperty(this.#target, key, { value, writable: true, enumerable: true, configurable: true })
  }

  /** Lays nothing over `key`, but `liftAll` puts it back as it is now. */
  remember(key: keyof Target): void {
    this.#keys.push(key)
    this.#found.push(Object.getOwnPropertyDescriptor(this.#target, key))
    this.#mine.push(undefined)
  }

  /** Puts back what still is as it was laid; what others have replaced since is theirs. */
  lift(): void {
    for (let i = this.#keys.length - 1; i >= 0; i--) {
      if (this.#mine[i] !== undefined && this.#target[this.#keys[i]!] === this.#mine[i]) this.#putBack(i)
    }
  }

  /** Puts everything back, whoever has replaced it since. */
  liftAll(): void {
    for (let i = this.#keys.length - 1; i >= 0; i--) this.#putBack(i)
  }

  #putBack(i: number): void {
    const found = this.#found[i]
    if (found) Object.defineProperty(this.#target, this.#keys[i]!, found)
    else Reflect.deleteProperty(this.#target, this.#keys[i]!)
  }
}
