import { once } from 'node:events'
import process from 'node:process'

/** How a piece of a line looks on a terminal. */
export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** A piece of a line: text as it is, or with a look. */
export type Piece = string | { readonly paint: Paint; readonly text: string }

const codes: Readonly<Record<Paint, string>> = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
}

/** How long (milliseconds) something may take before a line says how far it is, and between two such lines. */
const silence = 1_000
const often = 200

/** Text without a character that a terminal would obey or that turns the direction of others: those are written as `\u001b`. */
export function safe(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A piece with a look. */
export function painted(paint: Paint, text: string): Piece {
  return { paint, text }
}

/** What a command says: answers go to standard output, everything else to standard error; whatever text comes, it goes through `safe`. */
export class Output {
  /** Whether answers are JSON. */
  readonly json: boolean
  /** A progress line is on the terminal. */
  #progress = false

  constructor(json: boolean) {
    this.json = json
  }

  /** One line of the answer. */
  line(...pieces: readonly Piece[]): void {
    this.#clear()
    process.stdout.write(`${joined(pieces, process.stdout)}\n`)
  }

  /** The answer as JSON on one line. */
  data(value: unknown): void {
    this.#clear()
    process.stdout.write(`${safe(JSON.stringify(value))}\n`)
  }

  /** Rows under each other, columns aligned. */
  table(head: readonly string[], rows: readonly (readonly Piece[])[]): void {
    const widths = head.map((title, i) =>
      Math.max(title.length, ...rows.map((row) => safe(textOf(row[i] ?? '')).length)),
    )
    const print = (row: readonly Piece[]): void => {
      const last = row.length - 1
      this.line(...row.flatMap((piece, i) => (i === last ? [piece] : [padded(piece, widths[i]! + 2)])))
    }
    print(head.map((title) => painted('dim', title)))
    for (const row of rows) print(row)
  }

  /** A line for the person, next to the answer. */
  note(...pieces: readonly Piece[]): void {
    this.#clear()
    process.stderr.write(`${joined(pieces, process.stderr)}\n`)
  }

  /** Waits until what was said is taken, so that a long answer does not pile up. */
  async taken(): Promise<void> {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  }

  /** Runs `work`, and from a second on tells a terminal how far it is, by what `work` last said. */
  async progress<T>(what: string, work: (tell: (far: string) => void) => Promise<T>): Promise<T> {
    if (!process.stderr.isTTY) return work(() => {})
    const since = Date.now()
    let far = ''
    const timer = setInterval(() => {
      const elapsed = Date.now() - since
      if (elapsed < silence) return
      this.#progress = true
      process.stderr.write(`\r\u001b[K${safe(`${what} ${far} (${Math.floor(elapsed / 1000)} s)`)}`)
    }, often)
    try {
      return await work((text) => {
        far = text
      })
    } finally {
      clearInterval(timer)
      this.#clear()
    }
  }

  #clear(): void {
    if (this.#progress) process.stderr.write('\r\u001b[K')
    this.#progress = false
  }
}

function joined(pieces: readonly Piece[], to: NodeJS.WriteStream): string {
  const colours = to.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  return pieces
    .map((piece) =>
      typeof piece === 'string' || !colours
        ? safe(textOf(piece))
        : `\u001b[${codes[piece.paint]}m${safe(piece.text)}\u001b[0m`,
    )
    .join('')
}

function textOf(piece: Piece): string {
  return typeof piece === 'string' ? piece : piece.text
}

function padded(piece: Piece, width: number): Piece {
  const text = textOf(piece)
  const spaces = ' '.repeat(Math.max(0, width - safe(text).length))
  return typeof piece === 'string' ? text + spaces : { paint: piece.paint, text: text + spaces }
}
