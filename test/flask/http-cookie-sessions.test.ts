import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { flaskCookie } from '../../src/flask/index.ts'
import type { Session } from '../../src/index.ts'
import { createSessions } from '../../src/index.ts'
import { varyWithCookie } from '../../src/lib/response-headers.ts'
import { live, normal, type Typed, typed, vectors } from './vectors.ts'

/** What a client of Flask saw, request by request, with the steps that its view took. */
interface Case {
  name: string
  config: Record<string, any>
  requests: {
    clock: number
    cookie_header: string | null
    steps: Record<string, any>[]
    results: (Typed | null)[]
    status: number
    set_cookie: string[]
    vary: string | null
  }[]
}

/** Differences we keep, each with its reason; docs/flask.md lists them. */
const different: Record<string, string> = {
  'Vary star': 'a Vary of * says Cookie already',
  'update with nothing on a non-empty session':
    'there is no session.update({…}): Object.assign(session, {}) is no change',
  'update with nothing on an empty session':
    'there is no session.update({…}): Object.assign(session, {}) is no change',
  'nested change is not noticed': 'nested changes are noticed',
  'two cookies of one name: first wins':
    'two valid cookies of one name are refused, so a planted one cannot win',
  'no secret key: reading works, writing fails': 'a missing secret is refused when the app starts',
  'empty secret key is no secret key': 'a missing secret is refused when the app starts',
  'large cookie is still sent': 'a cookie that browsers drop is an error before the head leaves',
  'samesite wrong': 'a wrong SameSite is refused when the app starts',
  'cookie path is quoted': 'a path that needs quoting is refused when the app starts',
}

function step(session: Session<Record<string, any>>, one: Record<string, any>): unknown {
  switch (one['op']) {
    case 'get':
      return session.get(one['key'], null)
    case 'set':
      return session.set(one['key'], live(one['value'])) as undefined
    case 'pop':
      return session.pop(one['key'], null)
    case 'del':
      delete session[one['key']]
      return undefined
    case 'in':
      return one['key'] in session
    case 'len':
    case 'keys':
      return Object.keys(session)
    case 'all':
      return session.toJSON()
    case 'clear':
      return session.clear() as undefined
    case 'setdefault':
      if (!(one['key'] in session)) session[one['key']] = live(one['value'])
      return session[one['key']]
    case 'append_nested':
      session[one['key']].push(live(one['value']))
      return undefined
    case 'set_permanent':
      session.permanent = one['value']
      return undefined
    case 'get_permanent':
      return session.permanent
    case 'flash':
      return session.flash(one['message'], one['category'] ?? 'message') as undefined
    case 'get_flashed':
      return session.flashes({
        withCategories: one['with_categories'] ?? false,
        categoryFilter: one['category_filter'] ?? [],
      })
    case 'get_modified':
      return Object.keys(session) && undefined
    case 'set_modified':
      return undefined
    case 'raise':
    case 'abort':
    case 'response_vary':
      return undefined
    default:
      throw new Error(`no step ${one['op']}`)
  }
}

/** A Set-Cookie line with its payload inflated and its signature cut: builds of zlib differ in what they write. */
function readable(line: string): string {
  const [, name, payload, time, rest] = /^([^=]*)=(\.?[\w-]+)\.([\w-]+)\.[\w-]+(;.*)$/.exec(line) ?? []
  if (payload === undefined) return line
  const bytes = Buffer.from(payload.replace(/^\./, ''), 'base64url')
  return `${name}=${(payload.startsWith('.') ? inflateSync(bytes) : bytes).toString()} at ${time}${rest}`
}

const cases: Case[] = vectors.http_cookie_sessions

test('every difference that is kept is one of a case that exists', () => {
  for (const name of Object.keys(different)) expect(cases.map((one) => one.name)).toContain(name)
})

test.each(cases.filter(({ name }) => !(name in different)))('$name', async ({ config, requests }) => {
  const sameSite = config['SESSION_COOKIE_SAMESITE']
  const lifetime = config['PERMANENT_SESSION_LIFETIME']
  let now = 0
  const sessions = createSessions<Record<string, any>>({
    codec: flaskCookie({
      secret: config['SECRET_KEY'],
      fallbacks: config['SECRET_KEY_FALLBACKS'] ?? [],
      rules: { refreshEachRequest: config['SESSION_REFRESH_EACH_REQUEST'] ?? true },
    }),
    lifetime: lifetime === undefined ? '31 days' : lifetime * 1000,
    clock: () => now,
    cookie: {
      name: config['SESSION_COOKIE_NAME'] ?? 'session',
      path: config['SESSION_COOKIE_PATH'] ?? config['APPLICATION_ROOT'] ?? '/',
      ...(config['SESSION_COOKIE_DOMAIN'] === undefined ? {} : { domain: config['SESSION_COOKIE_DOMAIN'] }),
      secure: config['SESSION_COOKIE_SECURE'] === true || config['SESSION_COOKIE_PARTITIONED'] === true,
      sameSite: sameSite === undefined ? null : sameSite[0].toUpperCase() + sameSite.slice(1).toLowerCase(),
      partitioned: config['SESSION_COOKIE_PARTITIONED'] === true,
    },
  })
  for (const request of requests) {
    now = request.clock * 1000 + 500
    const visit = await sessions.open(request.cookie_header ?? undefined, { secure: false })
    let vary: string | undefined
    for (const [at, one] of request.steps.entries()) {
      if (one['op'] === 'response_vary') vary = one['vary']
      if (
        [
          'set',
          'del',
          'clear',
          'flash',
          'get_modified',
          'set_modified',
          'set_permanent',
          'append_nested',
          'raise',
          'abort',
          'response_vary',
        ].includes(one['op'])
      ) {
        step(visit.session, one)
        continue
      }
      const expected = request.results[at]
      const answer = step(visit.session, one)
      const plainly = ['in', 'len', 'get_permanent', 'keys', 'all', 'get_flashed'].includes(one['op'])
      if (expected !== null && expected !== undefined && !plainly)
        expect(typed(answer), JSON.stringify(one)).toEqual(normal(expected))
      if (one['op'] === 'all') {
        const own = (normal(expected as Typed) as any)[1].filter(([key]: [string]) => !key.startsWith('_'))
        expect((typed(answer) as any)[1]).toEqual(own)
      }
      if (one['op'] === 'in' || one['op'] === 'get_permanent')
        expect(answer).toBe(Array.isArray(expected) ? expected[1] : expected)
      if (one['op'] === 'get_flashed' && Array.isArray(expected)) {
        const texts = (typed(answer) as any)[1].map((message: any) =>
          message[0] === 'str' ? message[1] : message[1].map((part: any) => part[1]),
        )
        expect(texts).toEqual(
          (normal(expected as Typed) as any)[1].map((message: any) =>
            message[0] === 'str' ? message[1] : message[1].map((part: any) => part[1]),
          ),
        )
      }
    }
    const left = await visit.close()
    expect(left.setCookie === null ? [] : [readable(left.setCookie)]).toEqual(
      request.set_cookie.map(readable),
    )
    expect((left.vary ? varyWithCookie(vary) : vary) ?? null).toBe(request.vary)
  }
})
