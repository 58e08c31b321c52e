import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Which CPU the measured server has to itself, and which one everybody else shares. */
const cpus = availableParallelism() > 1 ? { server: 0, others: 1 } : { server: 0, others: 0 }

/** The words that start a program on the server's CPU, or on the other one. */
export const pinned = (where, ...words) => ['taskset', '-c', String(cpus[where]), ...words]

/** Puts this process, and so all it starts, on the CPU of the others. */
export function stepAside() {
  execFileSync('taskset', ['-pc', String(cpus.others), String(process.pid)], { stdio: 'ignore' })
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** CPU time (microseconds) that all programs have had of the server's CPU so far, and what the machine below took; interrupts apart. */
export function usedOfServerCpu() {
  const line = new RegExp(`^cpu${cpus.server} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))[1]
  const [user, nice, system, , , , , steal] = line.split(' ').map(Number)
  return ((user + nice + system + steal) / ticksPerSecond) * 1e6
}

/** CPU time (user and system, microseconds) and memory (bytes) of a process and its children so far, as the kernel counts them. */
export function used(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const all = [String(pid), ...(children === '' ? [] : children.split(' '))]
  let cpu = 0
  let rss = 0
  for (const one of all) {
    const text = readFileSync(`/proc/${one}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    cpu += ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6
    rss += Number(fields[21]) * 4096
  }
  return { cpu, rss }
}
