import assert from 'node:assert/strict'
import { type AdapterCase, barrier, page, type PageAnswer, shows } from './adapter-case.ts'

const answers: Readonly<Record<string, PageAnswer>> = {
  '/redirect': { status: 302, headers: [['Location', '/get']] },
  '/see-other': { status: 303, headers: [['Location', '/get']], body: 'over there' },
  '/created': { status: 201, body: 'created' },
  '/empty': { status: 204 },
  '/not-modified': { status: 304, headers: [['ETag', '"1"']] },
  '/not-found': { status: 404, body: 'no such page' },
  '/failed': { status: 500, body: 'the app says so' },
  '/no-body': {},
}

/** Nothing leaves before the session is stored, whatever the response is. */
export const headCases: readonly AdapterCase[] = [
  {
    name: 'every kind of status carries the session: 2xx, redirects, 204, 304, errors',
    run: async ({ serve }) => {
      const pages = Object.entries(answers).map(([path, answer]) => [
        path,
        page((session) => (session.name = path), answer),
      ])
      const client = await serve({
        pages: { ...Object.fromEntries(pages), '/get': shows(({ name }) => name) },
      })
      for (const [path, { status = 200, body = '' }] of Object.entries(answers)) {
        const visitor = client.clone()
        const response = await visitor.ask(path)
        assert.equal(response.status, status, path)
        assert.equal(response.text, body, path)
        assert.equal(response.setCookies.length, 1, path)
        assert.equal((await visitor.ask('/get')).text, JSON.stringify(path))
      }
    },
  },
  {
    name: 'HEAD carries the session and no body',
    run: async ({ serve }) => {
      const client = await serve({
        pages: { '/set': page((session) => (session.name = 'Ada')), '/get': shows(({ name }) => name) },
      })
      const response = await client.ask('/set', { method: 'HEAD' })
      assert.equal(response.text, '')
      assert.equal(response.setCookies.length, 1)
      assert.equal((await client.ask('/get')).text, '"Ada"')
    },
  },
  {
    name: 'a redirect after a write leaves when the store has it, so the next page finds it',
    run: async ({ serve, store }) => {
      const client = await serve({
        pages: {
          '/login': page((session) => (session.name = 'Ada'), { status: 302, headers: [['Location', '/']] }),
          '/rename': page((session) => (session.name = 'Eve'), { status: 302, headers: [['Location', '/']] }),
          '/': shows(({ name }) => name),
        },
      })
      for (const [path, name, call] of [
        ['/login', 'Ada', 'create'],
        ['/rename', 'Eve', 'update'],
      ] as const) {
        const { body } = await client.open(path)
        assert.equal(store.calls.at(-1), call)
        assert.equal((await client.ask('/')).text, JSON.stringify(name))
        assert.ok(body)
      }
    },
  },
  {
    name: 'a streamed body: its head leaves when the store has the session, and before the body is done',
    run: async ({ serve, store }) => {
      const arrived = barrier(2)
      async function* pieces(): AsyncGenerator<string> {
        yield 'one '
        await arrived()
        yield 'two'
      }
      const client = await serve({
        pages: {
          '/': page((session) => (session.name = 'Ada'), { body: pieces() }),
          '/get': shows(({ name }) => name),
        },
      })
      const { body, setCookies } = await client.open('/')
      assert.deepEqual(store.calls, ['create'])
      assert.equal(setCookies.length, 1)
      assert.equal((await client.ask('/get')).text, '"Ada"')
      void arrived()
      let text = ''
      for await (const piece of body) text += piece
      assert.equal(text, 'one two')
    },
  },
  {
    name: 'server-sent events arrive one by one, and carry the cookie in their head',
    run: async ({ serve }) => {
      const heard = [barrier(2), barrier(2)]
      async function* events(): AsyncGenerator<string> {
        for (const [n, next] of heard.entries()) {
          yield `data: ${n}\n\n`
          await next()
        }
      }
      const client = await serve({
        pages: {
          '/': page((session) => (session.name = 'Ada'), {
            headers: [['Content-Type', 'text/event-stream']],
            body: events(),
          }),
        },
      })
      const { body, setCookies, headers } = await client.open('/')
      assert.equal(setCookies.length, 1)
      assert.match(headers['content-type'] ?? '', /^text\/event-stream/)
      const pieces: string[] = []
      for await (const piece of body) void heard[pieces.push(piece) - 1]?.()
      assert.deepEqual(pieces, ['data: 0\n\n', 'data: 1\n\n'])
    },
  },
  {
    name: 'a megabyte in pieces arrives whole',
    run: async ({ serve }) => {
      const piece = 'abcdefghijklmnopqrstuvwxyz'.repeat(640)
      async function* pieces(): AsyncGenerator<string> {
        for (let n = 0; n < 64; n++) yield piece
      }
      const client = await serve({
        pages: { '/': page((session) => (session.name = 'Ada'), { body: pieces() }) },
      })
      const { text } = await client.ask('/')
      assert.equal(text.length, 64 * piece.length)
      assert.ok(text === piece.repeat(64))
    },
  },
  {
    name: 'a change after the head has left throws instead of being lost',
    run: async ({ serve }) => {
      const arrived = barrier(2)
      let code = 'none'
      const client = await serve({
        pages: {
          '/': (session) => {
            session.name = 'Ada'
            return { body: late() }
            async function* late(): AsyncGenerator<string> {
              yield 'one '
              await arrived()
              try {
                session.name = 'Eve'
              } catch (error) {
                ;({ code } = error as { code: string })
              }
              yield 'two'
            }
          },
          '/get': shows(({ name }) => name),
        },
      })
      const { body } = await client.open('/')
      void arrived()
      let text = ''
      for await (const piece of body) text += piece
      assert.equal(text, 'one two')
      assert.equal(code, 'ERR_SESSION_CLOSED')
      assert.equal((await client.ask('/get')).text, '"Ada"')
    },
  },
]
