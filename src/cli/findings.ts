/** What `doctor` says of one thing: `bad` makes it end with 1, `look` deserves a look. */
export interface Finding {
  readonly tone: 'good' | 'look' | 'bad'
  readonly about: string
  readonly message: string
}

/** Makes a finding. */
export function finding(tone: Finding['tone'], about: string, message: string): Finding {
  return { tone, about, message }
}
