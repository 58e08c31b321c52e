import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fileStore } from '../../src/stores/file.ts'
import { need } from '../real/need.ts'
import { folder, hipflask, program } from './program.ts'
import { appSessions, begin } from './stored.ts'

const script = need('script', 'apt-get install bsdutils', 'script')
const house = folder()
afterAll(() => house.remove())

/** What the program writes to a terminal. */
async function onTerminal(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const line = [process.execPath, program, ...words].map((word) => `'${word}'`).join(' ')
  const child = spawn(script!, ['-qec', line, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 25_000,
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (said += part))
  await new Promise((resolve) => child.once('close', resolve))
  return said
}

describe.skipIf(script === null)('on a terminal', () => {
  test('there are colours, unless NO_COLOR is set, and no other escapes', async () => {
    const directory = path.join(house.path, 'store')
    await begin(appSessions(fileStore(directory)), { username: 'an\u001b[2Jna' }, '\u001b]0;title\u0007')
    const coloured = await onTerminal(['ls', `file:${directory}`])
    expect(coloured).toContain('\u001b[1m')
    expect(coloured).toContain('an\\u001b[2Jna')
    // oxlint-disable-next-line no-control-regex -- the very characters that are looked for
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).not.toMatch(/[\u0000-\u0009\u000e-\u001f]/)
    const plain = await onTerminal(['ls', `file:${directory}`], { NO_COLOR: '1' })
    expect(plain).toContain('anna'.slice(0, 2))
    expect(plain).not.toContain('\u001b')
    expect((await hipflask(['ls', `file:${directory}`])).stdout).not.toContain('\u001b')
  })

  test('what takes more than a second says how far it is, and only there', async () => {
    const module = path.join(house.path, 'slow.mjs')
    writeFileSync(
      module,
      `const nothing = async () => null
       const page = () => new Promise((r) => setTimeout(() => r({ sessions: [], next: null }), 2000))
       export const sessions = {
         page, list: nothing, peek: nothing, revoke: nothing, revokeUser: nothing, gc: nothing,
         describe: () => ({ bearerIds: false }),
       }`,
    )
    expect(await onTerminal(['ls', '--config', module])).toContain('reading  (1 s)')
    expect(await hipflask(['ls', '--config', module])).toMatchObject({ code: 0, stderr: 'no sessions\n' })
  })
})
