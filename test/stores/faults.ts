import fs from 'node:fs'
import promises from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

const SYNC = [
  'chmodSync',
  'closeSync',
  'fchmodSync',
  'linkSync',
  'mkdirSync',
  'openSync',
  'readdirSync',
  'renameSync',
  'rmdirSync',
  'rmSync',
  'unlinkSync',
  'writeSync',
] as const
const HANDLE = ['chmod', 'writeFile', 'sync', 'close'] as const

/** What happens before a call to the file system: it may throw, or end the process. */
export type Before = (call: string, args: readonly unknown[]) => void

/** Whether a call leaves something changed on the disk: a process that dies between two others has died after neither. */
export function changesSomething(call: string, args: readonly unknown[]): boolean {
  if (call === 'openSync') return args[1] === 'wx'
  return !['closeSync', 'readdirSync', 'fchmodSync', 'chmod', 'sync', 'close'].includes(call)
}

/** Runs `before` ahead of every call to the file system that changes something or opens a file; the answer undoes that. */
export function intercept(before: Before): () => void {
  const originals = new Map<string, unknown>()
  const table: Record<string, any> = fs
  for (const call of SYNC) {
    const original = table[call]
    originals.set(call, original)
    table[call] = (...args: unknown[]) => {
      // A close that fails has closed all the same.
      if (call === 'closeSync') original(...args)
      before(call, args)
      return call === 'closeSync' ? undefined : original(...args)
    }
  }
  const { open } = promises
  const watchedOpen = async (...args: Parameters<typeof open>): Promise<FileHandle> => {
    before('open', args)
    const handle: any = await open(...args)
    for (const call of HANDLE) {
      const original = handle[call].bind(handle)
      handle[call] = async (...rest: unknown[]) => {
        if (call === 'close') await original(...rest)
        before(call, args)
        return call === 'close' ? undefined : original(...rest)
      }
    }
    return handle
  }
  promises.open = watchedOpen
  syncBuiltinESMExports()
  return () => {
    for (const [call, original] of originals) table[call] = original
    promises.open = open
    syncBuiltinESMExports()
  }
}

/** The error of a system call that failed with `code`. */
export function systemError(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: injected, ${call}`), { code, syscall: call })
}
