import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileStore } from '../../src/stores/file.ts'
import { openStore } from '../../src/stores/url.ts'
import type { Sessions } from '../../src/index.ts'
import { sharedPlaces } from '../real/places.ts'
import { redisProgram, startRedis } from '../real/redis.ts'
import { freePort } from '../real/server.ts'
import { folder, hipflask, program, start } from './program.ts'
import { appSessions, begin, change, type Data, found } from './stored.ts'

const house = folder()
afterAll(() => house.remove())
let number = 0
const fresh = (): string => path.join(house.path, `store${++number}`)

function fileApp(): { sessions: Sessions<Data>; url: string; directory: string } {
  const directory = fresh()
  return { sessions: appSessions(fileStore(directory)), url: `file:${directory}`, directory }
}

describe('a file store', () => {
  let app: ReturnType<typeof fileApp>
  let anna: { cookie: string; id: string }

  beforeAll(async () => {
    app = fileApp()
    anna = await begin(app.sessions, { username: 'anna', password: 'hunter2' }, 'Fire\u001b[31mfox')
    await begin(app.sessions, { username: 'bert' })
  })

  test('ls: all, one user, by option, word or environment', async () => {
    const all = await hipflask(['ls', app.url])
    expect(all).toMatchObject({ code: 0, stderr: '' })
    expect(all.stdout.split('\n')).toHaveLength(4)
    expect(all.stdout).toContain(anna.id.slice(0, 10))
    expect(all.stdout).not.toContain(anna.id)
    expect(all.stdout).not.toMatch(/[^\P{Cc}\n]/u)
    expect((await hipflask(['ls', app.url, '--full'])).stdout).toContain(anna.id)
    const one = await hipflask(['ls', '--json', '--user', 'anna'], { env: { HIPFLASK_STORE: app.url } })
    const { sessions, more } = JSON.parse(one.stdout)
    expect(more).toBe(false)
    expect(sessions).toMatchObject([{ id: anna.id, user: 'anna', label: 'Fire\u001b[31mfox' }])
    const limited = JSON.parse((await hipflask(['ls', '--json', '--store', app.url, '--limit', '1'])).stdout)
    expect(limited).toMatchObject({ more: true })
    expect(limited.sessions).toHaveLength(1)
  })

  test('show: by the beginning of an id, masked unless revealed', async () => {
    const shown = await hipflask(['show', app.url, anna.id.slice(0, 8)])
    expect(shown.code).toBe(0)
    expect(shown.stdout).toContain('username = "anna"')
    expect(shown.stdout).toContain('password = ••••••')
    expect(shown.stdout).not.toContain('hunter2')
    const { stdout } = await hipflask(['show', app.url, anna.id, '--json', '--reveal'])
    expect(JSON.parse(stdout)).toMatchObject({
      id: anna.id,
      permanent: true,
      values: { username: 'anna', password: 'hunter2' },
    })
    const masked = await hipflask(['show', app.url, anna.id, '--json'])
    expect(JSON.parse(masked.stdout).values.password).toBe('••••••')
  })

  test('show and revoke of what is not there end with 1', async () => {
    for (const id of ['A'.repeat(43), '-'.repeat(43), 'zzzzzzzz', '-zzzzzzz']) {
      expect((await hipflask(['show', app.url, id])).code, id).toBe(1)
      expect((await hipflask(['revoke', app.url, id])).code, id).toBe(1)
    }
    expect((await hipflask(['revoke', app.url, '--user', 'nobody'])).code).toBe(1)
  })

  test('stats', async () => {
    const { stdout } = await hipflask(['stats', app.url, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ living: 2, users: 2, anonymous: 0, over: 0, whole: true })
    expect((await hipflask(['stats', app.url])).stdout).toMatch(/living +2\n/)
  })

  test('--config uses the sessions of a module, whose open handles do not hold the program', async () => {
    const module = path.join(house.path, 'sessions.mjs')
    const dist = pathToFileURL(path.dirname(path.dirname(program))).href
    writeFileSync(
      module,
      `import { createSessions } from '${dist}/index.js'
       import { fileStore } from '${dist}/stores/file.js'
       setInterval(() => {}, 1000)
       export const sessions = createSessions({ store: fileStore(${JSON.stringify(app.directory)}), idle: '1 hour' })`,
    )
    const { code, stdout } = await hipflask(['ls', '--config', module, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout).sessions).toHaveLength(2)
    const both = await hipflask(['ls', app.url, '--config', module])
    expect(both.code).toBe(2)
    const doctor = await hipflask(['doctor', '--config', module, '--json'])
    expect(doctor.code).toBe(0)
    expect(JSON.parse(doctor.stdout).findings.map(({ about }: any) => about)).toContain('store')
    const exported = await hipflask(['export', '--config', module])
    expect(
      exported.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).user)
        .join(),
    ).toMatch(/^(?:anna,bert|bert,anna)$/)
  })
})

