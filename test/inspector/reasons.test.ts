import { describe, expect, test, vi } from 'vitest'
import { sealedCookie } from '../../src/codecs/sealed.ts'
import { inspect } from '../../src/inspector/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { lab, type Lab, type LabOptions, watched } from '../engine/visitor.ts'
import { FeedReader, open, type Page } from './asking.ts'

interface Watching {
  readonly app: Lab
  readonly page: Page
  /** The answers to the newest request, by the first word of their questions' objects. */
  why(
    args?: object,
  ): Promise<Record<'came' | 'verified' | 'found' | 'did' | 'saved' | 'left', string | undefined>>
  done(): Promise<void>
}

async function watching(options: LabOptions = {}, secure = true, headers = {}): Promise<Watching> {
  const app = lab(options, secure)
  const inspector = inspect(app.sessions, { authorize: () => true })
  const page = await open(inspector, headers)
  const feed = new FeedReader(await page.ask('feed'))
  let n = (await feed.next()).entries.length as number
  return {
    app,
    page,
    async why(args = {}) {
      while (true) {
        const { entries } = await feed.next()
        const visit = entries.findLast((entry: any) => entry.kind === 'visit')
        if (visit === undefined) continue
        n = visit.n
        break
      }
      const { answers } = await page.told('why', { n, ...args })
      const of = (question: RegExp): string | undefined =>
        answers.find((answer: any) => question.test(answer.question))?.answer
      return {
        came: of(/received/),
        verified: of(/verify/),
        found: of(/record found|session in it|it read/),
        did: of(/What did/),
        saved: of(/stored/),
        left: of(/cookie set/),
      }
    },
    async done() {
      await feed.close()
      inspector.close()
    },
  }
}

test('what fails in an unknown way is for the log of the app, and not for the page', async () => {
  const app = lab()
  const told = vi.spyOn(console, 'error').mockReturnValue()
  const failure = new Error('postgres://u:hunter2@10.0.0.1/app')
  app.sessions.page = () => Promise.reject(failure)
  const page = await open(inspect(app.sessions))
  const answer = await page.ask('sessions')
  expect([answer.status, await answer.text()]).toEqual([502, expect.not.stringContaining('hunter2')])
  expect(told).toHaveBeenCalledWith(failure)
  told.mockRestore()
})

