import { randomBytes } from 'node:crypto'
import process from 'node:process'
import { SessionError } from '../errors.ts'
import type { Secret } from '../lib/secret.ts'
import { type Arguments, type Inspected, questions } from './answers.ts'
import { type Address, notLocal, notOurs, PageTokens } from './guard.ts'
import { type Inspector, inspectorOf } from './forms.ts'
import { page } from './page/page.ts'
import { namedSecrets } from './secrets.ts'
import { defaultMask } from './shown.ts'
import { Watch } from './watch.ts'

export type { Inspected } from './answers.ts'
export type { FastifyLike, HonoLike, Inspector, KoaLike } from './forms.ts'

/** Options of `inspect`. */
export interface InspectOptions {
  /** Who may see the page: true or a promise of it. Without it only this machine may; with NODE_ENV=production it is needed. */
  readonly authorize?: (request: Request) => boolean | Promise<boolean>
  /** Secrets that the cookie decoder tries, under names that are shown in their place. Default: none. */
  readonly secrets?: Readonly<Record<string, Secret>>
  /** Keys whose values are hidden until somebody clicks, which is told as an event. Default: passwords, tokens and their like. */
  readonly mask?: RegExp
}

/** What a page sends its arguments in: not in the body, which the app's own parsers may take, and not in the address, which is logged. */
const argumentsHeader = 'x-inspector-arguments'
const tokenHeader = 'x-inspector-token'

/**
 * A page that shows what an app's sessions do; to be mounted under a path of its own. Answers this machine alone unless
 * `authorize` says otherwise, and observes only while somebody watches and two minutes more. Throws ERR_SESSION_CONFIG
 * with NODE_ENV=production and no `authorize`.
 */
export function inspect(sessions: Inspected, options: InspectOptions = {}): Inspector {
  const { authorize, secrets = {}, mask = defaultMask } = options
  if (process.env['NODE_ENV'] === 'production' && authorize === undefined) {
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'inspect: with NODE_ENV=production the inspector needs `authorize`, a function that says who may see every session.',
    )
  }
  if (authorize !== undefined && typeof authorize !== 'function')
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'inspect: `authorize` must be a function from a Request to true or false.',
    )
  if (!(mask instanceof RegExp))
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      'inspect: `mask` must be a regular expression for the names of keys.',
    )

  // With `g` or `y` a regular expression remembers where it stopped.
  const stateless = new RegExp(mask.source, mask.flags.replace(/[gy]/g, ''))
  const watch = new Watch(sessions, stateless)
  const tokens = new PageTokens()
  const asked = questions(sessions, watch, stateless, namedSecrets(secrets))

  async function answer(request: Request, address: Address): Promise<Response> {
    const { headers, method, url } = request
    const name = /\/_ask\/([a-z-]+)$/.exec(new URL(url).pathname)?.[1]
    const refusal =
      (authorize === undefined ? notLocal(request, address) : null) ?? notOurs(headers, name === undefined)
    if (refusal !== null) return refused(403, refusal)
    if (authorize !== undefined && !(await authorize(request)))
      return refused(403, 'You may not see this page.')
    if (name === undefined) return shownPage(method)
    const question = asked.get(name)
    if (question === undefined) return refused(404, 'There is nothing here.')
    if (method !== question.method)
      return refused(405, `Only ${question.method} is answered here.`, { allow: question.method })
    if (!tokens.valid(headers.get(tokenHeader)))
      return refused(403, 'This page is from another start of the app: reload it.')
    return told(() => question.answer(argumentsOf(headers), headers))
  }

  function shownPage(method: string): Response {
    if (method !== 'GET' && method !== 'HEAD')
      return refused(405, 'Only GET is answered here.', { allow: 'GET, HEAD' })
    const nonce = randomBytes(16).toString('base64')
    const body = method === 'HEAD' ? null : page(nonce, tokens.next())
    const policy = [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src 'nonce-${nonce}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; ')
    return new Response(body, {
      headers: { ...headersOf('text/html; charset=utf-8'), 'content-security-policy': policy },
    })
  }

  return inspectorOf(answer, () => watch.end())
}

async function told(work: () => unknown): Promise<Response> {
  try {
    const answer = await work()
    if (answer === null) return refused(503, 'Too many pages are watching; close one.')
    if (answer instanceof ReadableStream)
      return new Response(answer, { headers: headersOf('text/event-stream') })
    return new Response(JSON.stringify(answer), { headers: headersOf('application/json') })
  } catch (error) {
    if (error instanceof SessionError)
      return refused(error.code === 'ERR_SESSION_USE' ? 400 : 502, `${error.code}: ${error.message}`)
    // What another error says may hold a connection string, which is for the app's log and not for a page.
    console.error(error)
    return refused(502, 'This could not be answered; the log of the app says why.')
  }
}

function argumentsOf(headers: Headers): Arguments {
  const sent = headers.get(argumentsHeader)
  if (sent === null) return {}
  try {
    const args: unknown = JSON.parse(Buffer.from(sent, 'base64url').toString('utf8'))
    if (typeof args === 'object' && args !== null) return args as Arguments
  } catch (error) {
    throw new SessionError('ERR_SESSION_USE', 'What the page sent cannot be read.', { cause: error })
  }
  return {}
}

function refused(status: number, reason: string, more: Record<string, string> = {}): Response {
  return new Response(`${reason}\n`, {
    status,
    headers: { ...headersOf('text/plain; charset=utf-8'), ...more },
  })
}

function headersOf(type: string): Record<string, string> {
  return {
    'content-type': type,
    // A compressing middleware would hold the feed back.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-robots-tag': 'noindex',
  }
}
