import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '../..')

/** A process that does one task of `file-worker.ts`. */
export interface Worker {
  readonly pid: number
  /** What it told so far. */
  readonly told: any[]
  /** Fulfilled with the first report that fits; rejected if the process ends without one. */
  hears(fits: (report: any) => boolean): Promise<any>
  kill(signal: NodeJS.Signals): void
  /** Fulfilled when the process has ended and all it told has been read. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>
}

/** Compiles the worker as it is now, and answers how to start it and how to clean up. */
export async function compileWorkers(): Promise<{
  start: (task: string, details: object) => Worker
  dispose: () => void
}> {
  const out = mkdtempSync(join(tmpdir(), 'hipflask-workers-'))
  writeFileSync(join(out, 'package.json'), '{"type":"module"}')
  symlinkSync(join(ROOT, 'node_modules'), join(out, 'node_modules'))
  writeFileSync(
    join(out, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { noEmit: false, rootDir: ROOT, outDir: out, noCheck: true },
      include: [join(ROOT, 'test/stores/file-worker.ts')],
    }),
  )
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', out])
  const script = join(out, 'test/stores/file-worker.js')
  return {
    start: (task, details) => startWorker(script, task, details),
    dispose: () => rmSync(out, { recursive: true }),
  }
}

function startWorker(script: string, task: string, details: object): Worker {
  const child = spawn(process.execPath, [script, task, JSON.stringify(details)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told: any[] = []
  const waiting = new Set<() => void>()
  let errors = ''
  let over = false
  const look = (): void => {
    for (const check of waiting) check()
  }
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    // A process that is killed may leave half a line.
    if (line.endsWith('}') || line.endsWith('"')) told.push(JSON.parse(line))
    look()
  })
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((settle) =>
    child.once('close', (code, signal) => settle({ code, signal })),
  )
  const read = new Promise<void>((settle) => lines.once('close', settle))
  const ended = Promise.all([exited, read]).then(([{ code, signal }]) => {
    over = true
    look()
    return { code, signal, errors }
  })
  return {
    pid: child.pid!,
    told,
    ended,
    kill: (signal) => void child.kill(signal),
    hears: (fits) =>
      new Promise((settle, fail) => {
        const check = (): void => {
          const report = told.find(fits)
          if (report !== undefined) settle(report)
          else if (over) fail(new Error(`the worker ended without the report: ${errors}`))
          else return
          waiting.delete(check)
        }
        waiting.add(check)
        check()
      }),
  }
}
