import { readFileSync } from 'node:fs'
import os from 'node:os'

/** One line that says on what the figures were taken. */
export function machine() {
  const cpu = os.cpus()[0]?.model.trim() ?? 'unknown CPU'
  const system = /PRETTY_NAME="(.*)"/.exec(readIfThere('/etc/os-release'))?.[1] ?? os.type()
  return `${cpu}, ${os.cpus().length} cores, ${system}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}
