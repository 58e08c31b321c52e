import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../real/chromium.ts'
import { compileExamples, type Program, start } from './programs.ts'

const names = ['gallery', 'username', 'form', 'lists', 'profile', 'login'] as const

/** All five examples and the gallery on free ports, with an empty folder for sessions, and a browser to visit them. */
export interface House {
  readonly program: Program
  readonly browser: Browser
  /** The address of each, with a slash at its end. */
  readonly at: Record<(typeof names)[number], string>
  readonly directory: string
  /** The files of an example's sessions; what begins with a dot is the store's own. */
  files(name: string): string[]
  /** Starts one of them once more, by itself on a free port, on the same sessions. */
  startAlone(name: string): Program
  close(): Promise<void>
}

/** Starts all that; `name` keeps test files apart. */
export async function openHouse(name: string): Promise<House> {
  const { folder, remove } = compileExamples(name)
  const directory = mkdtempSync(path.join(tmpdir(), 'hipflask-examples-'))
  const ports = Object.fromEntries(names.map((one) => [`PORT_${one.toUpperCase()}`, '0']))
  const program = start(process.execPath, [path.join(folder, 'start.js')], {
    ...ports,
    SECRET_KEY: '',
    SESSION_FILE_DIR: directory,
  })
  await program.printed(/Ctrl-C/)
  const at: House['at'] = { gallery: '', username: '', form: '', lists: '', profile: '', login: '' }
  for (const one of names) at[one] = new RegExp(`^(?:the )?${one} +(\\S+)`, 'im').exec(program.stdout())![1]!
  const browser = await launchBrowser()
  return {
    program,
    browser,
    at,
    directory,
    files: (one) => readdirSync(path.join(directory, one)).filter((file) => !file.startsWith('.')),
    startAlone: (one) =>
      start(process.execPath, [path.join(folder, 'alone.js'), one], {
        PORT: '0',
        SESSION_FILE_DIR: directory,
      }),
    async close() {
      await browser.close()
      program.interrupt()
      await program.ended
      rmSync(directory, { recursive: true, force: true })
      remove()
    },
  }
}
