/** Sorts `keys` in place by Unicode code point, as Python does; JavaScript's own order is by UTF-16 unit. */
export function sortByCodePoint(keys: string[]): string[] {
  return keys.some((key) => /[\ud800-\udfff]/.test(key)) ? keys.sort(byCodePoint) : keys.sort()
}

function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  let i = 0
  while (i < length && a.charCodeAt(i) === b.charCodeAt(i)) i++
  // Where only the second halves of surrogate pairs differ, the characters begin one unit earlier.
  const before = i > 0 ? a.codePointAt(i - 1)! - b.codePointAt(i - 1)! : 0
  return before || (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1)
}
