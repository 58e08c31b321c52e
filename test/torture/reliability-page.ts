import { readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** How much more than an ordinary test run: HIPFLASK_TORTURE, 1 if not given. */
export const scale: number = Number(process.env['HIPFLASK_TORTURE'] ?? 1)

/** What the run draws its chances from: HIPFLASK_SEED, or another one each time. */
export const seed: number = Number(process.env['HIPFLASK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Numbers from 0 to 1, the same for the same seed. */
export function dice(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

/** A count as the page shows it: 10,000. */
export function number(value: number): string {
  return value.toLocaleString('en')
}

/** Writes one section of docs/reliability.md, a sentence and a table of what was counted; only with HIPFLASK_REPORT=1. */
export function tell(
  section: 'torture' | 'kills' | 'isolation',
  what: string,
  rows: readonly Record<string, string>[],
): void {
  if (process.env['HIPFLASK_REPORT'] !== '1' || rows.length === 0) return
  const columns = Object.keys(rows[0]!)
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`
  const table = [columns, columns.map(() => '---'), ...rows.map((row) => columns.map((one) => row[one]!))]
  const system = /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? os.type()
  const machine = `${os.cpus()[0]?.model.trim()}, ${os.cpus().length} cores, ${system}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}, seed ${seed}`
  const file = path.join(import.meta.dirname, '../../docs/reliability.md')
  const page = readFileSync(file, 'utf8')
  const [from, to] = [page.indexOf(`<!-- ${section} -->`), page.indexOf(`<!-- end of ${section} -->`)]
  if (from < 0 || to < from) throw new Error(`docs/reliability.md has no section ${section}`)
  const text = `<!-- ${section} -->\n${what} ${machine}.\n\n${table.map(line).join('\n')}\n`
  writeFileSync(file, page.slice(0, from) + text + page.slice(to))
}
