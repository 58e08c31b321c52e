import { sealedCookie } from '../codecs/sealed.ts'
import { flaskCookie } from '../flask/cookie.ts'
import { pythonJson } from '../itsdangerous/json.ts'
import { type Duration, milliseconds } from '../lib/duration.ts'
import { maxCookieBytes } from '../lib/cookie.ts'
import { jsonSerializer } from '../serializers/json.ts'
import { type Command, misuse } from './command.ts'
import { readInput } from './input.ts'
import { secretOption, secretsOf } from './secrets.ts'

/** `encode`: a cookie from JSON. */
export const encode: Command = {
  summary: 'a Flask or sealed cookie from JSON',
  usage: '[JSON]',
  options: {
    as: { value: 'FORMAT', help: 'sealed (default) or flask' },
    ...secretOption,
    name: {
      value: 'NAME',
      help: "the cookie's full name, which a sealed cookie is bound to (default session)",
    },
    lifetime: {
      value: 'TIME',
      help: "how long a sealed cookie is good, such as '2 hours' (default 31 days)",
    },
  },
  examples: [
    `HIPFLASK_SECRET=… npx hipflask encode '{"username":"anna"}'`,
    'SECRET_KEY=… npx hipflask encode --as flask < values.json',
  ],
  async run(call) {
    call.atMost(1)
    const format = call.text('as') ?? 'sealed'
    if (format !== 'sealed' && format !== 'flask') throw misuse('--as is either sealed or flask')
    const [word] = call.words
    if (word === undefined && call.text('secret') === '-')
      throw misuse('standard input holds either the secret or the values; give the values as an argument')
    const values = objectOf(word ?? (await readInput()), format === 'flask' ? pythonJson : JSON)
    const secrets = await secretsOf(call)
    const wanted =
      format === 'flask'
        ? ['--secret', 'SECRET_KEY', 'HIPFLASK_SECRET']
        : ['--secret', 'HIPFLASK_SECRET', 'SECRET_KEY']
    const secret = wanted
      .map((name) => secrets.find((one) => one.name === name))
      .find((one) => one !== undefined)
    if (secret === undefined)
      throw misuse(
        `there is no secret: set ${format === 'flask' ? 'SECRET_KEY' : 'HIPFLASK_SECRET'} in the environment; npx hipflask secret makes one`,
      )
    const codec =
      format === 'flask' ? flaskCookie({ secret: secret.key }) : sealedCookie({ secret: secret.key })
    const serializer = codec.serializer ?? jsonSerializer
    const kept = Object.entries(values).map(([key, value]): [string, unknown] => [
      key,
      serializer.keep(value, key),
    ])
    const lifetime = milliseconds((call.text('lifetime') ?? '31 days') as Duration, 'lifetime')
    const cookieName = call.text('name') ?? 'session'
    const now = Date.now()
    const cookie = codec.seal(
      {
        data: serializer.encode(new Map(kept)),
        createdAt: now,
        seenAt: now,
        expiresAt: now + lifetime,
        endsAt: now + lifetime,
      },
      { cookieName, now, lifetime },
    )
    if (cookieName.length + cookie.length > maxCookieBytes)
      call.out.note(`This cookie is longer than the ${maxCookieBytes} bytes that browsers keep.`)
    if (call.out.json) call.out.data({ format, name: cookieName, secret: secret.name, cookie })
    else call.out.line(cookie)
    return 0
  },
}

function objectOf(text: string, json: { parse(text: string): unknown }): object {
  let value: unknown
  try {
    value = json.parse(text)
  } catch {
    throw misuse('the values are not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw misuse('the values must be a JSON object, as in {"username":"anna"}')
  return value
}
