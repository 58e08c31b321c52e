import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { locate } from './need.ts'

/** What Flask's sessions are made of, each in its newest version, and the drivers of the servers that keep them. */
const packages = [
  'Flask',
  'Flask-Session',
  'cachelib',
  'msgspec',
  'redis',
  'SQLAlchemy',
  'Flask-SQLAlchemy',
  'pymemcache',
  'psycopg[binary]',
  'PyMySQL',
]

/** Kept between runs; delete it to get newer versions. */
const home = path.join(import.meta.dirname, '../../node_modules/.cache/hipflask-python')

/**
 * A Python that has Flask and Flask-Session, or null: then the suite is to be skipped, and a line says why. With
 * HIPFLASK_REQUIRE_ALL=1 nothing may be skipped: it throws.
 */
export const pythonPath: string | null = python()

function python(): string | null {
  try {
    return environment()
  } catch (error) {
    const line = `Python with Flask is not on this machine (apt-get install python3-venv; packages come from the Python package index): ${reason(error)}`
    if (process.env['HIPFLASK_REQUIRE_ALL'] === '1') throw new Error(line, { cause: error })
    console.warn(`skipped: ${line}`)
    return null
  }
}

function environment(): string {
  const program = path.join(home, 'bin/python')
  if (existsSync(path.join(home, 'complete'))) return program
  const found = locate('python3')
  if (found === null) throw new Error('no python3')
  // Made aside and moved into place, because test files run at the same time.
  const aside = `${home}-${process.pid}`
  try {
    mkdirSync(path.dirname(aside), { recursive: true })
    run(found, ['-m', 'venv', aside])
    run(path.join(aside, 'bin/python'), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      ...packages,
    ])
    writeFileSync(path.join(aside, 'complete'), '')
    if (!existsSync(home)) renameSync(aside, home)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return program
}

function run(program: string, words: readonly string[]): void {
  execFileSync(program, words, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', timeout: 300_000 })
}

function reason(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string }
  return (stderr?.trim().split('\n').at(-1) || message).slice(0, 300)
}

/** Python's own encoders and decoders, in a process of their own; values are in the notation of the vectors. */
export interface Oracle {
  versions(): Promise<Record<string, string>>
  /** The bytes of each value; null where Python raises. */
  encode(format: string, values: readonly unknown[]): Promise<(string | null)[]>
  /** The value of each text of hexadecimal bytes; null where Python raises. */
  decode(format: string, values: readonly string[]): Promise<any[]>
  /** What cachelib's FileSystemCache answers to `do`: set, get, delete and count, each with key, value and timeout. */
  cache(directory: string, hash: string, threshold: number, verbs: readonly unknown[][]): Promise<any[]>
  stop(): void
}

/** Starts the oracle; whoever starts it stops it. */
export function startOracle(): Oracle {
  const child = spawn(pythonPath!, ['-I', path.join(import.meta.dirname, 'oracle.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting: { resolve: (answer: any) => void; reject: (error: Error) => void }[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { ok, error } = JSON.parse(line)
    if (error === undefined) waiting.shift()!.resolve(ok)
    else waiting.shift()!.reject(new Error(error))
  })
  child.on('exit', () => {
    for (const { reject } of waiting.splice(0)) reject(new Error('The oracle has ended.'))
  })
  const ask = (question: object): Promise<any> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      child.stdin.write(`${JSON.stringify(question)}\n`)
    })
  return {
    versions: () => ask({ op: 'versions' }),
    encode: (format, values) => ask({ op: 'encode', format, values }),
    decode: (format, values) => ask({ op: 'decode', format, values }),
    cache: (directory, hash, threshold, verbs) => ask({ op: 'cache', directory, hash, threshold, do: verbs }),
    stop: () => void child.stdin.end(),
  }
}
