import { createHash } from 'node:crypto'
import { short } from '../shared/telling.ts'

/** The pairs of a Cookie header, or of a Set-Cookie line with its attributes. */
export function pairs(line: string): [name: string, value: string][] {
  return line
    .split(';')
    .filter((part) => part.includes('='))
    .map((part) => {
      const equals = part.indexOf('=')
      return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()]
    })
}

/** What kind of value a session cookie has, instead of the value: whoever knows it is that visitor. */
export function veiled(value: string): string {
  if (value === '') return '(nothing)'
  if (/^[\w-]{43}$/.test(value)) {
    const record = createHash('sha256').update(value).digest('base64url')
    return `(id of session ${short(record)})`
  }
  if (/^\.?[\w-]+\.[\w-]+\.[\w-]+$/.test(value)) return '(values).(time).(signature)'
  return `(${value.length} characters that are no session)`
}

/** A Set-Cookie line with its value replaced. */
export function veiledLine(setCookie: string): string {
  const [first = '', ...attributes] = setCookie.split('; ')
  const [[name, value] = ['', '']] = pairs(first)
  return [`${name}=${veiled(value)}`, ...attributes].join('; ')
}

const secretive = /pass|secret|token|key|pins?\b|card|cvv|cvc|iban|ssn|auth|credential/i
const longest = 120
const most = 12

/** A session's values, fit to be shown: nothing under a secretive name, nothing long. */
export function shown(value: unknown, name: string = ''): unknown {
  if (secretive.test(name)) return '(not shown)'
  if (typeof value === 'string') return value.length > longest ? `${value.slice(0, longest)}…` : value
  if (Array.isArray(value)) {
    const some: unknown[] = value.slice(-most).map((item) => shown(item))
    return value.length > most ? [`(${value.length - most} earlier ones)`, ...some] : some
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const some = entries.slice(0, most).map(([key, inner]) => [key, shown(inner, key)] as const)
  return Object.fromEntries(
    entries.length > most ? [...some, ['…', `(${entries.length - most} more)`]] : some,
  )
}
