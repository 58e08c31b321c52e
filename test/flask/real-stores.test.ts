import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as fc from 'fast-check'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flaskConfig } from '../../src/flask/index.ts'
import type { FlaskConfig } from '../../src/flask/index.ts'
import { createSessions } from '../../src/index.ts'
import { memcachedProgram, startMemcached } from '../real/memcached.ts'
import { pythonPath } from '../real/python.ts'
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

const places = [
  { name: 'files', open: inFiles, missing: false, more: {} },
  { name: 'SQLite', open: inSqlite, missing: Sqlite === null, more: {} },
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

for (const { name, open, missing, more } of places) {
  describe.skipIf(pythonPath === null || missing)(
    `Flask-Session in ${name}, shared with Flask (seed ${seed})`,
    () => {
      let place: Place
      let twins: Twin[]
      beforeAll(async () => {
        place = await open()
        const hipflask = { ...common, ...place.hipflask, ...more }
        // Flask comes first: a directory without files does not say which hash its cachelib names them by.
        const flask = await startFlask({ ...common, ...place.flask, ...more })
        const others = [startHipflask('node', hipflask), startHipflask('express', hipflask)]
        twins = [flask, ...(await Promise.all(others))]
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
    [true, 3600],
    [false, 100],
  ])('%s: after a request that only reads, the record has %i seconds', async (refresh, seconds) => {
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
