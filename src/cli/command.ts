import { parseArgs } from 'node:util'
import { SessionError } from '../errors.ts'
import { Output } from './output.ts'

/** 0: done. 1: a problem was found, or what was asked for is not there. 2: it could not be asked (see `misuse`). */
export type ExitCode = 0 | 1 | 2

/** An option of a command; `value` names what it takes, without it the option is a switch. */
export interface Option {
  readonly value?: string
  readonly help: string
}

/** One command of the program. */
export interface Command {
  readonly summary: string
  /** What comes after the command's name. */
  readonly usage: string
  readonly options: Readonly<Record<string, Option>>
  readonly examples: readonly string[]
  readonly run: (call: Call) => Promise<ExitCode>
}

/** Options that every command has. */
export const everywhere: Readonly<Record<string, Option>> = {
  json: { help: 'answer in JSON' },
  help: { help: 'say how this command is used' },
}

/** What a command was called with. */
export class Call {
  readonly words: readonly string[]
  readonly out: Output
  /** Aborted when the person interrupts. */
  readonly signal: AbortSignal
  readonly #values: Readonly<Record<string, unknown>>

  constructor(
    values: Readonly<Record<string, unknown>>,
    words: readonly string[],
    out: Output,
    signal: AbortSignal,
  ) {
    this.#values = values
    this.words = words
    this.out = out
    this.signal = signal
  }

  /** The text of an option, or undefined. */
  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  /** The number of an option; throws ERR_SESSION_USE for anything below `least`. */
  number(name: string, fallback: number, least: number): number {
    const text = this.text(name)
    const number = text === undefined ? fallback : Number(text)
    if (text === '' || !Number.isFinite(number) || number < least)
      throw misuse(`--${name} must be a number of at least ${least}`)
    return number
  }

  /** Throws ERR_SESSION_USE when there are more words than `most`. */
  atMost(most: number, words: readonly string[] = this.words): void {
    const over = words.length - most
    if (over > 0)
      throw misuse(`${over} ${over === 1 ? 'argument' : 'arguments'} too many; quote what belongs together`)
  }
}

/** An error of whoever called: the program ends with 2 and this one line. */
export function misuse(problem: string): SessionError {
  return new SessionError('ERR_SESSION_USE', `${problem}.`)
}

/** Takes a command's arguments apart; throws ERR_SESSION_USE for what the command does not know. */
export function callOf(command: Command, args: readonly string[], signal: AbortSignal): Call {
  const known = { ...command.options, ...everywhere }
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  // An id may start with a dash; that it is no option is to be seen by its shape.
  const words: string[] = []
  const rest: string[] = []
  for (const arg of args) {
    const before = rest.at(-1)
    if (!isId(arg)) rest.push(arg)
    else if (before !== undefined && known[before.replace(/^--/, '')]?.value !== undefined)
      rest[rest.length - 1] = `${before}=${arg}`
    else words.push(arg)
  }
  try {
    const { values, positionals } = parseArgs({
      args: rest,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    })
    return new Call(
      values,
      [...positionals, ...words],
      new Output('json' in values && values.json === true),
      signal,
    )
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw misuse(error.message.split('. ')[0]!.replace(/\.$/, ''))
  }
}

function isId(arg: string): boolean {
  return /^-[\w-]{42}$/.test(arg) || /^-[\w][\w-]{4,}$/.test(arg)
}
