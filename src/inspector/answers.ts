import type { Health } from '../engine/health.ts'
import { SessionError } from '../errors.ts'
import { jsonSerializer } from '../serializers/json.ts'
import { adviceOn } from './advice.ts'
import { decode, longestCookie } from './decode.ts'
import { feed } from './feed.ts'
import { deedOf, race } from './race.ts'
import { type Listed, Rows } from './rows.ts'
import type { NamedSecret } from './secrets.ts'
import { type Watch, type Watched, remembered } from './watch.ts'
import { why } from './why.ts'

/** What the inspector needs of `createSessions`. */
export interface Inspected extends Listed, Watched {
  health(): Health
  revoke(id: string): Promise<boolean>
  revokeUser(user: string): Promise<number>
  note(code: string, message: string, id?: string | null): void
}

/** What a page may ask, and what it is told. */
export interface Question {
  readonly method: 'GET' | 'POST'
  readonly answer: (args: Arguments, headers: Headers) => unknown
}

/** What a page sent along. */
export type Arguments = Readonly<Record<string, unknown>>

/** The session that is raced where there is none to copy. */
const sample = '{"name":"Ann","visits":4,"cart":["apple"]}'

/** All questions by name. Only POST does something, and only POST takes what must not stand in a log. */
export function questions(
  sessions: Inspected,
  watch: Watch,
  mask: RegExp,
  secrets: readonly NamedSecret[],
): ReadonlyMap<string, Question> {
  const rows = new Rows(sessions, watch, mask)

  function greeting(): object {
    const { serializer: _, ...description } = sessions.describe()
    return { description, now: Date.now(), remembered, secrets: secrets.map(({ name }) => name) }
  }

  function health(): object {
    const advice = adviceOn(sessions.describe(), process.env['NODE_ENV'] === 'production')
    const weak = secrets.flatMap(({ name, weakness }) =>
      weakness === null ? [] : [{ code: 'weak_secret', message: `The secret \`${name}\` ${weakness}.` }],
    )
    return {
      health: sessions.health(),
      advice: [...advice, ...weak],
      largest: watch.largest(),
      counts: watch.counts(),
      since: watch.since,
    }
  }

  function reasons({ n, https }: Arguments, headers: Headers): object {
    const seen = typeof n === 'number' ? watch.visit(n) : null
    if (seen === null) return { seen: null, answers: [] }
    const httpsBefore =
      headers.get('x-forwarded-proto')?.startsWith('https') === true
        ? 'X-Forwarded-Proto says https'
        : https === true
          ? 'The browser opened this page over HTTPS'
          : null
    const ending = seen.events
      .map(({ id }) => (id === null ? null : watch.ending(id)))
      .find((ending) => ending !== null)
    return {
      seen,
      answers: why(seen, { description: sessions.describe(), ending: ending ?? null, httpsBefore }),
    }
  }

  async function raced({ id, a, b, first }: Arguments): Promise<object> {
    const from = id === null || id === undefined ? null : await sessions.peek(rows.record(text(id)))
    if (id !== null && id !== undefined && from === null)
      throw new SessionError('ERR_SESSION_USE', 'The session has ended, so it cannot be copied.')
    return race({
      data: from?.data ?? sample,
      serializer: from === null ? jsonSerializer : sessions.describe().serializer,
      a: deedOf(a),
      b: deedOf(b),
      first: first === 'A' ? 'A' : 'B',
      mask,
    })
  }

  return new Map<string, Question>([
    [
      'feed',
      {
        method: 'GET',
        answer: ({ base }) => {
          if (typeof base === 'string' && base.startsWith('/') && base.length < 200) watch.base = base
          return feed(watch, greeting())
        },
      },
    ],
    [
      'sessions',
      {
        method: 'GET',
        answer: ({ cursor, user }) =>
          user === undefined
            ? rows.page(cursor === undefined ? null : text(cursor))
            : rows.ofUser(text(user)),
      },
    ],
    ['session', { method: 'GET', answer: ({ id }) => rows.detail(text(id), false) }],
    ['why', { method: 'GET', answer: reasons }],
    ['health', { method: 'GET', answer: health }],
    ['race', { method: 'POST', answer: raced }],
    [
      'decode',
      {
        method: 'POST',
        answer: ({ pasted }) => {
          const { cookie } = sessions.describe()
          const cookieNames = [...new Set([cookie.secure.name, cookie.plain.name])]
          return decode(text(pasted, longestCookie), { secrets, mask, now: Date.now(), cookieNames })
        },
      },
    ],
    [
      'reveal',
      {
        method: 'POST',
        answer: ({ id }) => {
          sessions.note(
            'inspector_reveal',
            'Masked values of this session were shown in the inspector.',
            rows.record(text(id)),
          )
          return rows.detail(text(id), true)
        },
      },
    ],
    [
      'revoke',
      {
        method: 'POST',
        answer: async ({ id }) => {
          const record = rows.record(text(id))
          sessions.note('inspector_revoke', 'This session is revoked from the inspector.', record)
          return { revoked: (await sessions.revoke(record)) ? 1 : 0 }
        },
      },
    ],
    [
      'revoke-user',
      {
        method: 'POST',
        answer: async ({ user }) => {
          sessions.note('inspector_revoke_user', 'All sessions of a user are revoked from the inspector.')
          return { revoked: await sessions.revokeUser(text(user)) }
        },
      },
    ],
  ])
}

function text(sent: unknown, longest: number = 1_000): string {
  if (typeof sent === 'string' && sent.length > 0 && sent.length <= longest) return sent
  throw new SessionError(
    'ERR_SESSION_USE',
    `The page sent no text of at most ${longest} characters where one is needed.`,
  )
}
