/** How many mutated cookies a fuzz test tries: 100,000, or what HIPFLASK_FUZZ says. */
export const fuzzRuns: number = Number(process.env.HIPFLASK_FUZZ ?? 100_000)

/** What that may take on a busy machine, in milliseconds. */
export const fuzzTimeout: number = 60_000 + fuzzRuns * 2

/** A stream of numbers in [0, 1) that is the same for the same seed (mulberry32). */
export function randomStream(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'
const strange = [
  '=',
  '+',
  '/',
  ' ',
  '\n',
  '\0',
  '"',
  '%',
  ';',
  'é',
  'Ł',
  '😀',
  '\ud800',
  '.',
  '..',
  '==',
] as const

/** One of `cookies`, changed a little or much; never one of them as it was. */
export function mutated(cookies: readonly string[], random: () => number): string {
  const below = (n: number) => Math.floor(random() * n)
  const one = cookies[below(cookies.length)]!
  for (;;) {
    let text = one
    for (let changes = 1 + below(3); changes > 0; changes--) {
      const at = below(text.length + 1)
      const piece = random() < 0.6 ? alphabet[below(alphabet.length)]! : strange[below(strange.length)]!
      switch (below(7)) {
        case 0:
        case 1:
          text = text.slice(0, at) + piece + text.slice(at + 1)
          break
        case 2:
          text = text.slice(0, at) + piece + text.slice(at)
          break
        case 3:
          text = text.slice(0, at) + text.slice(at + 1 + below(4))
          break
        case 4:
          text = text.slice(0, at)
          break
        case 5:
          text += text.slice(at)
          break
        default: {
          const parts = text.split('.')
          const others = cookies[below(cookies.length)]!.split('.')
          parts[below(parts.length)] = others[below(others.length)]!
          text = parts.join('.')
        }
      }
    }
    if (!cookies.includes(text)) return text
  }
}
