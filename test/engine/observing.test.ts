import { expect, test, vi } from 'vitest'
import type { SessionObserver, VisitReport } from '../../src/index.ts'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { lab, type Lab, watched } from './visitor.ts'

function observe(app: Lab): { reports: VisitReport[]; seen: string[]; stop: () => void } {
  const reports: VisitReport[] = []
  const seen: string[] = []
  const observer: SessionObserver = {
    event: ({ type }) => void seen.push(type),
    visit: (report) => void reports.push(report),
  }
  return { reports, seen, stop: app.sessions.observe(observer) }
}

test('an observer is told of each visit: cookie, calls, values before and after, what left', async () => {
  const app = lab({ store: watched(memoryStore({ max: 10 })), userOf: (data) => data['user'] })
  const { reports, seen, stop } = observe(app)
  await app.request((s) => s.set('cart', [1]))
  await app.request((s) => {
    s['cart'].push(2)
    s.set('user', 'ann')
  })
  await app.request((s) => s.get('cart'))
  await app.request(() => undefined)
  await app.request((s) => s.destroy())
  expect(reports).toMatchObject([
    {
      cookies: 0,
      looked: true,
      before: {},
      after: { cart: [1] },
      setCookie: '__Host-session=…; Secure; HttpOnly; Path=/; SameSite=Lax',
      calls: [{ call: 'create', ok: true }],
      events: [{ type: 'created' }],
      error: null,
    },
    {
      cookies: 1,
      before: { cart: [1] },
      after: { cart: [1, 2], user: 'ann' },
      user: 'ann',
      calls: [{ call: 'get' }, { call: 'rotate' }],
      events: [{ type: 'read' }, { type: 'rotated' }],
    },
    { before: { cart: [1, 2] }, after: { cart: [1, 2] }, setCookie: null, calls: [{ call: 'get' }] },
    { looked: false, setCookie: null },
    {
      after: null,
      setCookie: expect.stringContaining('__Host-session=; Expires='),
      events: [{ type: 'read' }, { type: 'destroyed' }],
    },
  ])
  expect(reports[0]!.route).toBe('GET /')
  expect(seen).toEqual(['created', 'read', 'rotated', 'read', 'read', 'read', 'destroyed'])
  stop()
  await app.request((s) => s.set('cart', [1]))
  expect(reports).toHaveLength(5)
})

test('of a failure, a stale cookie and a cookie session too', async () => {
  const app = lab({
    store: watched(memoryStore({ max: 10 }), (call) =>
      call === 'update' ? Promise.reject(new Error('down')) : undefined,
    ),
  })
  const { reports } = observe(app)
  await app.request((s) => s.set('a', 1))
  await app.request((s) => s.set('a', 2)).catch(() => undefined)
  expect(reports[1]).toMatchObject({
    error: 'ERR_SESSION_STORE',
    setCookie: null,
    calls: [
      { call: 'get', ok: true },
      { call: 'update', ok: false },
    ],
  })
  const sealed = lab({ codec: sealedCookie({ secret: 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA' }) })
  const watching = observe(sealed)
  await sealed.request((s) => s.set('a', 1))
  await sealed.request((s) => s.get('a'))
  expect(watching.reports).toMatchObject([
    { id: null, after: { a: 1 } },
    { cookies: 1, before: { a: 1 }, setCookie: null, secret: 'newest' },
  ])
})

test('an observer that throws changes nothing', async () => {
  const app = lab()
  const fail = (): never => {
    throw new Error('observer')
  }
  app.sessions.observe({ event: fail, visit: fail })
  const printed = console.error
  console.error = () => undefined
  try {
    await app.request((s) => s.set('a', 1))
  } finally {
    console.error = printed
  }
  expect(app.jar).toBeDefined()
})

test('page and peek show tools what is stored, and renew nothing', async () => {
  const app = lab({ idle: '10 minutes' })
  await app.request((s) => Object.assign(s, { a: new Date(5) }))
  app.now += 5 * 60_000
  const { sessions, next } = await app.sessions.page(null, 10)
  expect(next).toBeNull()
  const peeked = await app.sessions.peek(sessions[0]!.id)
  expect(peeked).toMatchObject({
    info: { id: sessions[0]!.id, seenAt: app.now - 300_000, size: 17 },
    data: '{"a":{" date":5}}',
    values: { a: new Date(5) },
    permanent: false,
  })
  app.now += 5 * 60_000
  expect(await app.sessions.peek(sessions[0]!.id)).toBeNull()
  expect(await app.sessions.peek('nobody')).toBeNull()
})

test('an observer hears which secret verified a cookie', async () => {
  const [older, newer] = ['pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA', 'aJ5gF0dH6bL3sY9kT1rZ7vQx4N2m8WpC']
  const before = lab({ codec: sealedCookie({ secret: older! }) })
  await before.request((s) => s.set('a', 1))
  const app = lab({ codec: sealedCookie({ secret: newer!, fallbacks: [older!] }) })
  app.jar = before.jar
  const { reports } = observe(app)
  for (let n = 0; n < 2; n++) await app.request((s) => s.get('a'))
  expect(reports).toMatchObject([
    { secret: 'earlier', before: { a: 1 }, setCookie: expect.stringContaining('=…') },
    { secret: 'newest', before: { a: 1 }, setCookie: null },
  ])
})

test('sessions describe themselves', () => {
  const { sessions } = lab({ idle: '2 hours', lifetime: '7 days', userOf: (data) => data['user'] })
  expect(sessions.describe()).toMatchObject({
    place: 'store',
    kind: 'memory',
    lifetime: 604_800_000,
    idle: 7_200_000,
    users: true,
    bearerIds: false,
    onClash: 'mine',
  })
})

test('what a tool did is told as a warning', () => {
  const app = lab()
  app.sessions.note('inspector_reveal', 'Somebody looked.', 'an id')
  expect(app.events).toMatchObject([
    { type: 'warning', code: 'inspector_reveal', message: 'Somebody looked.', id: 'an id', route: null },
  ])
})

test('a listener that fails later is printed, too, and ends nothing', async () => {
  const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  try {
    const app = lab({ onEvent: (async () => Promise.reject(new Error('late'))) as never })
    await app.request((s) => s.set('a', 1))
    await new Promise(setImmediate)
    expect(printed).toHaveBeenCalledWith(
      expect.stringContaining("'created'"),
      expect.objectContaining({ message: 'late' }),
    )
  } finally {
    printed.mockRestore()
  }
})
