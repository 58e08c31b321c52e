const units: readonly (readonly [name: string, milliseconds: number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
]

/** A length of time in words, such as `31 days` or `90 minutes`: in the largest unit that gives a short whole number. */
export function lengthOfTime(milliseconds: number): string {
  for (const [name, size] of units) {
    const count = milliseconds / size
    if (count >= 1 && (Number.isInteger(count) || count >= 10)) {
      const whole = Math.round(count)
      return `${whole} ${name}${whole === 1 ? '' : 's'}`
    }
  }
  return `${Math.round(milliseconds)} ms`
}
