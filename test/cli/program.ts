import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** The program as it is published. */
export const program: string = path.join(import.meta.dirname, '../../dist/cli/main.js')

/** What the program said, and how it ended. */
interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What the program is called with besides its arguments. */
interface Around {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly cwd?: string
  readonly file?: string
}

/** The program, running, with an environment that has nothing of ours. */
export function start(args: readonly string[], { env = {}, cwd, file = program }: Around = {}): ChildProcess {
  const { PATH = '' } = process.env
  return spawn(process.execPath, [file, ...args], { env: { PATH, ...env }, cwd, timeout: 25_000 })
}

/** Runs the program to its end. */
export async function hipflask(args: readonly string[], around: Around = {}): Promise<Said> {
  const child = start(args, around)
  let [stdout, stderr] = ['', '']
  child.stdout!.setEncoding('utf8').on('data', (part: string) => (stdout += part))
  child.stderr!.setEncoding('utf8').on('data', (part: string) => (stderr += part))
  // A program that ends before it has read everything is no failure of the test.
  child.stdin!.on('error', () => {})
  child.stdin!.end(around.input ?? '')
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, stdout, stderr }
}

/** A folder that is gone with `remove`. */
export function folder(): { readonly path: string; remove(): void } {
  const made = mkdtempSync(path.join(tmpdir(), 'hipflask-cli-'))
  return { path: made, remove: () => rmSync(made, { recursive: true, force: true }) }
}
