import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { type Lab, lab, type LabOptions, watched } from './visitor.ts'

/** A visitor with a stored session `{ name: 'Ada' }`, of lazy sessions; the calls of its birth are forgotten. */
async function visitor(
  options: LabOptions = {},
  before?: (call: string) => unknown,
): Promise<Lab & { calls: string[] }> {
  const store = watched(memoryStore({ max: 100 }), before)
  const app = lab({ lazy: true, ...options, store })
  await app.request(async (session) => {
    expect(await session.load()).toBe(session)
    session.name = 'Ada'
  })
  store.calls.length = 0
  return Object.assign(app, { calls: store.calls })
}

test('a session nobody asks for costs no store call and leaves no mark on the response', async () => {
  const app = await visitor()
  const visit = await app.visit()
  expect(await visit.close()).toEqual({ setCookie: null, vary: false })
  expect(app.calls).toEqual([])
})

test('load reads it once, and then it is a dictionary as ever', async () => {
  const app = await visitor()
  const visit = await app.visit()
  const [one, other] = await Promise.all([visit.session.load(), visit.session.load()])
  expect([one, other]).toEqual([visit.session, visit.session])
  expect(visit.session.name).toBe('Ada')
  visit.session.name = 'Eve'
  await visit.session.load()
  expect(visit.session.name).toBe('Eve')
  expect(await visit.close()).toMatchObject({ vary: true })
  expect(app.calls).toEqual(['get', 'update'])
})

test.each<[string, (session: any) => unknown]>([
  ['reading', (session) => session.name],
  ['writing', (session) => (session.name = 'Eve')],
  ['in', (session) => 'name' in session],
  ['keys', (session) => Object.keys(session)],
  ['JSON', (session) => JSON.stringify(session)],
  ['destroy', (session) => session.destroy()],
  ['regenerate', (session) => session.regenerate()],
  ['meta', (session) => session.meta],
  ['permanent', (session) => session.permanent],
  ['flashes', (session) => session.flashes()],
])('%s before load says what to write, with a cookie and without one', async (_, use) => {
  const app = await visitor()
  for (const header of [app.jar, '', 'session=nonsense']) {
    const visit = await app.sessions.open(header, { secure: true })
    expect(() => use(visit.session)).toThrow(
      expect.objectContaining({
        code: 'ERR_SESSION_USE',
        message: expect.stringContaining('await session.load()'),
      }),
    )
    expect(await visit.close()).toEqual({ setCookie: null, vary: false })
  }
  expect(app.calls).toEqual([])
})

test('save before load is refused too, and so are sessions in memory: what works there works everywhere', async () => {
  const app = lab({ lazy: true })
  const visit = await app.visit()
  await expect(visit.session.save()).rejects.toThrow('await session.load()')
  expect(() => visit.session['name']).toThrow('await session.load()')
})

test('it may pass through promises and be inspected without being read', async () => {
  const app = await visitor()
  const visit = await app.visit()
  const carry = async (): Promise<unknown> => visit.session
  expect(await carry()).toBe(visit.session)
  expect(inspect(visit.session)).toBe('Session {}')
  expect(app.calls).toEqual([])
  expect(await visit.close()).toEqual({ setCookie: null, vary: false })
})

test('a response does not overtake a read that the app began and did not wait for', async () => {
  let answer = (): void => undefined
  const app = await visitor({}, (call) =>
    call === 'get' ? new Promise<void>((resolve) => (answer = resolve)) : undefined,
  )
  const visit = await app.visit()
  const loading = visit.session.load()
  let left = false
  const closing = Promise.resolve(visit.close()).then((facts) => {
    left = true
    return facts
  })
  await new Promise(setImmediate)
  expect(left).toBe(false)
  answer()
  await loading
  expect(await closing).toEqual({ setCookie: null, vary: true })
})

test('a store that is down rejects load, each time, and the visit can still be closed for an error page', async () => {
  let down = false
  const app = await visitor({}, () => {
    if (down) throw new Error('down')
  })
  down = true
  const visit = await app.visit()
  for (let time = 0; time < 2; time++)
    await expect(visit.session.load()).rejects.toMatchObject({ code: 'ERR_SESSION_STORE' })
  expect(await visit.close()).toEqual({ setCookie: null, vary: true })

  down = false
  const served = await visitor({ onStoreError: 'anonymous' }, () => {
    if (down) throw new Error('down')
  })
  down = true
  const anonymous = await served.visit()
  expect((await anonymous.session.load()).name).toBeUndefined()
})

test('without `lazy`, load is there and has nothing left to do', async () => {
  const store = watched(memoryStore({ max: 100 }))
  const app = lab({ store })
  await app.request(async (session) => {
    session.name = 'Ada'
    expect(await session.load()).toBe(session)
    expect(session.name).toBe('Ada')
  })
  expect(await app.request(async (session) => (await session.load()).name)).toBe('Ada')
  expect(store.calls).toEqual(['create', 'get'])
})

test('what is read only after the response has left is there all the same', async () => {
  const app = lab()
  await app.request((session) => (session.name = 'Ada'))
  const visit = await app.visit()
  await visit.close()
  expect(visit.session.name).toBe('Ada')
  expect(() => (visit.session.name = 'Eve')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CLOSED' }))
})

test('a forgotten `await` is told by every store, also by those that answer at once', async () => {
  for (const store of [memoryStore({ max: 10 }), watched(memoryStore({ max: 10 }))]) {
    const app = lab({ store, lazy: true })
    await app.request(async (s) => (await s.load()).set('a', 1))
    const visit = await app.visit()
    const loading = visit.session.load()
    expect(() => visit.session['a']).toThrow(expect.objectContaining({ code: 'ERR_SESSION_USE' }))
    await loading
    expect(visit.session['a']).toBe(1)
  }
})
