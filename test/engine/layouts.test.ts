import { expect, test } from 'vitest'
import { recordId } from '../../src/lib/id.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { SessionStore } from '../../src/index.ts'
import { lab, values, watched } from './visitor.ts'

/** A layout like Flask-Session's: the bearer id is the record's name, and only an expiry is kept. */
function foreign(): SessionStore {
  const inner = watched(memoryStore({ max: 10 }))
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
