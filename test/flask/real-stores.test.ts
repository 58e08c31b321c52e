import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as fc from 'fast-check'
import mysql from 'mysql2'
import pg from 'pg'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flaskConfig } from '../../src/flask/index.ts'
import type { FlaskConfig } from '../../src/flask/index.ts'
import { createSessions } from '../../src/index.ts'
import { mariadbProgram, startMariadb } from '../real/mariadb.ts'
import { memcachedProgram, startMemcached } from '../real/memcached.ts'
import { pythonPath } from '../real/python.ts'
import { postgresProgram, startPostgres } from '../real/postgres.ts'
import { redisProgram, startRedis } from '../real/redis.ts'
import { Sqlite } from '../real/sqlite.ts'
import { few, seed, share, steps, Visitor } from './share.ts'
import { startFlask, startHipflask } from './twin.ts'
import type { Twin } from './twin.ts'

/** Where Flask-Session and hipflask keep the same sessions: what each side is told, and how it ends. */
interface Place {
  readonly flask: object
  readonly hipflask: FlaskConfig
  readonly end: () => unknown
}

/** What both sides are told alike. */
const common = {
  SECRET_KEY: 'Xr2-5mKq8v_TzN1bYw9Lcd0F',
  SESSION_REFRESH_EACH_REQUEST: false,
  PERMANENT_SESSION_LIFETIME: 3600,
}

async function inRedis(): Promise<Place> {
  const server = await startRedis()
  const client = await createClient({ url: `redis://127.0.0.1:${server.port}` }).connect()
  const type = { SESSION_TYPE: 'redis' } as const
  return {
    flask: { ...type, REDIS_PORT: server.port },
    hipflask: { ...type, SESSION_REDIS: client },
    async end() {
      client.destroy()
      await server.stop()
    },
  }
}

async function inMemcached(): Promise<Place> {
  const server = await startMemcached()
  const type = { SESSION_TYPE: 'memcached' } as const
  return {
    flask: { ...type, MEMCACHED_PORT: server.port },
    hipflask: { ...type, SESSION_MEMCACHED: `127.0.0.1:${server.port}` },
    end: () => server.stop(),
  }
}

function inFiles(): Place {
  const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-files-'))
  const type = { SESSION_TYPE: 'filesystem', SESSION_FILE_DIR: folder } as const
  return { flask: type, hipflask: type, end: () => rmSync(folder, { recursive: true, force: true }) }
}

