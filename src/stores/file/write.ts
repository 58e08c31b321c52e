import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { codeOf } from './owner.ts'

/** Writes a new file of mode 0600 whatever the umask; on any failure no file is left and the error is thrown. */
export function writeNew(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    try {
      fchmodSync(file, 0o600)
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    removeIfThere(path)
    throw error
  }
}

/** As `writeNew`, and the content is on the disk when the promise is fulfilled. */
export async function writeNewDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    try {
      await file.chmod(0o600)
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    removeIfThere(path)
    throw error
  }
}

/** Brings the names in a directory to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Makes a directory of mode 0700 whatever the umask; false when there is something of that name already. */
export function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, 0o700)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  chmodSync(path, 0o700)
  return true
}

/** Removes a file; that it is gone already is fine. */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
