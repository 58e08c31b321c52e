import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { flaskCookie } from '../../src/flask/cookie.ts'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import { newId, recordId } from '../../src/lib/id.ts'
import { weakness } from '../../src/lib/secret.ts'
import { hipflask, program } from './program.ts'

const secret = randomBytes(32).toString('base64url')
const other = randomBytes(32).toString('base64url')
const context = { cookieName: 'session', now: Date.now(), lifetime: 60_000 }

test('the built program can be run by its name, and says its version', async () => {
  expect(readFileSync(program, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node')
  const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8'))
  expect(await hipflask(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
})

describe('secret', () => {
  test('prints a good key alone on standard output, a new one each time', async () => {
    const [a, b] = await Promise.all([hipflask(['secret']), hipflask(['secret'])])
    expect(a.code).toBe(0)
    expect(a.stdout).toMatch(/^[\w-]{43}\n$/)
    expect(a.stdout).not.toBe(b.stdout)
    expect(weakness(Buffer.from(a.stdout.trim()), 32)).toBeNull()
    expect(a.stderr).toContain('HIPFLASK_SECRET')
    expect(a.stderr).not.toContain(a.stdout.trim())
    // Without the mark it would be `string | undefined`, which no strict compiler takes for a secret.
    expect(a.stderr).toContain('sealedCookie({ secret: process.env.HIPFLASK_SECRET! })')
  })
  test('as a line for the environment, and as JSON', async () => {
    expect((await hipflask(['secret', '--env'])).stdout).toMatch(/^HIPFLASK_SECRET=[\w-]{43}\n$/)
    expect(JSON.parse((await hipflask(['secret', '--json'])).stdout)).toMatchObject({ bytes: 32 })
  })
})

describe('encode and decode', () => {
  const values = '{"username":"anna","password":"hunter2","n":1}'

  test('numbers in a Flask cookie are those of Python', async () => {
    const made = await hipflask(['encode', '--as', 'flask'], {
      env: { SECRET_KEY: secret },
      input: '{"int":12345678901234567890,"float":1.0,"large":1e16,"zero":-0.0}',
    })
    const opened = flaskCookie({ secret }).open(made.stdout.trim(), { ...context, now: Date.now() })
    expect(opened.ok && opened.contents.data).toBe(
      '{"float":1.0,"int":12345678901234567890,"large":1e+16,"zero":-0.0}',
    )
  })

  test('a sealed cookie there and back through a pipe, masked unless revealed', async () => {
    const made = await hipflask(['encode'], { env: { HIPFLASK_SECRET: secret }, input: values })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const opened = sealedCookie({ secret }).open(made.stdout.trim(), context)
    expect(opened).toMatchObject({ ok: true })
    const masked = await hipflask(['decode'], { env: { HIPFLASK_SECRET: secret }, input: made.stdout })
    expect(masked.code).toBe(0)
    expect(masked.stdout).toContain('username = "anna"')
    expect(masked.stdout).toContain('HIPFLASK_SECRET verifies it')
    expect(masked.stdout).not.toContain('hunter2')
    const revealed = await hipflask(['decode', '--reveal', '--json', made.stdout.trim()], {
      env: { HIPFLASK_SECRET: secret },
    })
    expect(JSON.parse(revealed.stdout)).toMatchObject({
      values: JSON.parse(values),
      secret: 'HIPFLASK_SECRET',
      problem: null,
    })
    const hidden = await hipflask(['decode', '--json', made.stdout.trim()], {
      env: { HIPFLASK_SECRET: secret },
    })
    expect(JSON.parse(hidden.stdout).values).toEqual({ username: 'anna', password: '••••••', n: 1 })
  })

  test('a Flask cookie that Flask’s codec reads, and one of an earlier key', async () => {
    const made = await hipflask(['encode', '--as', 'flask', values], { env: { SECRET_KEY: secret } })
    const codec = flaskCookie({ secret })
    const opened = codec.open(made.stdout.trim(), { ...context, now: Date.now() })
    expect(opened.ok && JSON.parse(opened.contents.data)).toEqual(JSON.parse(values))
    for (const list of [`${other},${secret}`, JSON.stringify([other, secret])]) {
      const read = await hipflask(['decode', '--json', made.stdout.trim()], {
        env: { SECRET_KEY: other, SECRET_KEY_FALLBACKS: list },
      })
      expect(JSON.parse(read.stdout)).toMatchObject({ secret: 'SECRET_KEY_FALLBACKS[1]', verifiable: true })
    }
  })

  test('says why no secret verifies, and ends with 1', async () => {
    const made = await hipflask(['encode', '--as', 'flask', values], { env: { SECRET_KEY: secret } })
    const wrong = await hipflask(['decode', made.stdout.trim()], { env: { SECRET_KEY: other } })
    expect(wrong.code).toBe(1)
    expect(wrong.stdout).toContain('none of these verifies it: SECRET_KEY.')
    expect(wrong.stdout).toContain('username = "anna"')
    const none = await hipflask(['decode', made.stdout.trim()])
    expect(none.code).toBe(1)
    expect(none.stdout).toContain('no good one to try')
    const inJson = await hipflask(['decode', '--json', made.stdout.trim()])
    expect(inJson.code).toBe(1)
    expect(JSON.parse(inJson.stdout).problem).toContain('no good one to try')
    expect((await hipflask(['decode', 'what is this'])).code).toBe(1)
  })

  test('a weak secret is named weak, in production too, and is no crash', async () => {
    const made = await hipflask(['encode', '--as', 'flask', values], { env: { SECRET_KEY: 'dev' } })
    expect(made.stderr).toContain('is publicly known')
    const read = await hipflask(['decode', made.stdout.trim()], {
      env: { SECRET_KEY: 'dev', NODE_ENV: 'production' },
    })
    expect(read).toMatchObject({ code: 0, stderr: '' })
    expect(read.stdout).toContain('SECRET_KEY is publicly known')
    const sealed = await hipflask(['encode', values], { env: { HIPFLASK_SECRET: secret } })
    const closed = await hipflask(['decode', sealed.stdout.trim()], {
      env: { SECRET_KEY: 'dev', NODE_ENV: 'production' },
    })
    expect(closed).toMatchObject({ code: 1, stderr: '' })
    const refused = await hipflask(['encode', '--as', 'flask', values], {
      env: { SECRET_KEY: 'dev', NODE_ENV: 'production' },
    })
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('npx hipflask secret')
  })

  test('ids and cookies of other libraries', async () => {
    const id = newId()
    const own = await hipflask(['decode', '--json', `session=${id}; Path=/`])
    expect(JSON.parse(own.stdout)).toMatchObject({ record: recordId(id) })
    const dashed = `-${id.slice(1)}`
    expect(JSON.parse((await hipflask(['decode', '--json', dashed])).stdout).record).toBe(recordId(dashed))
    const signature = createHmac('sha256', secret).update('abc').digest('base64').replace(/=+$/, '')
    const express = await hipflask(
      ['decode', '--json', '--secret', '-', `s%3Aabc.${encodeURIComponent(signature)}`],
      {
        input: `${secret}\n`,
      },
    )
    expect(JSON.parse(express.stdout)).toMatchObject({ secret: '--secret' })
    expect(express.stderr).toBe('')
  })

  test('a secret on the command line works, with a warning that does not repeat it', async () => {
    const made = await hipflask(['encode', '--secret', secret, values])
    expect(made.code).toBe(0)
    expect(made.stderr).toContain('seen by others')
    expect(made.stderr).not.toContain(secret)
  })

  test('nothing of a cookie reaches the terminal as a control character', async () => {
    const nasty = { ['k\u001b]0;x\u0007']: '\u001b[31m\u009b2J\u202eabc\r\n', list: ['\u0085'] }
    const { stdout: cookie } = await hipflask(['encode', '--as', 'flask'], {
      env: { SECRET_KEY: secret },
      input: JSON.stringify(nasty),
    })
    for (const args of [[], ['--json']]) {
      const { stdout } = await hipflask(['decode', ...args, cookie.trim()], { env: { SECRET_KEY: secret } })
      expect(stdout).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
      expect(stdout).toContain('\\u001b[31m')
    }
    const { stdout } = await hipflask(['decode', '--json', cookie.trim()], { env: { SECRET_KEY: secret } })
    expect(JSON.parse(stdout).values).toEqual(nasty)
  })

  test.each([
    [['encode', '[1]'], 'must be a JSON object'],
    [['encode', '{'], 'not JSON'],
    [['encode', '--as', 'jwt', '{}'], '--as is either'],
    [['encode', '--lifetime', 'soon', '{}'], '`lifetime`'],
    [['decode'], 'there is no cookie'],
    [['decode', '--secret', '-'], 'either the secret or the cookie'],
    [['decode', 'a', 'b'], '1 argument too many;'],
    [['secret', 'a', 'b'], '2 arguments too many;'],
    [['decode', 'x'.repeat(10_000)], 'characters'],
  ])('%j is misuse: one line and 2', async (args, problem) => {
    const said = await hipflask(args, { env: { HIPFLASK_SECRET: secret } })
    expect(said).toMatchObject({ code: 2, stdout: '' })
    expect(said.stderr).toContain(problem)
    expect(said.stderr.trim().split('\n')).toHaveLength(1)
  })

  test('encode without a secret says what to do', async () => {
    const said = await hipflask(['encode', '{}'])
    expect(said.code).toBe(2)
    expect(said.stderr).toContain('npx hipflask secret')
  })
})
