import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')

describe.each([
  ['bench:http', 'http/run.js'],
  ['bench:growth', 'growth.js'],
])('npm run %s', (name, script) => {
  let house: string

  beforeAll(() => {
    // A copy, of which nothing was measured yet; and no program is found that could measure something.
    house = mkdtempSync(path.join(tmpdir(), 'hipflask-bench-words-'))
    mkdirSync(path.join(house, 'bin'))
    writeFileSync(path.join(house, 'bin/getconf'), '#!/bin/sh\necho 100\n', { mode: 0o755 })
    cpSync(path.join(root, 'bench'), path.join(house, 'bench'), { recursive: true })
    symlinkSync(path.join(root, 'node_modules'), path.join(house, 'bench/node_modules'), 'junction')
  })
  afterAll(() => rmSync(house, { recursive: true, force: true }))

  const asked = (...words: string[]): object => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.join(house, 'bench', script), ...words],
      { encoding: 'utf8', env: { PATH: path.join(house, 'bin') }, timeout: 20_000 },
    )
    return { status, stdout, stderr }
  }

  test('says with --help what can be asked for', () => {
    expect(asked('--help')).toEqual({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`^npm run ${name} [^]*--quick[^]*--only[^]*--report`)),
      stderr: '',
    })
  })

  test.each(['--wrong', 'wrong'])('names the unknown word %s, and measures nothing', (word) => {
    expect(asked(word)).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^.*'${word}'.*--help.*\n$`)),
    })
  })

  test('has one line for a report without figures', () => {
    expect(asked('--report')).toEqual({
      status: 1,
      stdout: '',
      stderr: `there are no figures to report yet: npm run ${name} measures them\n`,
    })
  })
})
