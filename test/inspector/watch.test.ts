import { describe, expect, test } from 'vitest'
import { inspect } from '../../src/inspector/index.ts'
import { defaultMask } from '../../src/inspector/shown.ts'
import { Watch } from '../../src/inspector/watch.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { lab, type Lab, watched } from '../engine/visitor.ts'
import { FeedReader, open } from './asking.ts'

function observers(app: Lab): { count: () => number; sessions: Lab['sessions'] } {
  let count = 0
  const observe = app.sessions.observe.bind(app.sessions)
  app.sessions.observe = (observer) => {
    count++
    const stop = observe(observer)
    return () => {
      count--
      stop()
    }
  }
  return { count: () => count, sessions: app.sessions }
}

describe('lazily', () => {
  test('nobody observes until a page reads the feed; close ends it', async () => {
    const app = lab()
    const { count, sessions } = observers(app)
    const inspector = inspect(sessions)
    const page = await open(inspector)
    await page.told('health')
    expect(count()).toBe(0)
    await app.request((s) => s.set('a', 1))
    const feed = new FeedReader(await page.ask('feed'))
    const greeting = await feed.next()
    expect(greeting).toMatchObject({ entries: [], description: { kind: 'memory' }, secrets: [] })
    expect(greeting.description.serializer).toBeUndefined()
    expect(count()).toBe(1)
    await app.request((s) => s.set('a', 2))
    expect((await feed.next()).entries).toMatchObject([
      { kind: 'visit', route: 'GET /', changes: { shown: [{ key: 'a', was: '1', is: '2' }] } },
    ])
    const second = new FeedReader(await page.ask('feed'))
    expect((await second.next()).entries).toHaveLength(1)
    expect(count()).toBe(1)
    await feed.close()
    await second.close()
    expect(count()).toBe(1) // for two minutes more, so that reloading loses nothing
    inspector.close()
    expect(count()).toBe(0)
    expect((await page.told('health')).since).toBeNull()
  })

  test('only so many pages watch, and only so much is remembered', async () => {
    const app = lab()
    const inspector = inspect(app.sessions)
    const page = await open(inspector)
    const feeds: Response[] = []
    for (let n = 0; n < 20; n++) feeds.push(await page.ask('feed'))
    expect((await page.ask('feed')).status).toBe(503)
    for (let n = 0; n < 600; n++) await app.request((s) => s.set('n', n))
    await feeds[0]!.body!.cancel()
    const feed = new FeedReader(await page.ask('feed'))
    const { entries } = await feed.next()
    expect(entries).toHaveLength(500)
    expect(entries.at(-1).changes.shown).toEqual([{ key: 'n', was: '598', is: '599', theirs: false }])
    await feed.close()
    for (const { body } of feeds.slice(1)) await body!.cancel()
    inspector.close()
  })

  test('a page that does not read is left behind, and told how far', async () => {
    const app = lab()
    const inspector = inspect(app.sessions)
    const page = await open(inspector)
    const feed = new FeedReader(await page.ask('feed'))
    await feed.next()
    for (let n = 0; n < 1_000; n++) await app.request((s) => s.set('n', n))
    const late = await feed.next()
    expect(late.missed).toBe(600)
    expect(late.entries).toHaveLength(400)
    await feed.close()
    inspector.close()
  })
})

describe('what is remembered of a request', () => {
  async function seen(app: Lab, mask = defaultMask): Promise<Watch> {
    const watch = new Watch(app.sessions, mask)
    watch.begin()
    return watch
  }

  test('is small, whatever the values are, and masked', async () => {
    const app = lab({ maxBytes: 10_000_000 })
    const watch = await seen(app)
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key${i}`, i]))
    await app.request((s) => Object.assign(s, { big: 'x'.repeat(1_000_000), password: 'hunter2', ...many }))
    await app.request((s) => s.set('deep', { user: { apiKey: 'k-123', ok: true } }))
    const text = JSON.stringify(watch.entries)
    expect(text.length).toBeLessThan(20_000)
    expect(text).not.toMatch(/hunter2|k-123/)
    expect(watch.entries[0]).toMatchObject({ changes: { more: 5_002 - 24 }, keys: 5_002 })
    expect(watch.entries[1]).toMatchObject({
      changes: { shown: [{ key: 'deep', was: null, is: '{user: {apiKey: ••••••, ok: true}}' }] },
    })
    watch.end()
  })

  test('tells a merge apart: what this request changed, and what the other did', async () => {
    const app = lab({ store: watched(memoryStore({ max: 10 })) })
    await app.request((s) => Object.assign(s, { a: 0, b: 0 }))
    const watch = await seen(app)
    const [one, two] = [await app.visit(), await app.visit()]
    one.session.set('a', 1)
    two.session.set('b', 2)
    await app.leave(one)
    await app.leave(two)
    expect(watch.entries[1]).toMatchObject({
      events: [{ type: 'read' }, { type: 'merged' }, { type: 'written' }],
      changes: {
        shown: [
          { key: 'a', theirs: true },
          { key: 'b', theirs: false },
        ],
      },
    })
    watch.end()
  })

  test('knows what happened outside requests, how sessions ended, and which are large', async () => {
    const app = lab({ userOf: (data) => data['user'] })
    const watch = await seen(app)
    await app.request((s) => s.set('user', 'ann'))
    const { id } = (await app.sessions.list('ann'))[0]!
    expect(watch.largest()).toEqual([{ id, bytes: 14 }])
    await app.sessions.revoke(id)
    expect(watch.entries.at(-1)).toMatchObject({ kind: 'event', event: { type: 'revoked', id } })
    expect(watch.ending(id)).toMatchObject({ type: 'revoked' })
    expect(watch.largest()).toEqual([])
    expect(watch.counts()).toEqual({ created: 1, revoked: 1 })
    expect(watch.of(id)).toHaveLength(1)
    watch.end()
    expect(watch.entries).toHaveLength(0)
  })

  test('and never the inspector itself', async () => {
    const app = lab()
    const watch = await seen(app)
    watch.base = '/__sessions'
    const visit = await app.sessions.open(undefined, { secure: true, route: 'GET /__sessions/_ask/health' })
    await visit.close()
    expect(watch.entries).toHaveLength(0)
    watch.end()
  })
})
