import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../real/server.ts'
import { type Program, start } from './programs.ts'

const apps = ['username', 'form', 'lists', 'profile', 'login'] as const
const anyPorts = Object.fromEntries(['gallery', ...apps].map((name) => [`PORT_${name.toUpperCase()}`, '0']))

describe('starting the examples', () => {
  let directory: string
  let program: Program | undefined

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'hipflask-examples-'))
  })

  afterEach(async () => {
    program?.kill()
    await program?.ended
    program = undefined
  })

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  function npm(args: readonly string[], env: Record<string, string>): Program {
    return (program = start('npm', ['-w', 'examples', ...args], { SESSION_FILE_DIR: directory, ...env }))
  }

  it('npm start prints where all of them are, and Ctrl-C ends them all', async () => {
    const running = npm(['start', '--silent'], anyPorts)
    await running.printed(/Ctrl-C/)
    const addresses = running.stdout().match(/http:\S+/g)!
    expect(addresses).toHaveLength(6)
    for (const address of addresses) expect((await fetch(address)).status).toBe(200)
    running.interrupt()
    expect([0, 'SIGINT']).toContain(await running.ended)
    expect(running.stderr()).toBe('')
    for (const address of addresses) await expect(fetch(address)).rejects.toThrow('fetch failed')
  })

  it('npm start says which port is taken, in one line, and starts nothing', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const running = npm(['start', '--silent'], { ...anyPorts, PORT_PROFILE: String(port) })
    expect(await running.ended).toBe(1)
    expect(running.stderr()).toMatch(
      new RegExp(
        `^Port ${port} is taken\\. Choose another one with PORT_PROFILE, such as PORT_PROFILE=\\d+\\.\\n$`,
      ),
    )
    expect(running.stdout()).not.toMatch(/http:/)
    taken.close()
  })

  it.each(apps)('%s runs alone, at the port it is given', async (name) => {
    const port = await freePort()
    const running = npm(['run', 'example', '--silent', '--', name], { PORT: String(port), SECRET_KEY: '' })
    await running.printed(/Ctrl-C/)
    expect(running.stdout()).toContain(`http://localhost:${port}/`)
    const page = await fetch(`http://localhost:${port}/`)
    expect([page.status, (await page.text()).includes('All examples')]).toEqual([200, false])
    // Only `username` is for the whole network; 127.0.0.2 is this machine too, but not what the others listen on.
    const elsewhere = await fetch(`http://127.0.0.2:${port}/`).then(
      (response) => response.status,
      () => 'refused',
    )
    if (process.platform === 'linux') expect(elsewhere).toBe(name === 'username' ? 200 : 'refused')
    expect(/SECRET_KEY is not set/.test(running.stdout())).toBe(name === 'profile')
    running.interrupt()
    expect([0, 'SIGINT']).toContain(await running.ended)
  })

  it('keeps signed cookies across restarts with a SECRET_KEY', async () => {
    const SECRET_KEY = 'dT1vYx9LwqZ3kR7nB5mC8pF2sG6hJ4aE0uXiVoQyNtM'
    let cookie = ''
    for (const path of ['login', 'profile']) {
      const running = npm(['run', 'example', '--silent', '--', 'profile'], { PORT: '0', SECRET_KEY })
      await running.printed(/Ctrl-C/)
      const address = `${/http:\S+/.exec(running.stdout())![0]}${path}`
      if (path === 'login') {
        const body = new URLSearchParams({ username: 'Ada' })
        const answer = await fetch(address, { method: 'POST', body, redirect: 'manual' })
        cookie = answer.headers.getSetCookie()[0]!.split(';')[0]!
      } else {
        expect(await (await fetch(address, { headers: { cookie } })).text()).toContain('Hello Ada!')
      }
      expect(`${running.stdout()}${running.stderr()}`).not.toMatch(/SECRET_KEY|dT1v/)
      running.interrupt()
      await running.ended
    }
  })

  it.each([
    [['run', 'example', '--silent'], {}, /^Which example\? npm run example -- username \| form \| lists/],
    [['run', 'example', '--silent', '--', 'nothing'], {}, /^Which example\?/],
    [['run', 'example', '--silent', '--', 'form'], { PORT: 'five' }, /^PORT is no port/],
    [
      ['run', 'example', '--silent', '--', 'form'],
      { SESSION_STORE: 'redis://:hunter2@127.0.0.1:1' },
      /^SESSION_STORE: (?!.*hunter2).* \(ECONNREFUSED\)$/m,
    ],
    [['start', '--silent'], { ...anyPorts, PORT_LISTS: '70000' }, /^PORT_LISTS is no port/],
  ])('npm %j with %j is answered by one line', async (args, env, line) => {
    const running = npm(args, env)
    expect(await running.ended).toBe(1)
    expect(running.stderr()).toMatch(line)
    expect(running.stderr().trim().split('\n')).toHaveLength(1)
  })
})