function inSqlite(): Place {
  const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-sqlite-'))
  const file = path.join(folder, 'flask.db')
  const database = new Sqlite!(file)
  database.pragma('journal_mode = WAL')
  const type = { SESSION_TYPE: 'sqlalchemy' } as const
  return {
    flask: { ...type, DATABASE: `sqlite:///${file}` },
    hipflask: { ...type, SESSION_SQLALCHEMY: database },
    end() {
      database.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function inPostgres(): Promise<Place> {
  const server = await startPostgres(postgresProgram()!)
  const pool = new pg.Pool({ connectionString: server.url })
  const type = { SESSION_TYPE: 'sqlalchemy' } as const
  return {
    flask: { ...type, DATABASE: server.url.replace('postgres:', 'postgresql+psycopg:') },
    hipflask: { ...type, SESSION_SQLALCHEMY: pool },
    async end() {
      await pool.end()
      await server.stop()
    },
  }
}

async function inMariadb(): Promise<Place> {
  const server = await startMariadb(mariadbProgram()!)
  const pool = mysql.createPool({ uri: server.url })
  const type = { SESSION_TYPE: 'sqlalchemy' } as const
  return {
    flask: { ...type, DATABASE: server.url.replace('mysql:', 'mysql+pymysql:') },
    hipflask: { ...type, SESSION_SQLALCHEMY: pool },
    async end() {
      await pool.promise().end()
      await server.stop()
    },
  }
}

const places = [
  { name: 'files', open: inFiles, missing: false, more: {} },
  { name: 'SQLite', open: inSqlite, missing: Sqlite === null, more: {} },
  { name: 'PostgreSQL', open: inPostgres, missing: postgresProgram() === null, more: {} },
  { name: 'MariaDB', open: inMariadb, missing: mariadbProgram() === null, more: {} },
  { name: 'memcached', open: inMemcached, missing: memcachedProgram === null, more: {} },
  { name: 'Redis', open: inRedis, missing: redisProgram === null, more: {} },
  {
    name: 'Redis, as JSON with signed ids',
    open: inRedis,
    missing: redisProgram === null,
    more: {
      SESSION_SERIALIZATION_FORMAT: 'json',
      SESSION_USE_SIGNER: true,
      SESSION_KEY_PREFIX: 'é:',
      SESSION_REFRESH_EACH_REQUEST: true,
    } as const,
  },
]

/** Request by request: the cookie, and whether the answer depends on it. */
async function whatClientSees(twin: Twin): Promise<unknown[]> {
  const visitor = new Visitor()
  const seen: unknown[] = []
  const note = async (path: string, method: 'GET' | 'POST' = 'GET', body?: string): Promise<void> => {
    const before = visitor.header
    await visitor.ask(twin, path, method, body)
    const cookies = visitor.told.lines.map((line) => {
      if (/; Max-Age=0/.test(line)) return 'deleted'
      const [, expires] = /; Expires=([^;]*)/.exec(line) ?? []
      const left = expires === undefined ? null : (Date.parse(expires) - Date.now()) / 1000
      return {
        isNew: visitor.header !== before,
        lives: left === null ? 'with the browser' : Math.abs(left - common.PERMANENT_SESSION_LIFETIME) < 30,
        attributes: line.replace(/^[^;]*|Expires=[^;]*; /g, ''),
      }
    })
    seen.push({ path, cookies, vary: visitor.told.vary })
  }
  await note('/ready')
  await note('/')
  await note('/begin?do=a', 'POST')
  await note('/ready')
  await note('/')
  await note('/begin?do=b', 'POST')
  await note('/flash?text=Hi&category=info', 'POST')
  await note('/flashes', 'POST')
  await note('/permanent?on=0', 'POST')
  await note('/ready')
  await note('/')
  await note('/permanent?on=1', 'POST')
  await note('/ready')
  // An assignment is a change to Flask, also to what it was.
  await note('/put?key=a', 'POST', '["int","1"]')
  await note('/put?key=a', 'POST', '["int","1"]')
  await note('/permanent?on=1', 'POST')
  await note('/pop?key=nothing', 'POST')
  return seen
}

for (const { name, open, missing, more } of places) {
  describe.skipIf(pythonPath === null || missing)(
    `Flask-Session in ${name}, shared with Flask (seed ${seed})`,
    () => {
      let place: Place
      let twins: Twin[]
      beforeAll(async () => {
        place = await open()
        const hipflask = { ...common, ...place.hipflask, ...more }
        // Either side may come first.
        const node = await startHipflask('node', hipflask)
        const flask = await startFlask({ ...common, ...place.flask, ...more })
        twins = [flask, node, await startHipflask('express', hipflask)]
      })
      afterAll(async () => {
        await Promise.all(twins.map((twin) => twin.stop()))
        await place.end()
      })

      test('whatever one of them does, the others see', { timeout: 300_000 }, async () => {
        await fc.assert(
          fc.asyncProperty(steps(twins.length, few(), 40), (walk) => share(twins, walk, async () => {})),
          { seed, numRuns: 2, endOnFailure: true },
        )
      })

      test('who logged out on one of them is logged out on all, also with a copied cookie', async () => {
        for (const here of twins) {
          const visitor = new Visitor()
          await visitor.post(twins[0]!, '/login?name=Ada')
          const thief = new Visitor()
          for (const [key, value] of visitor.cookies) thief.cookies.set(key, value)
          for (const there of twins) expect(await thief.ask(there, '/')).toContain('Ada')
          await visitor.post(here, '/logout')
          for (const there of twins) {
            expect(await thief.ask(there, '/'), `out on ${here.name}, asked ${there.name}`).not.toContain(
              'Ada',
            )
            expect(await visitor.ask(there, '/')).toBe('["dict",[]]')
          }
        }
      })

      test('what Flask writes while a request runs here stays, and what it ends stays ended', async () => {
        const [flask] = twins as [Twin]
        const options = flaskConfig({ ...common, ...place.hipflask, ...more })
        const sessions = createSessions<Record<string, unknown>>(options)
        const visitor = new Visitor()
        await visitor.post(flask, '/login?name=Ada')

        const slow = await sessions.open(visitor.header, { secure: false })
        slow.session.mine = 1
        await visitor.post(flask, '/put?key=theirs', ['int', '2'])
        await slow.close()
        const both = await sessions.open(visitor.header, { secure: false })
        expect(both.session.toJSON()).toMatchObject({ mine: 1, theirs: 2, name: 'Ada' })
        expect(await visitor.ask(flask, '/')).toContain('[["str","mine"],["int","1"]]')

        const late = await sessions.open(visitor.header, { secure: false })
        late.session.mine = 3
        const header = visitor.header
        await visitor.post(flask, '/logout')
        expect((await late.close()).setCookie).toMatch(/^session=;/)
        const revived = await sessions.open(header, { secure: false })
        expect(revived.session.toJSON()).toEqual({})
        await options.store?.close?.()
      })

      test('Flask revives what was ended here while its request ran: its last write wins', async () => {
        const [flask, ours] = twins as [Twin, Twin]
        const visitor = new Visitor()
        await visitor.post(flask, '/login?name=Ada')
        const late = visitor.copy()
        const slow = late.post(flask, '/slow')
        const deadline = Date.now() + 30_000
        while ((await new Visitor().ask(flask, '/slow')) !== '1' && Date.now() < deadline)
          await new Promise((resolve) => setTimeout(resolve, 10))
        const copy = visitor.copy()
        await visitor.post(ours, '/logout')
        expect(await copy.ask(ours, '/')).toBe('["dict",[]]')
        await new Visitor().post(flask, '/go-on')
        expect(await slow).toBe('late')
        for (const twin of twins) expect(await late.ask(twin, '/'), twin.name).toMatch(/Ada.*late/)
      })

      test('new sessions are those of Flask, byte for byte and key by key', async () => {
        const options = flaskConfig({ ...common, ...place.hipflask, ...more })
        const { ids, serializer } = options.store!
        const stored = async (twin: Twin, steps: string): Promise<unknown> => {
          const visitor = new Visitor()
          await visitor.post(twin, `/begin?do=${steps}`)
          // The client of memcached in Flask does not wait for its answer.
          await visitor.ask(twin, '/')
          const { data } = (await options.store!.get(ids!.record(visitor.cookies.get('session')!)!))!
          // A pickle has many spellings; its keys have their order all the same.
          return name === 'files' ? [...serializer!.decode(data).keys()] : data
        }
        const walks = ['a', 'a b', 'on a', 'a on', 'a on b', 'off a', 'a off', 'a off on', 'a off b on']
        try {
          for (const begins of [true, false]) {
            for (const twin of twins) await twin.configure({ SESSION_PERMANENT: begins })
            for (const steps of [...walks, 'a b clear c', 'off a clear b', 'a on clear b']) {
              const theirs = await stored(twins[0]!, steps)
              for (const twin of twins.slice(1))
                expect(await stored(twin, steps), `${twin.name}: ${steps}`).toEqual(theirs)
            }
          }
        } finally {
          for (const twin of twins) await twin.configure({ SESSION_PERMANENT: true })
          await options.store!.close?.()
        }
      })

      test.each([true, false])(
        'a client sees the cookies of Flask, SESSION_REFRESH_EACH_REQUEST %s',
        async (SESSION_REFRESH_EACH_REQUEST) => {
          const before = { ...common, ...more }.SESSION_REFRESH_EACH_REQUEST
          try {
            for (const twin of twins) await twin.configure({ SESSION_REFRESH_EACH_REQUEST })
            const [theirs, ...ours] = await Promise.all(twins.map((twin) => whatClientSees(twin)))
            for (const one of ours) expect(one).toEqual(theirs)
          } finally {
            for (const twin of twins) await twin.configure({ SESSION_REFRESH_EACH_REQUEST: before })
          }
        },
      )

      test('a session is one as permanent as the other', async () => {
        for (const here of twins) {
          const visitor = new Visitor()
          await visitor.post(here, '/login?name=Ada')
          for (const there of twins) expect(await visitor.ask(there, '/permanent'), there.name).toBe('1')
        }
      })
    },
  )
}

describe.skipIf(redisProgram === null)('SESSION_REFRESH_EACH_REQUEST in Redis', () => {
  test.each([
    [true, 'only reads', 3600],
    [false, 'only reads', 100],
    [false, 'assigns what was there', 3600],
  ])('%s: after a request that %s, the record has %i seconds', async (refresh, does, seconds) => {
    const place = await inRedis()
    try {
      const config = { ...common, ...place.hipflask, SESSION_REFRESH_EACH_REQUEST: refresh }
      const sessions = createSessions<Record<string, unknown>>(flaskConfig(config))
      const first = await sessions.open(undefined, { secure: false })
      first.session.name = 'Ada'
      const cookie = (await first.close()).setCookie!.split(';')[0]!
      const key = `session:${cookie.slice('session='.length)}`
      const client = config.SESSION_REDIS as Awaited<ReturnType<typeof createClient>>
      const before = await client.get(key)
      expect(await client.expire(key, 100)).toBe(1)
      const second = await sessions.open(cookie, { secure: false })
      expect(second.session.name).toBe('Ada')
      if (does !== 'only reads') second.session.name = 'Ada'
      await second.close()
      const left = await client.ttl(key)
      expect(left).toBeLessThanOrEqual(seconds)
      expect(left).toBeGreaterThan(seconds - 60)
      expect(await client.get(key)).toBe(before)
    } finally {
      await place.end()
    }
  })
})
