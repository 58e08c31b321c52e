import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { pinned } from './cpus.js'
import { tethered } from './programs.js'

/** Starts the server of a place on its CPU; rejects with what it printed when it does not start in 30 seconds. */
export async function startPlace(place, environment) {
  // Between its measurements a server is idle for a minute, in which V8 would throw its compiled code away; a server at
  // work never is, and the one without a session is measured too often to be.
  const words = [process.execPath, '--no-flush-bytecode']
  words.push(path.join(import.meta.dirname, 'serve.js'), JSON.stringify(place))
  const [program, ...rest] = tethered(pinned('server', ...words))
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...environment, NODE_ENV: 'production' },
  })
  let output = ''
  const keep = (data) => (output = (output + data).slice(-2000))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), 30_000)
  const first = await Promise.race([once(child, 'message'), ended.then(() => null)])
  clearTimeout(kill)
  if (first === null) throw new Error(`did not start: ${output.trim()}`)

  async function question(words) {
    const answer = once(child, 'message')
    child.send(words)
    const heard = await Promise.race([answer, ended.then(() => null)])
    if (heard === null) throw new Error(`ended while it was measured: ${output.trim()}`)
    return heard[0].answer
  }
  return {
    port: first[0].port,
    /** What it has used so far: `cpu` and `at` in microseconds, `requests`, `rss` in bytes, `statements`. */
    usage: () => question({ usage: true }),
    /** Lets writes to the store take so many milliseconds more; false where there is no store. */
    slow: (milliseconds) => question({ slow: milliseconds }),
    /** What it printed last. */
    output: () => output.trim(),
    async stop() {
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
      child.kill('SIGTERM')
      await ended
      clearTimeout(late)
    },
  }
}
