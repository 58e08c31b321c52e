/** Own properties laid over an object for a while, and put back exactly as they were found: own or inherited. */
export class Overlay<Target extends object> {
  readonly #target: Target
  readonly #found: [keyof Target, PropertyDescriptor | undefined][] = []

  constructor(target: Target) {
    this.#target = target
  }

  /** Sets a method or another plain property until it is lifted. */
  lay<Key extends keyof Target>(key: Key, value: Target[Key]): void {
    const found = this.remember(key)
    if (found === undefined || 'value' in found) this.#target[key] = value
    else this.#define(key, value)
  }

  /** Sets `key` until it is lifted, where an assignment would meet a getter. */
  layOver(key: keyof Target, value: unknown): void {
    this.remember(key)
    this.#define(key, value)
  }

  /** Lays nothing over `key`, but `lift` puts it back as it is now: its own descriptor, or none. */
  remember(key: keyof Target): PropertyDescriptor | undefined {
    const found = Object.hasOwn(this.#target, key)
      ? Object.getOwnPropertyDescriptor(this.#target, key)
      : undefined
    this.#found.push([key, found])
    return found
  }

  #define(key: keyof Target, value: unknown): void {
    Object.defineProperty(this.#target, key, { value, writable: true, enumerable: true, configurable: true })
  }

  /** Puts everything back, whoever has replaced it since. */
  lift(): void {
    for (const [key, found] of this.#found.toReversed()) {
      if (found) Object.defineProperty(this.#target, key, found)
      // Not by Reflect: V8 takes back the newest property by this statement alone without making the object a slow one.
      else delete (this.#target as Partial<Target>)[key]
    }
  }
}
