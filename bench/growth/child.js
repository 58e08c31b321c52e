import { spawn } from 'node:child_process'
import path from 'node:path'

/** Runs a script of this folder with a task; `told` hears of each piece of work that is done. Rejects with what it printed. */
export function child(script, task, told) {
  const words = ['--expose-gc', path.join(import.meta.dirname, script), JSON.stringify(task)]
  const running = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  let complaint = ''
  let result
  running.stderr.on('data', (chunk) => (complaint = (complaint + chunk).slice(-4000)))
  running.on('message', (message) => {
    if ('result' in message) result = message.result
    else told(message.done)
  })
  const kill = () => running.kill('SIGKILL')
  process.once('exit', kill)
  return new Promise((resolve, reject) => {
    running.once('close', (code) => {
      process.removeListener('exit', kill)
      if (code === 0 && result !== undefined) resolve(result)
      else reject(new Error(`${script} ended with ${code}: ${complaint.trim()}`))
    })
  })
}
