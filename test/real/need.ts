import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

/** Where a program is: the first of `names` on the PATH, or of absolute paths (a `*` stands for one folder, the last wins) that exist; null if none is. */
export function locate(...names: string[]): string | null {
  for (const name of names) {
    if (name.startsWith('/')) {
      const found = spelled(name).findLast(existsSync)
      if (found !== undefined) return found
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

function spelled(pattern: string): string[] {
  const [before, after] = pattern.split('/*/')
  if (after === undefined) return [pattern]
  return existsSync(before!)
    ? readdirSync(before!)
        .sort()
        .map((folder) => `${before}/${folder}/${after}`)
    : []
}

/**
 * The program a suite cannot do without, or null: then the suite is to be skipped and a line says what to install.
 * With HIPFLASK_REQUIRE_ALL=1 nothing may be skipped: it throws.
 */
export function need(what: string, install: string, ...names: string[]): string | null {
  const found = locate(...names)
  if (found !== null) return found
  const line = `${what} is not on this machine: ${install}`
  if (process.env['HIPFLASK_REQUIRE_ALL'] === '1') throw new Error(line)
  console.warn(`skipped: ${line}`)
  return null
}
