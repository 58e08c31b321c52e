import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

let scope = ''
let nonce = ''
let count = 0

/** A text that nobody else has ever made, on any machine: letters, digits and `_` only. */
export function unique(): string {
  nonce ||= randomBytes(9).toString('hex')
  count += 1
  return `${nonce}_${count.toString(36)}`
}

/** A unique name that says which process made it: `<pid>-<where>-<unique>`. */
export function ownerName(): string {
  scope ||= whereabouts()
  return `${process.pid}-${scope}-${unique()}`
}

/** Whether `owner` is a name that this very thread made. */
export function isOwn(owner: string): boolean {
  return nonce !== '' && owner.split('-')[2]?.startsWith(`${nonce}_`) === true
}

/** Whether the process that made `owner` is known to be dead; false when it lives, or cannot be seen from here. */
export function isDead(owner: string): boolean {
  const [pid = '', where] = owner.split('-')
  scope ||= whereabouts()
  if (where !== scope || !/^[1-9]\d*$/.test(pid)) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return codeOf(error) === 'ESRCH'
  }
}

/** The `code` of a system error, undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Process ids mean something only on one machine, since one boot, within one pid namespace. */
function whereabouts(): string {
  const facts = [hostname(), fact(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))]
  facts.push(fact(() => readlinkSync('/proc/self/ns/pid')))
  return createHash('sha256').update(facts.join('\n')).digest('hex').slice(0, 12)
}

/** What only Linux can tell; elsewhere the host's name has to do, and a lock's age decides the rest. */
function fact(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
