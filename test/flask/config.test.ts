import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { flaskConfig } from '../../src/flask/index.ts'
import type { FlaskConfig } from '../../src/flask/index.ts'
import { createSessions } from '../../src/index.ts'
import type { SqlStore } from '../../src/stores/sql.ts'
import { Sqlite } from '../real/sqlite.ts'

const SECRET_KEY = 'wN8q-2fkzGm1ZP0uVbY7cJxT'
const client = { sendCommand: async () => 'OK', isOpen: true, options: {} }

test('without SESSION_TYPE they are Flask’s own sessions, with Flask’s defaults', () => {
  const { codec, store, ...rest } = flaskConfig({ SECRET_KEY, SESSION_TYPE: null })
  expect([typeof codec, store]).toEqual(['object', undefined])
  expect(codec!.flask).toEqual({ refreshEachRequest: true })
  expect(rest).toEqual({
    lifetime: 31 * 86_400_000,
    permanent: false,
    cookie: {
      name: 'session',
      path: '/',
      httpOnly: true,
      secure: false,
      sameSite: null,
      partitioned: false,
      prefix: false,
    },
  })
})

test('with SESSION_TYPE they are Flask-Session’s: permanent, and alive as long as they are used', () => {
  const config: FlaskConfig = {
    SECRET_KEY,
    SESSION_TYPE: 'REDIS' as 'redis',
    SESSION_REDIS: client,
    SESSION_KEY_PREFIX: 'mine:',
    PERMANENT_SESSION_LIFETIME: 60,
  }
  expect(flaskConfig(config)).toMatchObject({ permanent: true, lifetime: 60_000, idle: 60_000 })
  expect(flaskConfig(config).store!.serializer).toBeDefined()
  expect(flaskConfig({ ...config, SESSION_REFRESH_EACH_REQUEST: false })).not.toHaveProperty('idle')
  expect(flaskConfig({ ...config, SESSION_PERMANENT: false }).permanent).toBe(false)
  expect(() => createSessions(flaskConfig(config))).not.toThrow()
})

test('SESSION_USE_SIGNER signs ids with SECRET_KEY, as itsdangerous does', () => {
  const redis = { SESSION_TYPE: 'redis', SESSION_REDIS: client } as const
  const { ids } = flaskConfig({ SECRET_KEY, ...redis, SESSION_USE_SIGNER: true }).store!
  const token = ids!.next()
  expect(token).toMatch(/^[\w-]{43}\.[\w-]{27}$/)
  expect(ids!.record(token)).toBe(token.slice(0, 43))
  expect(ids!.record(token.slice(0, 43))).toBeNull()
  const unsigned = flaskConfig({ SECRET_KEY, ...redis, SESSION_USE_SIGNER: false }).store!
  expect(unsigned.ids!.record(token)).toBeNull()
  const { ids: plain } = flaskConfig({ ...redis, SESSION_ID_LENGTH: 16 }).store!
  expect(plain!.next()).toMatch(/^[\w-]{22}$/)
  expect(() => flaskConfig({ ...redis, SESSION_USE_SIGNER: true })).toThrow(
    expect.objectContaining({ code: 'ERR_SESSION_SECRET', message: expect.stringMatching(/SECRET_KEY/) }),
  )
})

test('SESSION_COOKIE_PARTITIONED makes the cookie Secure', () => {
  const { cookie } = flaskConfig({ SECRET_KEY, SESSION_COOKIE_PARTITIONED: true })
  expect(cookie).toMatchObject({ secure: true, partitioned: true })
})

test('SESSION_KEY_PREFIX begins each key', async () => {
  const sent: unknown[] = []
  const recording = { ...client, sendCommand: async (words: unknown) => sent.push(words) }
  const { store } = flaskConfig({ ...redis, SESSION_REDIS: recording, SESSION_KEY_PREFIX: 'mine:' })
  await store!.delete('abc')
  expect(JSON.stringify(sent)).toContain('"mine:abc"')
})

test('SESSION_FILE_DIR, _THRESHOLD and _MODE, and SESSION_CACHELIB, say where and how files are', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-config-'))
  try {
    for (const place of [
      { SESSION_TYPE: 'filesystem', SESSION_FILE_DIR: path.join(folder, 'a'), SESSION_FILE_MODE: 0o640 },
      { SESSION_TYPE: 'cachelib', SESSION_CACHELIB: path.join(folder, 'b') },
    ] as const) {
      const sessions = createSessions<{ name: string }>(flaskConfig(place))
      const visit = await sessions.open(undefined, { secure: false })
      visit.session.name = 'Ada'
      await visit.close()
    }
    const modes = (name: string): string[] =>
      readdirSync(path.join(folder, name)).map((file) =>
        (statSync(path.join(folder, name, file)).mode & 0o777).toString(8),
      )
    expect(modes('a')).toContain('640')
    expect(modes('b')).toContain('600')
  } finally {
    rmSync(folder, { recursive: true })
  }
  const negative = { SESSION_TYPE: 'filesystem', SESSION_FILE_THRESHOLD: -1 } as const
  expect(() => flaskConfig(negative)).toThrow(/SESSION_FILE_THRESHOLD/)
})

