import { randomFillSync } from 'node:crypto'

// One call for many draws: the system's generator costs far more per call than per byte.
const pool = Buffer.allocUnsafeSlow(4096)
let used = pool.length

/** `size` (at most 4096) fresh bytes of the system's generator; throws if the generator does, never a weaker source. */
export function randomBytes(size: number): Buffer {
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + size))
  pool.fill(0, used, used + size)
  used += size
  return bytes
}
