import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { locate } from './need.ts'

/** Where one server lives: a loopback port of its own, and a folder that goes with it. */
export interface Place {
  readonly port: number
  readonly folder: string
}

/** How a server is run. */
export interface Program {
  readonly command: string
  readonly args: (place: Place) => readonly string[]
  /** Makes the folder ready before the first start (initdb and its like). */
  readonly prepare?: (place: Place) => unknown
  /** Resolves once the server answers; asked again as long as it rejects. */
  readonly ready: (place: Place) => Promise<unknown>
  readonly env?: NodeJS.ProcessEnv
  /** The account to run as where the tests run as root and the program refuses root; `prepare` must give it the folder. */
  readonly account?: { readonly uid: number; readonly gid: number }
  /** What asks the program to end. Default SIGTERM. */
  readonly quit?: NodeJS.Signals
}

/** A running server. Its end is `stop`, or the end of this process, however it comes. */
export interface Server extends Place {
  readonly pid: number
  /** Sends a signal; after one that ends the server, resolves when it has ended. SIGSTOP and SIGCONT halt and go on. */
  signal(name: NodeJS.Signals): Promise<void>
  /** Starts it again after its end: same port, same folder. */
  restart(): Promise<void>
  /** Ends it and removes its folder. Calling it twice is fine. */
  stop(): Promise<void>
}

const startTries = 5
const readyWithin = 60_000
const endsWithin = 10_000

/** Starts `program` on a free port of 127.0.0.1 with an empty folder and resolves when it is ready. */
export async function startServer(program: Program): Promise<Server> {
  for (let tries = 1; ; tries++) {
    const server = new RunningServer(program, {
      port: await freePort(),
      folder: mkdtempSync(path.join(tmpdir(), 'hipflask-server-')),
    })
    try {
      await program.prepare?.(server)
      await server.restart()
      return server
    } catch (error) {
      await server.stop()
      // Somebody else may have taken the port between the look and the start.
      if (tries === startTries || !/address already in use/i.test(String(error))) throw error
    }
  }
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  return (address as { port: number }).port
}

/** Resolves once no thread of the process runs any more; the signal alone is answered a moment later. */
async function halted(pid: number): Promise<void> {
  const state = (): string => execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })
  for (let looks = 0; looks < 1000 && !state().includes('T'); looks++) await pause(1)
  await pause(20)
}

class RunningServer implements Server {
  readonly port: number
  readonly folder: string
  readonly #program: Program
  #child: ChildProcess | null = null
  #ended: Promise<unknown> = Promise.resolve()

  constructor(program: Program, { port, folder }: Place) {
    this.port = port
    this.folder = folder
    this.#program = program
    process.once('exit', this.#clear)
  }

  get pid(): number {
    return this.#child!.pid!
  }

  async restart(): Promise<void> {
    const { command, args, env, account } = this.#program
    const log = openSync(path.join(this.folder, 'output.log'), 'a')
    // Where the kernel can promise it, the server dies with this process, even if that is killed.
    const tether = locate('setpriv')
    const words = [command, ...args(this)]
    const [program, ...rest] = tether === null ? words : [tether, '--pdeathsig', 'KILL', '--', ...words]
    const child = spawn(program!, rest, {
      cwd: this.folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
      ...account,
    })
    closeSync(log)
    this.#child = child
    this.#ended = once(child, 'exit').catch((error: unknown) => error)
    await this.#ready(child)
  }

  async #ready(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + readyWithin
    for (;;) {
      const reason = await this.#program.ready(this).then(
        () => null,
        (error: unknown) => error,
      )
      const over = child.exitCode !== null || child.signalCode !== null || child.pid === undefined
      if (reason === null && !over) return
      if (over || performance.now() > deadline) {
        const output = readFileSync(path.join(this.folder, 'output.log'), 'utf8').slice(-4000)
        throw new Error(`${this.#program.command} did not start:\n${output}`, { cause: reason })
      }
      await pause(20)
    }
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill(name)
    if (name === 'SIGSTOP') await halted(child.pid!)
    if (name === 'SIGKILL' || name === (this.#program.quit ?? 'SIGTERM')) await this.#ended
  }

  async stop(): Promise<void> {
    await this.signal('SIGCONT')
    const kill = setTimeout(() => void this.signal('SIGKILL'), endsWithin)
    await this.signal(this.#program.quit ?? 'SIGTERM')
    clearTimeout(kill)
    process.removeListener('exit', this.#clear)
    rmSync(this.folder, { recursive: true, force: true })
  }

  readonly #clear = (): void => {
    this.#child?.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}
