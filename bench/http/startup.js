import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { median } from '../machine.js'

const root = path.join(import.meta.dirname, '../..')
const child = path.join(import.meta.dirname, 'startup-child.js')

/** What is imported together: an app's session library, with what it needs to serve Express from memory. */
const imported = {
  nothing: [],
  hipflask: ['hipflask', 'hipflask/express', 'hipflask/stores/memory'],
  'express-session': ['express-session'],
}

/** What there is to pay before the first request, and for sessions that only lie there. */
export function startupCosts(quick) {
  return {
    imports: importTimes(quick ? 15 : 41),
    installed: { hipflask: sizeOfOurs(), 'express-session': sizeOf('express-session') },
    heap: { hipflask: heapOf('hipflask'), 'express-session': heapOf('express-session') },
    sizes: sizeLimits(),
  }
}

/** Milliseconds, each in a fresh process, taken in turns. */
function importTimes(rounds) {
  const taken = Object.fromEntries(Object.keys(imported).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const [name, modules] of Object.entries(imported))
      taken[name].push(run([child, 'import', ...modules]))
  return Object.fromEntries(Object.entries(taken).map(([name, times]) => [name, median(times)]))
}

/** Bytes of heap for each of 20,000 idle sessions of 300 bytes of JSON, in a fresh process. */
function heapOf(library) {
  return median([1, 2, 3].map(() => run(['--expose-gc', child, 'heap', library])))
}

function run(words) {
  return Number(
    execFileSync(process.execPath, words, { cwd: import.meta.dirname, encoding: 'utf8', timeout: 60_000 }),
  )
}

/** Bytes and packages that `npm install hipflask` brings: itself, as it would be published. */
function sizeOfOurs() {
  const words = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const told = JSON.parse(
    execFileSync('npm', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  const [packed] = Array.isArray(told) ? told : Object.values(told)
  return { bytes: packed.unpackedSize, packages: 1 }
}

/** Bytes and packages that `npm install NAME` brings, by what is installed here. */
function sizeOf(name) {
  const seen = new Map()
  const visit = (name, from) => {
    const folder = findUp(name, from)
    if (seen.has(folder)) return
    seen.set(folder, bytesIn(folder))
    const { dependencies = {} } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
    for (const needed of Object.keys(dependencies)) visit(needed, folder)
  }
  visit(name, path.join(root, 'bench'))
  return { bytes: [...seen.values()].reduce((sum, bytes) => sum + bytes, 0), packages: seen.size }
}

function findUp(name, from) {
  const folder = path.join(from, 'node_modules', name)
  if (statSync(path.join(folder, 'package.json'), { throwIfNoEntry: false }) !== undefined) return folder
  if (from === path.dirname(from)) throw new Error(`${name} is not installed: npm ci`)
  return findUp(name, path.dirname(from))
}

/** Of its own files: what lies below in a node_modules are other packages. */
function bytesIn(folder) {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name)
    if (entry.isFile()) bytes += statSync(at).size
    else if (entry.isDirectory() && entry.name !== 'node_modules') bytes += bytesIn(at)
  }
  return bytes
}

/** What the project's size limits measure: compressed bytes. */
function sizeLimits() {
  const program = path.join(root, 'node_modules/size-limit/bin.js')
  const words = [program, '--json']
  try {
    const text = execFileSync(process.execPath, words, {
      cwd: root,
      encoding: 'utf8',
      timeout: 120_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return JSON.parse(text).map(({ name, size }) => ({ name, size }))
  } catch (error) {
    // It ends with 1 when a limit is passed, and has measured all the same.
    if (error.stdout?.startsWith('['))
      return JSON.parse(error.stdout).map(({ name, size }) => ({ name, size }))
    throw error
  }
}
