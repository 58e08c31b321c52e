import process from 'node:process'
import { misuse } from './command.ts'

/** The most characters of one line, or of an input that is read whole. */
const most = 16 * 2 ** 20

/** Standard input whole; throws ERR_SESSION_USE for more than 16 million characters. */
export async function readInput(): Promise<string> {
  let text = ''
  for await (const part of process.stdin.setEncoding('utf8')) {
    text += part as string
    if (text.length > most) throw misuse(`standard input has more than ${most} characters`)
  }
  return text
}

/** The lines of standard input, or of another stream of text; throws ERR_SESSION_USE for one of more than 16 million characters. */
export async function* linesOf(
  stream: AsyncIterable<unknown> = process.stdin.setEncoding('utf8'),
): AsyncGenerator<string> {
  let rest = ''
  for await (const part of stream) {
    const lines = (rest + String(part)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > most) throw misuse(`a line has more than ${most} characters`)
    yield* lines
  }
  if (rest !== '') yield rest
}
