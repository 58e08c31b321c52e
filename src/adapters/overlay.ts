/** Own properties laid over an object for a while, and put back exactly as they were found: own or inherited. */
export class Overlay<Target extends object> {
  readonly #target: Target
  readonly #keys: (keyof Target)[] = []
  readonly #found: (PropertyDescriptor | undefined)[] = []
  readonly #mine: unknown[] = []

  constructor(target: Target) {
    this.#target = target
  }

  /** Sets a method or another plain property until it is lifted. */
  lay<Key extends keyof Target>(key: Key, value: Target[Key]): void {
    const found = this.#remember(key, value)
    if (found === undefined || 'value' in found) this.#target[key] = value
    else this.#define(key, value)
  }

  /** Sets `key` until it is lifted, where an assignment would meet a getter. */
  layOver(key: keyof Target, value: unknown): void {
    this.#remember(key, value)
    this.#define(key, value)
  }

  /** Lays nothing over `key`, but `liftAll` puts it back as it is now. */
  remember(key: keyof Target): void {
    this.#remember(key, undefined)
  }

  #remember(key: keyof Target, mine: unknown): PropertyDescriptor | undefined {
    const found = Object.hasOwn(this.#target, key)
      ? Object.getOwnPropertyDescriptor(this.#target, key)
      : undefined
    this.#keys.push(key)
    this.#found.push(found)
    this.#mine.push(mine)
    return found
  }

  #define(key: keyof Target, value: unknown): void {
    Object.defineProperty(this.#target, key, { value, writable: true, enumerable: true, configurable: true })
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
    // Not by Reflect: V8 takes back the newest property by this statement alone without making the object a slow one.
    else delete (this.#target as Partial<Target>)[this.#keys[i]!]
  }
}