test('revoke ends a session, or all of a user but one', async () => {
  const { sessions, url } = fileApp()
  const [a, b, c] = [
    await begin(sessions, { username: 'anna' }),
    await begin(sessions, { username: 'anna' }),
    await begin(sessions, { username: 'anna' }),
  ]
  expect(await hipflask(['revoke', url, a.id])).toMatchObject({ code: 0, stdout: 'ended 1 session\n' })
  expect(await found(sessions, a.cookie)).toEqual({})
  expect(await hipflask(['revoke', url, '--user', 'anna', '--except', b.id, '--json'])).toMatchObject({
    code: 0,
    stdout: '{"revoked":1}\n',
  })
  expect(await found(sessions, b.cookie)).toEqual({ username: 'anna' })
  expect(await found(sessions, c.cookie)).toEqual({})
  expect((await hipflask(['revoke', url])).code).toBe(2)
})

test('an id that starts with a dash is an id, also as the value of an option', async () => {
  const { sessions, url, directory } = fileApp()
  const end = Date.now() + 60_000
  for (const id of [`-${'B'.repeat(41)}A`, `--${'C'.repeat(40)}A`]) {
    const times = { createdAt: 1, seenAt: 1, expiresAt: end, endsAt: end }
    await fileStore(directory).create({ id, data: '{}', user: 'anna', label: null, ...times })
    const shown = await hipflask(['show', url, id, '--json'])
    expect(JSON.parse(shown.stdout)).toMatchObject({ id })
  }
  const id = `-${'B'.repeat(41)}A`
  const { stdout } = await hipflask(['revoke', url, '--user', 'anna', '--except', id.slice(0, 8)])
  expect(stdout).toBe('ended 1 session\n')
  expect(await sessions.page(null, 10)).toMatchObject({ sessions: [{ id }] })
})

test('the beginning of several ids names none of them', async () => {
  const { url, directory } = fileApp()
  const times = { createdAt: 1, seenAt: 1, expiresAt: Date.now() + 60_000, endsAt: Date.now() + 60_000 }
  for (const last of 'AE') {
    const id = `${'D'.repeat(42)}${last}`
    await fileStore(directory).create({ id, data: '{}', user: null, label: null, ...times })
  }
  for (const start of ['DDDDDD', 'DD']) {
    const said = await hipflask(['revoke', url, start])
    expect(said).toMatchObject({ code: 2, stdout: '' })
    expect(said.stderr).toMatch(/2 sessions begin so|at least its first 4/)
  }
  expect((await fileStore(directory).page(null, 10)).sessions).toHaveLength(2)
})

test('export to a reader that has had enough ends quietly', async () => {
  const { sessions, url } = fileApp()
  for (let n = 0; n < 30; n++) await begin(sessions, { username: 'anna', note: 'x'.repeat(10_000) })
  const child = start(['export', url])
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (part: string) => (stderr += part))
  child.stdout!.once('data', () => child.stdout!.destroy())
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
  expect(stderr).not.toContain('EPIPE')
})

test('gc removes what is over and nothing else; ls shows it before', async () => {
  const { sessions, url, directory } = fileApp()
  await begin(sessions, { username: 'anna' })
  const then = Date.now() - 1000
  await fileStore(directory).create({
    ...{ id: 'B'.repeat(42) + 'A', data: '{}', user: null, label: null },
    ...{ createdAt: then, seenAt: then, expiresAt: then + 10, endsAt: then + 10 },
  })
  expect(JSON.parse((await hipflask(['ls', url, '--json'])).stdout).sessions).toHaveLength(1)
  expect(JSON.parse((await hipflask(['ls', url, '--json', '--expired'])).stdout).sessions).toHaveLength(2)
  expect((await hipflask(['show', url, `${'B'.repeat(42)}A`])).code).toBe(1)
  expect((await hipflask(['gc', url, '--json'])).stdout).toBe('{"removed":1}\n')
  expect((await hipflask(['gc', url])).stdout).toBe('removed 0 sessions\n')
  expect(await sessions.list('anna')).toHaveLength(1)
})