describe('with a store', () => {
  test('a visitor’s way through a session', async () => {
    const { app, why, done } = await watching()
    await app.request(() => undefined)
    expect(await why()).toMatchObject({
      came: expect.stringContaining('No cookie `__Host-session` came'),
      did: 'It never looked.',
      saved: expect.stringContaining('not looked at'),
      left: 'No: the session was not looked at.',
    })
    await app.request((s) => s.get('a'))
    expect(await why()).toMatchObject({
      saved: expect.stringContaining('nothing changed'),
      left: expect.stringContaining('nothing to remember'),
    })
    await app.request((s) => s.set('a', 1))
    expect(await why()).toMatchObject({
      did: 'It changed `a`.',
      saved: expect.stringContaining('became a record'),
      left: 'Yes: the session is new.',
    })
    await app.request((s) => s.set('a', 2))
    expect(await why()).toMatchObject({
      came: 'Yes, `__Host-session`.',
      verified: expect.stringContaining('SHA-256'),
      found: 'Yes, alive.',
      saved: 'Yes: a value changed.',
      left: 'No: the browser has the id already, and the id did not change.',
    })
    await app.request((s) => s.regenerate())
    expect(await why()).toMatchObject({
      saved: expect.stringContaining('new id'),
      left: 'Yes: it has a new id.',
    })
    const old = app.jar
    await app.request((s) => s.destroy())
    expect(await why()).toMatchObject({
      did: 'It ended the session.',
      saved: 'Its record is deleted.',
      left: expect.stringContaining('cleared'),
    })
    app.jar = old
    app.now += 5_000
    await app.request((s) => s.get('a'))
    expect(await why()).toMatchObject({
      found: 'No record has this id any more: it was ended by the app, 5 seconds before.',
    })
    await done()
  })

  test('revoked, unknown, expired, rejected, duplicate', async () => {
    const { app, why, done } = await watching({ userOf: (data) => data['user'], idle: '10 minutes' })
    await app.request((s) => s.set('user', 'ann'))
    await why()
    const jar = app.jar
    app.now += 600_000
    await app.request((s) => s.get('user'))
    expect((await why()).found).toContain('its time was over')
    app.jar = undefined
    await app.request((s) => s.set('user', 'ann'))
    await why()
    await app.sessions.revokeUser('ann')
    await app.request((s) => s.get('user'))
    expect((await why()).found).toContain('it was revoked')
    app.jar = `__Host-session=${'A'.repeat(43)}`
    await app.request((s) => s.get('user'))
    expect((await why()).found).toContain('before this page was watching')
    app.jar = '__Host-session=<script>'
    await app.request((s) => s.get('user'))
    expect(await why()).toMatchObject({
      verified: expect.stringContaining('No: the cookie is no session of ours'),
      left: expect.stringContaining('cleared'),
    })
    app.jar = `${jar}; __Host-session=${'A'.repeat(43)}`
    await app.request((s) => s.get('user'))
    expect(await why()).toMatchObject({
      came: expect.stringContaining('2 of the name'),
      found: expect.stringContaining('None is used'),
    })
    await done()
  })

  test('a merge, a late save after a logout, a store that fails', async () => {
    let fails = false
    const store = watched(memoryStore({ max: 10 }), () => {
      if (fails) throw new Error('down')
    })
    const { app, why, done } = await watching({ store })
    await app.request((s) => Object.assign(s, { a: 0, b: 0 }))
    await why()
    const [one, two, late] = [await app.visit(), await app.visit(), await app.visit()]
    one.session.set('a', 1)
    two.session.set('b', 2)
    await app.leave(one)
    await why()
    await app.leave(two)
    expect(await why()).toMatchObject({
      did: 'It changed `b`.',
      saved: expect.stringContaining('after a conflict'),
    })
    await app.request((s) => s.destroy())
    await why()
    late.session.set('c', 3)
    await app.leave(late)
    expect(await why()).toMatchObject({
      did: expect.stringContaining('ended elsewhere'),
      saved: expect.stringContaining('never brings a session back'),
    })
    await app.request((s) => s.set('a', 1))
    await why()
    const visit = await app.visit()
    visit.session.set('a', 2)
    fails = true
    await expect(app.leave(visit)).rejects.toThrow()
    expect(await why()).toMatchObject({
      saved: expect.stringContaining('ERR_SESSION_STORE'),
      left: 'No: the session was not stored.',
    })
    await done()
  })
})

describe('where TLS ends before the app', () => {
  test('a Secure cookie over plain HTTP, and what to set', async () => {
    const { app, why, done } = await watching({ cookie: { secure: true, prefix: false } }, false, {
      'x-forwarded-proto': 'https',
    })
    await app.request((s) => s.set('a', 1))
    const { left } = await why()
    expect(left).toContain('`Secure` cookie over plain HTTP')
    expect(left).toContain('X-Forwarded-Proto says https')
    expect(left).toContain('trustProxy')
    await done()
  })

  test('known by the page’s own address, too', async () => {
    const { app, why, done } = await watching({}, false)
    await app.request((s) => s.set('a', 1))
    expect((await why({ https: true })).left).toContain('The browser opened this page over HTTPS')
    await app.request((s) => s.set('a', 1))
    expect((await why()).left).not.toContain('trustProxy')
    await done()
  })
})

describe('with a cookie', () => {
  const [older, newer] = ['pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA', 'aJ5gF0dH6bL3sY9kT1rZ7vQx4N2m8WpC']

  test('which secret verified it', async () => {
    const before = lab({ codec: sealedCookie({ secret: older! }) })
    await before.request((s) => s.set('a', 1))
    const { app, why, page, done } = await watching({
      codec: sealedCookie({ secret: newer!, fallbacks: [older!] }),
    })
    app.jar = before.jar
    await app.request((s) => s.get('a'))
    expect(await why()).toMatchObject({
      verified: expect.stringContaining('an earlier secret'),
      found: 'Yes, alive.',
      left: 'Yes: an earlier secret had verified it.',
    })
    await app.request((s) => s.get('a'))
    expect(await why()).toMatchObject({ verified: 'Yes, with the newest secret.' })
    app.jar = `${app.jar!.slice(0, -8)}AAAAAAAA`
    await app.request((s) => s.get('a'))
    expect(await why()).toMatchObject({ verified: expect.stringContaining('no secret verifies it') })
    app.now += 32 * 86_400_000
    app.jar = before.jar
    await app.request((s) => s.get('a'))
    expect(await why()).toMatchObject({ verified: expect.stringContaining('its time was over') })
    expect((await page.ask('sessions')).status).toBe(502)
    await done()
  })
})