test.skipIf(Sqlite === null)('SESSION_SQLALCHEMY_SCHEMA and _TABLE name the table', async () => {
  const database = new Sqlite!(':memory:')
  database.exec("ATTACH ':memory:' AS other")
  const { store } = flaskConfig({
    SESSION_TYPE: 'sqlalchemy',
    SESSION_SQLALCHEMY: database,
    SESSION_SQLALCHEMY_SCHEMA: 'other',
    SESSION_SQLALCHEMY_TABLE: 'visitors',
    SESSION_CLEANUP_N_REQUESTS: 100,
  })
  await (store as SqlStore).migrate()
  expect(database.prepare('SELECT count(*) AS rows FROM other.visitors').get()).toEqual({ rows: 0 })
  database.close()
})

const redis = { SECRET_KEY, SESSION_TYPE: 'redis', SESSION_REDIS: client } as const

test.each<[string, object, RegExp]>([
  ['two unknown keys', { SESSION_TYP: 'redis', DEBUG: true, SECRET_KEY }, /SESSION_TYP, DEBUG/],
  ['an unknown type', { SECRET_KEY, SESSION_TYPE: 'mongodb' }, /filesystem, .* for SESSION_TYPE/],
  ['the type null', { SECRET_KEY, SESSION_TYPE: 'null' }, /for SESSION_TYPE/],
  [
    'Flask-Session’s keys without it',
    { SECRET_KEY, SESSION_PERMANENT: false, SESSION_USE_SIGNER: true },
    /SESSION_PERMANENT, SESSION_USE_SIGNER, of no use without SESSION_TYPE/,
  ],
  ['no client', { SESSION_TYPE: 'redis' }, /SESSION_REDIS/],
  ['no database', { SESSION_TYPE: 'sqlalchemy' }, /SESSION_SQLALCHEMY/],
  ['another type’s key', { ...redis, SESSION_MEMCACHED: 'localhost:1' }, /SESSION_MEMCACHED.* redis/],
  ['a client that is none', { ...redis, SESSION_REDIS: 'redis://localhost' }, /a client for SESSION_REDIS/],
  ['a partitioned cookie', { ...redis, SESSION_COOKIE_PARTITIONED: true }, /SESSION_COOKIE_PARTITIONED/],
  ['SameSite None without Secure', { SECRET_KEY, SESSION_COOKIE_SAMESITE: 'none' }, /SESSION_COOKIE_SECURE/],
  [
    'a flag in words',
    { SECRET_KEY, SESSION_COOKIE_SECURE: 'yes' },
    /true or false for SESSION_COOKIE_SECURE/,
  ],
  ['one fallback', { SECRET_KEY, SECRET_KEY_FALLBACKS: SECRET_KEY }, /array .* for SECRET_KEY_FALLBACKS/],
  ['no lifetime', { SECRET_KEY, PERMANENT_SESSION_LIFETIME: 0 }, /for PERMANENT_SESSION_LIFETIME/],
  ['half a second', { SECRET_KEY, PERMANENT_SESSION_LIFETIME: 0.5 }, /for PERMANENT_SESSION_LIFETIME/],
  ['a lifetime of words', { SECRET_KEY, PERMANENT_SESSION_LIFETIME: 'long' }, /PERMANENT_SESSION_LIFETIME/],
  ['a third format', { ...redis, SESSION_SERIALIZATION_FORMAT: 'yaml' }, /SESSION_SERIALIZATION_FORMAT/],
  ['a negative size', { SECRET_KEY, MAX_COOKIE_SIZE: -1 }, /MAX_COOKIE_SIZE/],
])('%s: ERR_SESSION_CONFIG names it', (_, config, words) => {
  const refusal = expect.objectContaining({
    code: 'ERR_SESSION_CONFIG',
    message: expect.stringMatching(words),
  })
  expect(() => flaskConfig(config)).toThrow(refusal)
  try {
    flaskConfig(config)
  } catch (error) {
    expect(String(error)).not.toContain(SECRET_KEY)
  }
})

test('no configuration at all', () => {
  for (const config of [null, undefined, 'config'])
    expect(() => flaskConfig(config as unknown as FlaskConfig)).toThrow(/takes an object/)
})
