import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Where a program is: the first of `names` on the PATH, or of absolute paths (a `*` stands for one folder) that exist; else null. */
export function locate(...names) {
  for (const name of names) {
    if (name.startsWith('/')) {
      const [before, after] = name.split('/*/')
      if (after === undefined) {
        if (existsSync(name)) return name
        continue
      }
      if (!existsSync(before)) continue
      const found = readdirSync(before).map((folder) => `${before}/${folder}/${after}`)
      const there = found.findLast((file) => existsSync(file))
      if (there !== undefined) return there
      continue
    }
    try {
      return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      continue
    }
  }
  return null
}

const setpriv = locate('setpriv')

/** The words that start a program which dies with this process, however that ends, where the kernel can promise it. */
export const tethered = (words) =>
  setpriv === null ? words : [setpriv, '--pdeathsig', 'KILL', '--', ...words]

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address()
  listener.close()
  await once(listener, 'close')
  return port
}

/**
 * Starts a program and resolves once `ready` does (asked again for 30 seconds as long as it rejects); rejects with what
 * it printed. Its end is `stop`.
 */
export async function startProgram(words, { ready, quit = 'SIGTERM', ...options }) {
  const [program, ...rest] = tethered(words)
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  let output = ''
  const keep = (data) => (output = (output + data).slice(-2000))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = once(child, 'exit')
  let over = false
  const noted = ended.then(() => (over = true))
  const running = {
    pid: child.pid,
    output: () => output.trim(),
    async stop() {
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
      if (!over) child.kill(quit)
      await noted
      clearTimeout(late)
    },
  }
  const deadline = performance.now() + 30_000
  for (;;) {
    try {
      await ready()
      if (!over) return running
    } catch {
      // Not yet.
    }
    if (over || performance.now() > deadline) {
      await running.stop()
      throw new Error(`${words.join(' ').slice(0, 120)} did not start: ${output.trim()}`)
    }
    await pause(30)
  }
}
