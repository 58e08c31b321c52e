import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** What `statfs` calls the file systems that are met here. */
const names = new Map([
  [0xef53, 'ext4'],
  [0x0102_1994, 'tmpfs, in memory'],
  [0x5846_5342, 'XFS'],
  [0x9123_683e, 'Btrfs'],
  [0x794c_7630, 'overlayfs'],
])

/** A disk that takes longer for one new file (microseconds) would make a million of them a matter of many minutes. */
const slow = 150

/**
 * A new folder for so many files of one block each, on the disk or, where that is too slow or too full, in memory; `what`
 * names the file system. Null where there is no room for so many. It goes with this process.
 */
export function folderFor(files) {
  const found = []
  for (const above of [os.tmpdir(), '/dev/shm']) {
    const folder = tried(above, files)
    if (folder !== null) found.push(folder)
    if (folder !== null && folder.cost <= slow) break
  }
  const [best] = found.toSorted((a, b) => a.cost - b.cost)
  for (const { folder } of found) if (folder !== best.folder) rmSync(folder, { recursive: true })
  return best ?? null
}

function tried(above, files) {
  try {
    const { type, bavail, bsize, ffree } = statfsSync(above)
    if (ffree < files * 1.2 || bavail * bsize < files * 4096 * 1.5) return null
    const folder = mkdtempSync(path.join(above, 'hipflask-growth-files-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const start = performance.now()
    for (let n = 0; n < 1_000; n++) writeFileSync(path.join(folder, `try-${n}`), 'x'.repeat(600))
    const cost = performance.now() - start
    for (let n = 0; n < 1_000; n++) rmSync(path.join(folder, `try-${n}`))
    return { folder, cost, what: names.get(type) ?? `file system ${type.toString(16)}` }
  } catch {
    // Not on this machine, or not to be written.
    return null
  }
}
