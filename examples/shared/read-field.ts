/** A form field as typed, and what is wrong with it, if anything. */
export interface Field {
  readonly text: string
  readonly problem: string | null
}

/** Reads a text field: without control characters and outer blanks, not empty, at most `most` characters. */
export function readField(typed: unknown, name: string, most: number): Field {
  const text = typeof typed === 'string' ? typed.replaceAll(/\p{Cc}+/gu, ' ').trim() : ''
  const length = Array.from(text).length
  if (length === 0) return { text, problem: `Please enter ${name}.` }
  if (length <= most) return { text, problem: null }
  return {
    text,
    problem: `That is ${length.toLocaleString('en')} characters long; ${most} is the most for ${name}.`,
  }
}
