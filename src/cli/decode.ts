import { decode as decodeCookie, type Decoded, longestCookie } from '../inspector/decode.ts'
import type { NamedSecret } from '../inspector/secrets.ts'
import { type Command, misuse } from './command.ts'
import { readInput } from './input.ts'
import { painted } from './output.ts'
import { secretOption, secretsOf } from './secrets.ts'
import { dataOf, maskOf, printShown, revealOption } from './values.ts'

/** `decode`: what a cookie is. */
export const decode: Command = {
  summary: 'what a cookie is: its format, values and age, and which secret verifies it',
  usage: '[COOKIE]',
  options: {
    ...secretOption,
    name: { value: 'NAME', help: "the cookie's name, which a sealed cookie is bound to (default session)" },
    ...revealOption,
  },
  examples: [
    'npx hipflask decode eyJ1c2VybmFtZSI6ImFubmEifQ.aFz8Yw.Q5zqGTDrBEkNQTGsMDZlPIVxTxU',
    'SECRET_KEY=… npx hipflask decode --json < cookie.txt',
    'pbpaste | npx hipflask decode',
  ],
  async run(call) {
    call.atMost(1)
    const [word] = call.words
    if (word === undefined && call.text('secret') === '-')
      throw misuse('standard input holds either the secret or the cookie; give the cookie as an argument')
    const pasted = word ?? (await readInput())
    if (pasted.trim() === '') throw misuse('there is no cookie, neither as an argument nor on standard input')
    if (pasted.length > longestCookie)
      throw misuse(`this has ${pasted.length} characters; no browser keeps a cookie of more than 4096 bytes`)
    const secrets = await secretsOf(call)
    const name =
      call.text('name') ?? /^\s*(?:(?:set-)?cookie:\s*)?([^=;\s]+)=[^=]/i.exec(pasted)?.[1] ?? 'session'
    const bare = name.replace(/^__(?:Host|Secure)-/, '')
    const around = {
      mask: maskOf(call),
      now: Date.now(),
      cookieNames: [
        ...new Set([name, bare, `__Host-${bare}`, `__Secure-${bare}`, 'session', '__Host-session']),
      ],
    }
    const strong = secrets.filter(({ weakness }) => weakness === null)
    // In production nothing may be opened with a weak secret; a signature may still be looked at.
    const first = decodeCookie(pasted, { ...around, secrets: strong })
    const sealed = first.format.includes('sealed session (XAES')
    const decoded = first.secret !== null || sealed ? first : decodeCookie(pasted, { ...around, secrets })
    const tried = sealed ? strong : secrets
    const problem = problemOf(decoded, tried)
    if (call.out.json) {
      const { format, facts, values, secret, verifiable, record } = decoded
      call.out.data({
        format,
        facts: Object.fromEntries(facts),
        values: values === null ? null : dataOf(values),
        secret,
        verifiable,
        record,
        problem,
      })
    } else {
      call.out.line(painted('bold', decoded.format))
      for (const [name, value] of decoded.facts) call.out.line('  ', painted('dim', name), '  ', value)
      if (decoded.record !== null) call.out.line('  ', painted('dim', 'Record'), '  ', decoded.record)
      if (decoded.secret !== null) {
        call.out.line('  ', painted('dim', 'Secret'), '  ', painted('green', `${decoded.secret} verifies it`))
        const weak = secrets.find(({ name }) => name === decoded.secret)?.weakness ?? null
        if (weak !== null)
          call.out.line('  ', painted('yellow', `${decoded.secret} ${weak}: npx hipflask secret`))
      } else if (problem !== null)
        call.out.line('  ', painted('dim', 'Secret'), '  ', painted('yellow', problem))
      if (decoded.values !== null) {
        call.out.line(painted('dim', 'Values'))
        printShown(call.out, decoded.values)
      }
    }
    return decoded.format === 'unknown' || problem !== null ? 1 : 0
  },
}

function problemOf({ verifiable, secret, format }: Decoded, tried: readonly NamedSecret[]): string | null {
  if (!verifiable || secret !== null) return null
  if (tried.length === 0) return 'there is no good one to try: set HIPFLASK_SECRET or SECRET_KEY'
  const names = tried.map(({ name }) => name).join(', ')
  const bound = format.startsWith('hipflask: a sealed')
    ? ', or it belongs to a cookie of another name (--name)'
    : ''
  return `none of these verifies it: ${names}. It was made with another secret or changed on the way${bound}`
}
