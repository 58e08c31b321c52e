import { expect, test } from 'vitest'
import { recordId } from '../../src/lib/id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { SessionStore } from '../../src/index.ts'
import { lab, values, watched } from './visitor.ts'

/** A layout like Flask-Session's: the bearer id is the record's name, and only an expiry is kept. */
function foreign(max = 10): SessionStore {
  const inner = watched(memoryStore({ max }))
  let drawn = 0
  return Object.assign(inner, {
    keepsTimes: false,
    ids: {
      next: () => `bearer-${drawn++}`,
      record: (token: string) => (token.startsWith('bearer-') ? token : null),
    },
  })
}

test('a layout with its own ids: tokens name records, and events and meta show hashes only', async () => {
  const app = lab({ store: foreign() })
  await app.request((s) => s.set('a', 1))
  expect(app.jar).toBe('__Host-session=bearer-0')
  expect((await app.store.get('bearer-0'))!.data).toBe('{"a":1}')
  expect(await app.request((s) => s.meta.id)).toBe(recordId('bearer-0'))
  await app.request((s) => s.regenerate())
  expect(app.jar).toBe('__Host-session=bearer-1')
  expect(JSON.stringify(app.events)).not.toContain('bearer-')
  expect(app.events.find(({ type }) => type === 'rotated')).toMatchObject({
    id: recordId('bearer-1'),
    from: recordId('bearer-0'),
  })
  app.jar = '__Host-session=other'
  expect(await values(app)).toEqual({})
  expect(app.events.at(-1)).toMatchObject({ type: 'rejected' })
})

test('a layout with its own ids: a session is revoked, and spared, by the id that may be shown', async () => {
  const app = lab({ store: foreign(300), userOf: ({ user }: { user?: string }) => user })
  for (let other = 0; other < 220; other++) {
    app.jar = ''
    await app.request((s) => s.set('user', 'bert'))
  }
  app.jar = ''
  await app.request((s) => s.set('user', 'ann'))
  const id = (await app.request((s) => s.meta.id))!
  expect(await app.sessions.revokeUser('ann', { except: id })).toBe(0)
  expect(await values(app)).toEqual({ user: 'ann' })
  expect(await app.sessions.revoke(id)).toBe(true)
  expect(await values(app)).toEqual({})
  expect(app.events.filter(({ type }) => type === 'revoked')).toMatchObject([{ id }])
  expect(await app.sessions.revoke(id)).toBe(false)
  expect(await app.sessions.revokeUser('bert')).toBe(220)
})

test('a layout that keeps no times: each write starts the lifetime again, and a permanent cookie is told', async () => {
  const app = lab({ store: foreign(), lifetime: '1 hour', permanent: true })
  await app.request((s) => s.set('a', 1))
  app.now += 59 * 60_000
  const visit = await app.visit()
  visit.session.set('a', 2)
  expect(await app.leave(visit)).toContain(`Expires=${new Date(app.now + 3_600_000).toUTCString()}`)
  app.now += 59 * 60_000
  expect(await values(app)).toEqual({ a: 2 })
  await app.request((s) => (s.permanent = false))
  const plain = await app.visit()
  plain.session.set('a', 3)
  expect(await app.leave(plain)).toBeNull()
  app.now += 60 * 60_000
  expect(await values(app)).toEqual({})
})

test('by Flask’s rules a permanent session’s cookie goes out with every response, whoever looks', async () => {
  const store = watched(memoryStore({ max: 10 }))
  const rules = (refreshEachRequest: boolean) => ({ flask: { refreshEachRequest }, keepsTimes: false })
  const app = lab({ store: Object.assign(store, rules(true)), lifetime: '1 hour', permanent: true })
  const untouched = async (of = app) => of.leave(await of.visit())
  const calls = () => store.calls.splice(0)

  expect(await (await app.visit()).close()).toEqual({ setCookie: null, vary: false })
  expect(calls()).toEqual([])
  await app.request((s) => s.set('a', 1))
  calls()
  app.now += 60_000
  const line = `${app.jar}; Expires=${new Date(app.now + 3_600_000).toUTCString()}; Secure; HttpOnly; Path=/; SameSite=Lax`
  const visit = await app.visit()
  expect(await visit.close()).toEqual({ setCookie: line, vary: true })
  expect(calls()).toEqual(['get'])
  expect(await app.leave(await app.visit())).toBe(line)

  // Where Flask sends none: not permanent, unknown, ended.
  await app.request((s) => (s.permanent = false))
  expect(await untouched()).toBeNull()
  await app.request((s) => (s.permanent = true))
  const ended = await app.visit()
  await app.request((s) => s.destroy())
  calls()
  expect(await untouched()).toBeNull()
  expect(calls()).toEqual([])
  expect(await app.leave(ended)).toBe(line) // it was read before

  // A lazy app reads where Flask would have something to send, and else not.
  await app.request((s) => s.set('a', 1))
  for (const refresh of [true, false]) {
    Object.assign(store, rules(refresh))
    const lazy = lab({ store, lazy: true, lifetime: '1 hour', permanent: true })
    lazy.jar = app.jar
    calls()
    expect([(await untouched(lazy)) !== null, calls()]).toEqual(refresh ? [true, ['get']] : [false, []])
  }
})

test('by Flask’s rules an assignment renews the session, also one of what was there', async () => {
  const store = watched(memoryStore({ max: 10 }))
  Object.assign(store, { flask: { refreshEachRequest: false }, keepsTimes: false })
  const app = lab({ store, lifetime: '1 hour', permanent: true })
  await app.request((s) => s.set('a', 1))
  const line = () =>
    `${app.jar}; Expires=${new Date(app.now + 3_600_000).toUTCString()}; Secure; HttpOnly; Path=/; SameSite=Lax`
  const renewals: ((s: any) => unknown)[] = [(s) => s.set('a', 1), (s) => (s.permanent = true)]
  for (const renews of renewals) {
    app.now += 10 * 60_000
    store.calls.splice(0)
    const visit = await app.visit()
    renews(visit.session)
    expect(await app.leave(visit)).toBe(line())
    expect(store.calls).toEqual(['get', 'touch'])
    expect(app.types().at(-1)).toBe('renewed')
  }
  expect((await store.page(null, 1)).sessions[0]).toMatchObject({ seenAt: app.now })

  // No assignment: only read, or nothing to remove. And not permanent: no cookie has an end to be moved.
  store.calls.splice(0)
  for (const step of [(s: any) => s.get('a'), (s: any) => s.pop('none', null)]) await app.request(step)
  expect(store.calls).toEqual(['get', 'get'])
  await app.request((s) => (s.permanent = false))
  const plain = await app.visit()
  plain.session.set('a', 1)
  expect(await app.leave(plain)).toBeNull()

  const late = await app.visit()
  late.session.set('a', 1)
  await app.request((s) => s.destroy())
  expect(await app.leave(late)).toContain('Max-Age=0')
  expect(app.types().at(-1)).toBe('gone')
})

test('a new session says first whether it is permanent, as in Flask-Session', async () => {
  const app = lab({ permanent: true })
  const stored = async () => (await app.store.page(null, 1)).sessions[0]!.id
  await app.request((s) => s.set('a', 1))
  expect((await app.store.get(await stored()))!.data).toBe('{"_permanent":true,"a":1}')
  await app.request((s) => s.destroy())
  await app.request((s) => {
    s.set('a', 1)
    s.permanent = false
  })
  expect((await app.store.get(await stored()))!.data).toBe('{"_permanent":false,"a":1}')
})