test('watch tells what is new, changed and gone, and ends well when interrupted', async () => {
  const { sessions, url } = fileApp()
  const anna = await begin(sessions, { username: 'anna' })
  const child = start(['watch', url, '--json', '--interval', '0.1'])
  const lines: any[] = []
  let [rest, notes] = ['', '']
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    const parts = (rest + part).split('\n')
    rest = parts.pop()!
    lines.push(...parts.map((line) => JSON.parse(line)))
  })
  child.stderr!.setEncoding('utf8').on('data', (part: string) => (notes += part))
  const until = async (holds: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 400 && !holds(); tries++)
      await new Promise((resolve) => setTimeout(resolve, 25))
    expect(holds()).toBe(true)
  }
  try {
    await until(() => notes.includes('watching 1 sessions'))
    const bert = await begin(sessions, { username: 'bert', password: 'hunter2' })
    await until(() => lines.length === 1)
    await change(sessions, anna.cookie, { note: 'hello' })
    await until(() => lines.length === 2)
    await sessions.revoke(bert.id)
    await until(() => lines.length === 3)
    expect(lines).toMatchObject([
      { what: 'new', id: bert.id, user: 'bert' },
      { what: 'changed', id: anna.id, changes: [{ key: 'note', was: null, is: '"hello"' }] },
      { what: 'gone', id: bert.id },
    ])
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    const ended = once(child, 'close')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
  }
})

describe('export and import', () => {
  test('a session moves to another store, and whoever has it stays logged in', async () => {
    const from = fileApp()
    const anna = await begin(from.sessions, { username: 'anna', note: 'a\u009b\u2028"\\' }, 'label')
    const exported = await hipflask(['export', from.url])
    expect(exported).toMatchObject({ code: 0, stderr: 'exported 1 session\n' })
    const to = fresh()
    const imported = await hipflask(['import', `file:${to}`, '--json'], { input: exported.stdout })
    expect(imported.code).toBe(0)
    expect(JSON.parse(imported.stdout)).toEqual({ imported: 1, replaced: 0, kept: 0, over: 0, refused: 0 })
    const sessions = appSessions(fileStore(to))
    expect(await found(sessions, anna.cookie)).toEqual({ username: 'anna', note: 'a\u009b\u2028"\\' })
    expect(await sessions.list('anna')).toEqual(await from.sessions.list('anna'))

    await change(sessions, anna.cookie, { note: 'newer' })
    const again = await hipflask(['import', `file:${to}`, '--json'], { input: exported.stdout })
    expect(JSON.parse(again.stdout)).toMatchObject({ imported: 0, kept: 1 })
    expect(await found(sessions, anna.cookie)).toMatchObject({ note: 'newer' })
    const replaced = await hipflask(['import', `file:${to}`, '--json', '--replace'], {
      input: exported.stdout,
    })
    expect(JSON.parse(replaced.stdout)).toMatchObject({ replaced: 1, kept: 0 })
    expect(await found(sessions, anna.cookie)).toMatchObject({ note: 'a\u009b\u2028"\\' })
  })

  test('malformed lines are refused by their number, the others are taken', async () => {
    const end = Date.now() + 60_000
    const good = {
      ...{ id: `${'C'.repeat(42)}A`, data: '{}', user: null, label: null },
      ...{ createdAt: 1, seenAt: 1, expiresAt: end, endsAt: end },
    }
    const bad: unknown[] = [
      [],
      { ...good, id: 'short' },
      { ...good, id: `${'C'.repeat(42)}B` },
      { ...good, data: 7 },
      { ...good, data: '\ud800' },
      { ...good, user: 7 },
      { ...good, endsAt: 'soon' },
      { ...good, createdAt: -1 },
      { ...good, expiresAt: end + 1 },
      { ...good, more: 'than a session has' },
    ]
    const lines = ['{"id":"zanzibar', ...bad.map((one) => JSON.stringify(one)), '', JSON.stringify(good)]
    const to = fresh()
    const said = await hipflask(['import', `file:${to}`, '--json'], { input: lines.join('\n') })
    expect(said.code).toBe(1)
    expect(JSON.parse(said.stdout)).toMatchObject({ imported: 1, refused: 11 })
    const told = said.stderr.trim().split('\n')
    expect(told).toHaveLength(11)
    for (const [i, line] of told.entries()) expect(line).toContain(`line ${i + 1} was refused`)
    expect(said.stderr).not.toContain('zanzibar')
    expect((await fileStore(to).page(null, 10)).sessions).toHaveLength(1)
  })

  test('a record that is over is not brought back', async () => {
    const record = {
      ...{ id: `${'C'.repeat(42)}A`, data: '{}', user: null, label: null },
      ...{ createdAt: 1, seenAt: 1, expiresAt: 2, endsAt: 2 },
    }
    const said = await hipflask(['import', `file:${fresh()}`], { input: JSON.stringify(record) })
    expect(said).toMatchObject({ code: 0, stdout: 'imported 0, skipped 1 that are over\n' })
  })
})

