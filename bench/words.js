import { parseArgs } from 'node:util'

/** What a bench was called with; `--help` prints `usage` and ends with 0, a word that `options` lack ends with 2 and is named. */
export function wordsOf(usage, options) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } })
    if (!values.help) return values
    console.log(usage)
  } catch (error) {
    console.error(`${error.message.split('. ')[0]}; --help says what can be asked for`)
    process.exit(2)
  }
  process.exit()
}
