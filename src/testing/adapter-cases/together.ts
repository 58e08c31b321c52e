import assert from 'node:assert/strict'
import { type AdapterCase, barrier, page, shows } from './adapter-case.ts'

/** Requests of one visitor that overlap. */
export const togetherCases: readonly AdapterCase[] = [
  {
    name: 'two overlapping requests that change different values: both are kept',
    run: async ({ serve }) => {
      const both = barrier(2)
      const client = await serve({
        pages: {
          '/begin': page((session) => (session.count = 1)),
          '/name': page(async (session) => {
            session.name = 'Ada'
            await both()
          }),
          '/note': page(async (session) => {
            session.note = 'kept'
            await both()
          }),
          '/get': shows((session) => session.toJSON()),
        },
      })
      await client.ask('/begin')
      const [name, note] = await Promise.all([client.ask('/name'), client.ask('/note')])
      assert.deepEqual([name.status, note.status], [200, 200])
      assert.deepEqual(JSON.parse((await client.ask('/get')).text), { count: 1, name: 'Ada', note: 'kept' })
    },
  },
  {
    name: 'eight overlapping counts count eight',
    run: async ({ serve }) => {
      const all = barrier(8)
      const client = await serve({
        pages: {
          '/begin': page((session) => (session.count = 0)),
          '/count': page(async (session) => {
            session.update('count', (count = 0) => count + 1)
            await all()
          }),
          '/get': shows((session) => session.count),
        },
      })
      await client.ask('/begin')
      await Promise.all(Array.from({ length: 8 }, () => client.ask('/count')))
      assert.equal((await client.ask('/get')).text, '8')
    },
  },
  {
    name: 'a request that comes late does not bring an ended session back: its page stands, its cookie is cleared',
    run: async ({ serve, events }) => {
      const started = barrier(2)
      const ended = barrier(2)
      const client = await serve({
        pages: {
          '/login': page((session) => (session.name = 'Ada')),
          '/late': page(async (session) => {
            session.note = 'too late'
            void started()
            await ended()
          }),
          '/logout': page((session) => session.destroy()),
          '/get': shows((session) => session.toJSON()),
        },
      })
      await client.ask('/login')
      const late = client.clone()
      const response = late.ask('/late')
      await started()
      await client.ask('/logout')
      void ended()
      assert.equal((await response).text, 'done')
      assert.equal(late.cookies.size, 0)
      assert.ok(events.some(({ type }) => type === 'gone'))
      assert.equal((await late.ask('/get')).text, '{}')
    },
  },
]