test('SQLite: migrate makes the table, nothing else does, and what an app keeps is found', async () => {
  const file = `${fresh()}.db`
  const missing = await hipflask(['ls', `sqlite:${file}`])
  expect(missing.code).toBe(2)
  expect(existsSync(file)).toBe(false)
  writeFileSync(file, '')
  const bare = await hipflask(['ls', `sqlite:${file}`])
  expect(bare.code).toBe(2)
  expect(bare.stderr).toContain('npx hipflask migrate')
  expect(await hipflask(['migrate', `sqlite:${file}`])).toMatchObject({
    code: 0,
    stdout: 'the table is there\n',
  })
  expect((await hipflask(['migrate', '--json'], { env: { HIPFLASK_STORE: `sqlite:${file}` } })).code).toBe(0)
  const store = await openStore(`sqlite:${file}`)
  try {
    await begin(appSessions(store), { username: 'anna' })
    const { sessions } = JSON.parse((await hipflask(['ls', `sqlite:${file}`, '--json'])).stdout)
    expect(sessions).toMatchObject([{ user: 'anna' }])
  } finally {
    await store.close()
  }
})

test.skipIf(redisProgram === null)('Redis: from files by a pipe, still logged in', async () => {
  const server = await startRedis()
  try {
    const url = `redis://127.0.0.1:${server.port}`
    const from = fileApp()
    const anna = await begin(from.sessions, { username: 'anna' })
    const { stdout } = await hipflask(['export', from.url])
    expect((await hipflask(['import', url], { input: stdout })).stdout).toBe('imported 1\n')
    const store = await openStore(url)
    try {
      expect(await found(appSessions(store), anna.cookie)).toEqual({ username: 'anna' })
      expect((await hipflask(['revoke', url, '--user', 'anna'])).stdout).toBe('ended 1 session\n')
      expect(await found(appSessions(store), anna.cookie)).toEqual({})
    } finally {
      await store.close()
    }
  } finally {
    await server.stop()
  }
})

describe('what cannot be asked is one line and 2', () => {
  const refused = async (args: readonly string[], ...parts: string[]): Promise<void> => {
    const said = await hipflask(args)
    expect(said).toMatchObject({ code: 2, stdout: '' })
    for (const part of parts) expect(said.stderr).toContain(part)
    expect(said.stderr.trim().split('\n')).toHaveLength(1)
  }
  test('an unknown command or option', async () => {
    await refused(['frobnicate'], 'npx hipflask --help')
    await refused(['ls', '--limt', '3'], '--limt')
    await refused(['ls', '--limit', 'x', fileApp().url], '--limit')
  })
  test('no store, or one that cannot be', async () => {
    await refused(['ls'], 'HIPFLASK_STORE')
    await refused(['ls', 'memory:'], 'one running process')
    await refused(['ls', 'ftp://x'], 'no kind of store')
    await refused(['ls', `file:${fresh()}`], 'does not exist')
    await refused(['ls', '--config', 'nowhere.mjs'], 'no file')
    await refused(['migrate', fileApp().url], 'nothing to migrate')
    const missing = fresh()
    await refused(['migrate', `file:${missing}`], 'does not exist')
    expect(existsSync(missing)).toBe(false)
    await refused(['show', fileApp().url], 'needs the id')
    await refused(['ls', fileApp().url, 'anna'], '1 argument too many')
  })
  test('a folder that is no store, which stays as it is', async () => {
    const folder = fresh()
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'notes.txt'), '')
    for (const name of ['ls', 'show', 'watch', 'revoke', 'gc', 'stats', 'doctor', 'migrate', 'export'])
      await refused([name, `file:${folder}`], 'no session store')
    expect(readdirSync(folder)).toEqual(['notes.txt'])
    writeFileSync(path.join(folder, '2029240f6d1128be89ddc32729463129'), '')
    await refused(['ls', `file:${folder}`], 'Flask-Session')
  })
  test('a path in place of a URL', async () => {
    const { directory } = fileApp()
    for (const args of [
      ['ls', directory],
      ['ls', '--store', directory],
      ['doctor', directory],
    ])
      await refused(args, `did you mean "file:${directory}"`)
    const file = fresh()
    writeFileSync(file, '')
    await refused(['stats', file], `did you mean "sqlite:${file}"`)
  })
  test('a server that is not there, by each driver, and no password is told', async () => {
    const port = await freePort()
    for (const scheme of ['postgres', 'mysql', 'redis', 'memcached']) {
      const said = await hipflask(['ls'], {
        env: {
          HIPFLASK_STORE: `${scheme}://${scheme === 'memcached' ? '' : 'u:hunter2@'}127.0.0.1:${port}/${scheme === 'redis' ? 0 : scheme === 'memcached' ? '' : 'db'}`,
        },
      })
      expect(said, scheme).toMatchObject({ code: 2, stdout: '' })
      expect(said.stderr, scheme).toContain('does not answer')
      expect(said.stderr).not.toContain('hunter2')
    }
  }, 60_000)
  test('a driver that is not installed', async () => {
    const place = fresh()
    cpSync(path.dirname(path.dirname(program)), path.join(place, 'dist'), { recursive: true })
    writeFileSync(path.join(place, 'package.json'), '{ "type": "module" }')
    for (const [url, driver] of [
      ['redis://127.0.0.1', 'redis'],
      ['postgres://127.0.0.1/db', 'pg'],
    ] as const) {
      const said = await hipflask(['ls', url], { file: path.join(place, 'dist/cli/main.js') })
      expect(said.code).toBe(2)
      expect(said.stderr).toContain(`npm install ${driver}`)
    }
  })
  test('a password on the command line is warned of', async () => {
    const said = await hipflask(['ls', 'redis://:hunter2@127.0.0.1:1'])
    expect(said.stderr).toContain('HIPFLASK_STORE')
    expect(said.stderr).not.toContain('hunter2')
  })
})

