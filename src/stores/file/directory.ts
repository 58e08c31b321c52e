import { chmodSync, existsSync, lstatSync, mkdirSync, opendirSync, statfsSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join } from 'node:path'
import { SessionError } from '../../errors.ts'
import { makeDirectory } from './write.ts'

/** Where the store keeps what is not a record, inside its directory. */
export const LOCKS = '.locks'
export const USERS = '.users'
export const STAGED = '.staged'
/** A file of this name says: new records go into subdirectories. */
export const SHARDED = '.sharded'

/** What cachelib names the file that counts its entries: MD5 of `__wz_cache_count`. */
const CACHELIB_COUNT = '2029240f6d1128be89ddc32729463129'
const MD5_NAME = /^[0-9a-f]{32}$/

/** Numbers of network file systems in Linux's `statfs`. */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff53_4d42, 'CIFS'],
  [0xfe53_4d42, 'SMB2'],
  [0x0102_1997, '9P'],
  [0x5346_414f, 'AFS'],
  [0x00c3_6400, 'Ceph'],
  [0x0bd0_0bd0, 'Lustre'],
])

/** Makes the store's directory where missing; throws ERR_SESSION_CONFIG or ERR_SESSION_FOREIGN if it is not safe to use. */
export function prepareDirectory(directory: string): void {
  const stats = lstatSync(directory, { throwIfNoEntry: false })
  if (stats) refuseUnsafe(directory, stats)
  else {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    chmodSync(directory, 0o700)
    refuseUnsafe(directory, lstatSync(directory))
  }
  for (const name of [LOCKS, USERS, STAGED]) {
    const path = join(directory, name)
    if (!makeDirectory(path)) refuseUnsafe(path, lstatSync(path))
  }
}

/** Throws ERR_SESSION_FOREIGN for a directory of Flask-Session's files: those are pickles, which are never read here. */
export function refuseForeign(directory: string): void {
  const names = firstNames(directory, 1000)
  if (!names.some((name) => MD5_NAME.test(name)) && !existsSync(join(directory, CACHELIB_COUNT))) return
  throw new SessionError(
    'ERR_SESSION_FOREIGN',
    `fileStore: "${directory}" holds the session files of Flask-Session (cachelib). They are Python pickles, ` +
      'which this store never reads and must not mix with its own. Give fileStore a directory of its own; ' +
      'remove the old files when no Flask app uses them any more.',
  )
}

/** The first `most` names in a directory, in no order; none if there is no such directory. */
export function firstNames(directory: string, most: number): string[] {
  if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return []
  const names: string[] = []
  const entries = opendirSync(directory, { bufferSize: 256 })
  try {
    for (let entry = entries.readSync(); entry && names.length < most; entry = entries.readSync())
      names.push(entry.name)
  } finally {
    entries.closeSync()
  }
  return names
}

/** What kind of network file system `type` (of `statfs`) is, or null. */
export function networkFileSystem(type: number): string | null {
  return NETWORK.get(type) ?? null
}

/** What is worth a warning about the file system under `directory`, or null. */
export function doubtsAbout(directory: string): string | null {
  const kind = networkFileSystem(statfsSync(directory).type)
  return kind === null
    ? null
    : `fileStore: "${directory}" is on a network file system (${kind}). A rename there may be reported as failed ` +
        'after it was done, so a change can be lost when the connection breaks. Use a local disk, or a database store.'
}

/** Throws unless `stats` describe a real directory that belongs to this process's user and that nobody else can write. */
export function refuseUnsafe(path: string, stats: Stats): void {
  const user = process.geteuid?.()
  let trouble: string | null = null
  if (stats.isSymbolicLink()) trouble = 'is a symbolic link; name the directory it points to'
  else if (!stats.isDirectory()) trouble = 'is not a directory; name one, or remove the file'
  else if (user !== undefined && stats.uid !== user)
    trouble = `belongs to user ${stats.uid}, but this process runs as user ${user}; run it as that user, or chown the directory`
  else if (user !== undefined && (stats.mode & 0o022) !== 0)
    trouble = 'can be written by other users, who could plant sessions in it; chmod it to 700'
  if (trouble !== null) throw new SessionError('ERR_SESSION_CONFIG', `fileStore: "${path}" ${trouble}.`)
}
