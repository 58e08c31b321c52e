import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { fetchSession } from '../../src/adapters/fetch.ts'
import type { Session } from '../../src/contracts/session.ts'
import { createSessions } from '../../src/index.ts'
import { TroubledStore } from '../../src/testing/adapter-cases/troubled-store.ts'

interface Data {
  name: string
}

let store: TroubledStore
const request = (init?: RequestInit) => new Request('http://127.0.0.1/', init)
const sessions = () => createSessions<Data>({ store })
const signIn = (session: Session<Data>) => (session.name = 'Ada')

beforeEach(() => {
  store = new TroubledStore(false)
})
afterEach(() => void vi.restoreAllMocks())

it('passes on what the server passes besides the request', async () => {
  const handler = fetchSession(sessions(), (_, session, env: { name: string }, n: number) => {
    session.name = env.name
    return Response.json([env.name, n])
  })
  expect(await (await handler(request(), { name: 'Ada' }, 7)).json()).toEqual(['Ada', 7])
})

it('immutable responses get the cookie, too', async () => {
  const handler = fetchSession(sessions(), (_, session) => {
    signIn(session)
    return Response.redirect('http://127.0.0.1/next', 303)
  })
  const response = await handler(request())
  expect([response.status, response.headers.get('location')]).toEqual([303, 'http://127.0.0.1/next'])
  expect(response.headers.getSetCookie()).toHaveLength(1)
})

it('a response that the app keeps is not marked with one visitor’s cookie', async () => {
  const kept = new Response(null, { status: 404 })
  const handler = fetchSession(sessions(), (asked, session) => {
    if (asked.headers.has('x-set')) signIn(session)
    return kept
  })
  expect((await handler(request({ headers: { 'x-set': '1' } }))).headers.getSetCookie()).toHaveLength(1)
  expect((await handler(request())).headers.getSetCookie()).toEqual([])
})

it('answers the very same response when there is nothing to add', async () => {
  const response = new Response('page')
  expect(await fetchSession(sessions(), () => response)(request())).toBe(response)
})

it('a failed response that cannot be copied is answered as it is', async () => {
  const handler = fetchSession(sessions(), (_, session) => {
    signIn(session)
    return Response.error()
  })
  expect((await handler(request())).type).toBe('error')
})

it('onError answers what a handler throws, with the session, and what cannot be stored, without', async () => {
  const onError = (error: unknown) =>
    Response.json(Reflect.get(error as object, 'code') ?? 'thrown', { status: 503 })
  const handler = fetchSession(
    sessions(),
    (_, session) => {
      signIn(session)
      throw new Error('This page is meant to fail')
    },
    { onError },
  )
  const thrown = await handler(request())
  expect([thrown.status, await thrown.json(), thrown.headers.getSetCookie().length]).toEqual([
    503,
    'thrown',
    1,
  ])
  store.failing.add('create')
  const failed = await handler(request())
  expect([failed.status, await failed.json()]).toEqual([503, 'ERR_SESSION_STORE'])
  expect(failed.headers.getSetCookie()).toEqual([])
  expect(failed.headers.get('vary')).toBe('Cookie')
})

it('without onError the error is printed and the answer a bare 500', async () => {
  const print = vi.spyOn(console, 'error').mockReturnValue()
  const error = new Error('This page is meant to fail')
  const response = await fetchSession(sessions(), () => {
    throw error
  })(request())
  expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
  expect(print).toHaveBeenCalledExactlyOnceWith(error)
})

it('an https URL is HTTPS', async () => {
  const handler = fetchSession(sessions(), (_, session) => {
    signIn(session)
    return new Response('page')
  })
  const [cookie] = (await handler(new Request('https://example.org/'))).headers.getSetCookie()
  expect(cookie).toMatch(/^__Host-session=.*; Secure/)
})

it('the session of a second wrapping is that of the first', async () => {
  const shared = sessions()
  const seen: unknown[] = []
  const inner = fetchSession(shared, (_, session) => {
    seen.push(session)
    signIn(session)
    return new Response('page')
  })
  const outer = fetchSession(shared, (asked, session) => {
    seen.push(session)
    return inner(asked)
  })
  expect((await outer(request())).headers.getSetCookie()).toHaveLength(1)
  expect(seen[0]).toBe(seen[1])
  expect(store.calls).toEqual(['create'])
})

it('the same Request served again is another visit', async () => {
  const handler = fetchSession(sessions(), (_, session) => {
    signIn(session)
    return new Response('in')
  })
  const same = request()
  for (let n = 0; n < 2; n++) expect((await handler(same)).headers.getSetCookie()).toHaveLength(1)
})

it('a label may be missing', async () => {
  for (const label of [() => null, () => undefined]) {
    const handler = fetchSession(sessions(), (_, session) => new Response(signIn(session)), { label })
    expect((await handler(request())).status).toBe(200)
  }
})