test('every command has help with an example', async () => {
  const { stdout, code } = await hipflask(['--help'])
  expect(code).toBe(0)
  const names = [...stdout.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name!)
  expect(names).toHaveLength(13)
  for (const name of names) {
    const help = await hipflask([name, '--help'])
    expect(help, name).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain(`npx hipflask ${name}`)
    expect(help.stdout).toMatch(/\n\n.*npx hipflask/)
  }
})

describe.each(sharedPlaces(house.path))('every store: %s', (name, program, start) => {
  test.skipIf(program === null)(
    'from a file by a pipe, looked at, revoked, still logged in',
    { timeout: 120_000 },
    async () => {
      const from = fileApp()
      const anna = await begin(from.sessions, { username: 'anna', password: 'hunter2' })
      const bert = await begin(from.sessions, { username: 'bert' })
      const lines = (await hipflask(['export', from.url])).stdout
      const place = await start()
      const url = name === 'file' ? `file:${path.join(house.path, 'imported')}` : place.url
      try {
        if (['postgres', 'mariadb', 'sqlite'].includes(name))
          expect((await hipflask(['migrate', url])).code).toBe(0)
        const told = await hipflask(['import', url, '--json'], { input: lines })
        expect(told, told.stderr).toMatchObject({ code: 0 })
        const store = await openStore(url)
        const sessions = appSessions(store)
        expect(await found(sessions, anna.cookie)).toEqual({ username: 'anna', password: 'hunter2' })

        const shown = await hipflask(['show', url, anna.id])
        expect(shown).toMatchObject({ code: 0 })
        expect(shown.stdout).not.toContain('hunter2')
        const listed = await hipflask(['ls', url, '--json'])
        const stats = await hipflask(['stats', url, '--json'])
        if (name === 'memcached') {
          // A cache cannot be walked through, and says so.
          for (const said of [listed, stats])
            expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining('memcached') })
        } else {
          expect(
            JSON.parse(listed.stdout)
              .sessions.map(({ user }: any) => user)
              .sort(),
          ).toEqual(['anna', 'bert'])
          expect(JSON.parse(stats.stdout)).toMatchObject({ living: 2 })
          expect((await hipflask(['revoke', url, '--user', 'bert'])).code).toBe(0)
          expect(await found(sessions, bert.cookie)).toEqual({})
          expect((await hipflask(['gc', url])).code).toBe(0)
        }
        expect((await hipflask(['revoke', url, anna.id])).code).toBe(0)
        expect(await found(sessions, anna.cookie)).toEqual({})
        await store.close()
      } finally {
        await place.stop()
      }
    },
  )
})
