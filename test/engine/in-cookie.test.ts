import { describe, expect, test } from 'vitest'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import { flaskCookie } from '../../src/flask/cookie.ts'
import { lab, type LabOptions, values } from './visitor.ts'

const [older, newer] = ['pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA-old', 'Xe4Rt7Yu1Io0Pa3Sd6Fg9Hj2Kl5Zx8CvB-new']
const sealed = (options: LabOptions = {}): ReturnType<typeof lab> =>
  lab({ codec: sealedCookie({ secret: newer }), ...options })

describe('a session that is its cookie', () => {
  test('carries its values, and nothing is written for a reader', async () => {
    const app = sealed()
    await app.request((s) => Object.assign(s, { name: 'ann', at: new Date(5) }))
    const cookie = app.jar
    expect(await values(app)).toEqual({ name: 'ann', at: new Date(5) })
    expect(app.jar).toBe(cookie)
    expect(app.types()).toEqual(['created', 'read'])
  })
  test('a cookie nobody looks at is not even opened', async () => {
    const app = sealed()
    const visit = await app.visit('__Host-session=junk')
    expect(visit.close()).toEqual({ setCookie: null, vary: false })
    expect(app.events).toEqual([])
  })
  test('ends when it is emptied or destroyed, and the cookie goes', async () => {
    for (const end of [(s: any) => s.pop('a'), (s: any) => s.clear(), (s: any) => s.destroy()]) {
      const app = sealed()
      await app.request((s) => s.set('a', 1))
      await app.request(end)
      expect(app.jar).toBeUndefined()
      expect(app.types()).toEqual(['created', 'read', 'destroyed'])
    }
  })
  test('stays permanent when it is emptied, stored and filled again', async () => {
    const app = sealed({ lifetime: '1 hour' })
    await app.request((s) => {
      s.set('a', 1)
      s.permanent = true
    })
    const visit = await app.visit()
    visit.session.clear()
    await visit.session.save()
    visit.session.set('b', 1)
    expect(await app.leave(visit)).toContain('; Expires=')
    const emptied = await app.visit()
    emptied.session.clear()
    await emptied.session.save()
    expect(await app.leave(emptied)).toContain('Max-Age=0')
    expect(app.jar).toBeUndefined()
  })
  test('a shorter lifetime in the settings ends older cookies too', async () => {
    const long = sealed({ lifetime: '30 days' })
    await long.request((s) => s.set('a', 1))
    const short = sealed({ lifetime: '1 day' })
    short.jar = long.jar
    short.now = long.now + 86_400_000 - 1
    expect(await values(short)).toEqual({ a: 1 })
    short.now += 1
    expect(await values(short)).toEqual({})
  })
  test('an anonymous logout sends nothing; with a worthless cookie it drops that', async () => {
    const app = sealed()
    const visit = await app.visit(undefined)
    visit.session.destroy()
    expect(await visit.close()).toEqual({ setCookie: null, vary: true })
    const junk = await app.visit('__Host-session=junk')
    junk.session.destroy()
    expect((await junk.close()).setCookie).toContain('Max-Age=0')
  })
  test('a worthless cookie is an anonymous visitor, one event, and is dropped', async () => {
    const app = sealed()
    const visit = await app.visit('__Host-session=junk')
    expect(visit.session.meta.isNew).toBe(true)
    expect((await visit.close()).setCookie).toContain('Max-Age=0')
    expect(app.events).toMatchObject([{ type: 'rejected' }])
  })
  test('E01 lifetime and idle time are inside, to the millisecond', async () => {
    const app = sealed({ lifetime: '1 hour', idle: '10 minutes' })
    await app.request((s) => s.set('a', 1))
    const cookie = app.jar
    app.now += 599_999
    expect((await app.visit(cookie)).session.get('a')).toBe(1)
    app.now += 1
    const late = await app.visit(cookie)
    expect(late.session.get('a')).toBeUndefined()
    expect((await late.close()).setCookie).toContain('Max-Age=0')
    expect(app.types()).toContain('expired')
    for (let i = 0; i < 20; i++) {
      app.jar = i === 0 ? cookie : app.jar
      app.now += i === 0 ? -300_000 : 300_000
      await values(app)
    }
    expect(app.jar).toBeUndefined()
  })
  test('the idle time is renewed in the cookie, at most once per tenth of it', async () => {
    const app = sealed({ idle: '10 minutes' })
    await app.request((s) => s.set('a', 1))
    const first = app.jar
    app.now += 59_999
    await values(app)
    expect(app.jar).toBe(first)
    app.now += 1
    await values(app)
    expect(app.jar).not.toBe(first)
  })
  test.each([
    ['sealed', sealedCookie],
    ['signed as Flask does', flaskCookie],
  ])('A14 a cookie %s under an old secret is accepted and written anew', async (_, codec) => {
    const before = lab({ codec: codec({ secret: older }) })
    await before.request((s) => s.set('a', 1))
    const app = lab({ codec: codec({ secret: newer, fallbacks: [older] }) })
    app.jar = before.jar
    expect(await values(app)).toEqual({ a: 1 })
    expect(app.jar).not.toBe(before.jar)
    const after = lab({ codec: codec({ secret: newer }) })
    after.jar = app.jar
    expect(await values(after)).toEqual({ a: 1 })
    after.jar = before.jar
    expect(await values(after)).toEqual({})
  })
  test('A10 a value sealed for another cookie’s name is refused', async () => {
    const app = sealed({ cookie: { name: 'one' } })
    await app.request((s) => s.set('a', 1))
    const other = sealed({ cookie: { name: 'two' } })
    other.jar = app.jar!.replace('__Host-one', '__Host-two')
    expect(await values(other)).toEqual({})
    expect(other.types()).toEqual(['rejected'])
  })
  test('B01 B02 duplicates: a bad one hides nothing, two valid ones are refused', async () => {
    const app = sealed()
    await app.request((s) => s.set('a', 1))
    expect((await app.visit(`__Host-session=junk; ${app.jar}`)).session.get('a')).toBe(1)
    const first = app.jar
    app.jar = undefined
    await app.request((s) => s.set('a', 2))
    const both = await app.visit(`${first}; ${app.jar}`)
    expect(both.session.get('a')).toBeUndefined()
    expect((await both.close()).setCookie).toBeNull()
    expect(app.events.at(-1)).toMatchObject({ type: 'duplicate', valid: 2 })
  })
  test('B11 too much for a cookie fails before anything leaves', async () => {
    const app = sealed()
    await app.request((s) => s.set('a', 1))
    const cookie = app.jar
    await expect(app.request((s) => s.set('a', 'x'.repeat(4000)))).rejects.toMatchObject({
      code: 'ERR_SESSION_COOKIE_SIZE',
    })
    expect(app.jar).toBe(cookie)
  })
  test('permanent: by default, by request, and without a value it is nothing', async () => {
    const app = sealed({ permanent: true, lifetime: '7 days' })
    const visit = await app.visit()
    visit.session.set('a', 1)
    expect(await app.leave(visit)).toContain(`Expires=${new Date(app.now + 7 * 86_400_000).toUTCString()}`)
    const forget = await app.visit()
    forget.session.permanent = false
    expect(await app.leave(forget)).not.toContain('Expires')
    const nothing = sealed()
    await nothing.request((s) => (s.permanent = true))
    expect(nothing.jar).toBeUndefined()
  })
  test('regenerate seals anew; save puts the cookie aside for the end', async () => {
    const app = sealed()
    await app.request((s) => s.set('a', 1))
    const cookie = app.jar
    await app.request((s) => s.regenerate())
    expect(app.jar).not.toBe(cookie)
    await app.request(async (s) => {
      s.set('b', 2)
      await s.save()
    })
    expect(await values(app)).toEqual({ a: 1, b: 2 })
  })
  test('a payload that is no session, or does not fit the schema, is refused', async () => {
    const codec = sealedCookie({ secret: newer })
    const app = lab({ codec })
    const times = { createdAt: app.now, seenAt: app.now, expiresAt: app.now + 1000, endsAt: app.now + 1000 }
    const context = { cookieName: '__Host-session', now: app.now, lifetime: 1000 }
    app.jar = `__Host-session=${codec.seal({ data: '[]', ...times }, context)}`
    expect(await values(app)).toEqual({})
    expect(app.events).toMatchObject([{ type: 'rejected', reason: 'payload' }])
    const validate = (): { issues: [] | { message: string }[] } => ({ issues: [{ message: 'no' }] })
    const strict = lab({ codec, schema: { '~standard': { version: 1, vendor: 'x', validate } } })
    strict.jar = `__Host-session=${codec.seal({ data: '{"a":1}', ...times }, context)}`
    expect(await values(strict)).toEqual({})
    expect(strict.types()).toEqual(['invalid', 'rejected'])
  })
  test('cannot be listed, revoked or collected', async () => {
    const { sessions } = sealed()
    for (const call of [
      () => sessions.list('ann'),
      () => sessions.revoke('x'),
      () => sessions.revokeUser('ann'),
      async () => sessions.gc(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_SESSION_UNSUPPORTED' })
    }
  })
})
