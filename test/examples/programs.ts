import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const examples = path.join(root, 'examples')

/** Compiles the examples into a folder of their own, for test files run at the same time; answers it and its removal. */
export function compileExamples(name: string): { folder: string; remove: () => void } {
  const tsc = path.join(
    path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
    'bin/tsc',
  )
  const folder = path.join(examples, `dist-${name}`)
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', examples, '--outDir', folder], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`The examples do not compile:\n${stdout}`)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A program that was started: what it has printed so far, and how it ended. */
export interface Program {
  stdout(): string
  stderr(): string
  /** Resolves when it has printed something that matches; rejects when it ends first. */
  printed(pattern: RegExp): Promise<void>
  /** Resolves with the exit code, or the signal it died of, when it and all it started has ended. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  /** Sends SIGINT to it and what it started, as Ctrl-C does. */
  interrupt(): void
  /** Ends it whatever it does. */
  kill(): void
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) signal(child, 'SIGKILL')
})

/** Starts a program in a process group of its own. */
export function start(command: string, args: readonly string[], env: Record<string, string>): Program {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // What it started holds the same pipes, so they close with the last one.
  const ended = once(child, 'close').then(() => {
    running.delete(child)
    return child.exitCode ?? child.signalCode
  })
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(stdout)) resolve()
        }
        child.stdout.on('data', look)
        look()
        void ended.then(() => reject(new Error(`It ended before it printed ${pattern}:\n${stdout}${stderr}`)))
      }),
    interrupt: () => signal(child, 'SIGINT'),
    kill: () => signal(child, 'SIGKILL'),
  }
}

/** To the whole group: what npm started may live on when npm has ended. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || !running.has(child)) return
  try {
    process.kill(-child.pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
