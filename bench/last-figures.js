import { existsSync, readFileSync } from 'node:fs'

/** The figures that the last run of `command` kept; where there are none, says so and ends the process with 1. */
export function lastFigures(file, command) {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  console.error(`there are no figures to report yet: ${command} measures them`)
  process.exit(1)
}
