import * as fc from 'fast-check'
import { expect } from 'vitest'
import { settled } from '../flask-session/arbitrary.ts'
import type { Typed } from '../flask-session/typed.ts'
import type { Twin } from './twin.ts'

/** The seed of a file's random orders; HIPFLASK_SEED repeats a run. */
export const seed = Number(process.env['HIPFLASK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** One browser that visits the twins by turns, with the cookies of all of them, as a browser has for one host. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  /** What the last answer said of the session: its Set-Cookie lines, and its Vary. */
  told: { readonly lines: readonly string[]; readonly vary: string | null } = { lines: [], vary: null }

  /** Another browser with the same cookies. */
  copy(): Visitor {
    const other = new Visitor()
    for (const [name, value] of this.cookies) other.cookies.set(name, value)
    return other
  }

  /** The Cookie header. */
  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async ask(twin: Twin, path: string, method: 'GET' | 'POST' = 'GET', body?: string): Promise<string> {
    const { header: cookie } = this
    const headers = { 'Content-Type': 'application/json', ...(cookie !== '' && { cookie }) }
    const response = await fetch(twin.origin + path, { method, headers, ...(body !== undefined && { body }) })
    const text = (await response.text()).trimEnd()
    if (response.status !== 200)
      throw new Error(`${twin.name} answered ${response.status} to ${path}: ${text}`)
    this.told = { lines: response.headers.getSetCookie(), vary: response.headers.get('vary') }
    for (const line of this.told.lines) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? []
      if (/; Max-Age=0/.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return text
  }

  post(twin: Twin, path: string, value?: unknown): Promise<string> {
    return this.ask(twin, path, 'POST', value === undefined ? undefined : JSON.stringify(value))
  }
}

/** What a visitor did, and on which twin (by number); `keys` hands the twins their next keys. */
export type Step = readonly [twin: number, verb: string, argument?: any]

const name = fc.constantFrom('Ada', 'Bob', 'Zoë', '<b>&"', '日本', '')
const category = fc.constantFrom('message', 'error', 'info')
const key = fc.constantFrom('a', 'b', '10', '__proto__', 'é')

const leaf = fc.oneof(
  fc.constantFrom<Typed>(
    ['null'],
    ['bool', true],
    ['float', '1.0'],
    ['float', '-0.5'],
    ['int', '9007199254740993'],
  ),
  fc.integer().map<Typed>((value) => ['int', String(value)]),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map<Typed>((value) => ['str', value]),
)

/** Small values, so that a cookie can hold several; `more` makes a further container. */
export function few(...more: ((part: fc.Arbitrary<Typed>) => fc.Arbitrary<Typed>)[]): fc.Arbitrary<Typed> {
  const list = fc.array(leaf, { maxLength: 4 }).map<Typed>((items) => ['list', items])
  const dict = fc
    .dictionary(fc.constantFrom('x', '2', 'constructor', ' t'), leaf)
    .map<Typed>((members) => ['dict', Object.entries(members).map(([name, value]) => [['str', name], value])])
  return fc.oneof(leaf, list, dict, ...more.map((container) => container(leaf)))
}

/** Random visits of so many twins; `value` is what may be kept in a session of this kind. */
export function steps(twins: number, value: fc.Arbitrary<Typed>, length: number): fc.Arbitrary<Step[]> {
  const at = fc.nat(twins - 1)
  return fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.tuple(at, fc.constant('login'), name) },
      { weight: 2, arbitrary: fc.tuple(at, fc.constant('logout')) },
      { weight: 4, arbitrary: fc.tuple(at, fc.constant('visit')) },
      { weight: 3, arbitrary: fc.tuple(at, fc.constant('flash'), fc.tuple(name, category)) },
      { weight: 3, arbitrary: fc.tuple(at, fc.constant('flashes')) },
      { weight: 1, arbitrary: fc.tuple(at, fc.constant('permanent'), fc.boolean()) },
      { weight: 3, arbitrary: fc.tuple(at, fc.constant('put'), fc.tuple(key, value)) },
      { weight: 2, arbitrary: fc.tuple(at, fc.constant('pop'), key) },
      { weight: 1, arbitrary: fc.tuple(at, fc.constant('keys')) },
    ),
    { minLength: length, maxLength: length },
  )
}

/** Takes the steps, and after each asks every twin what it sees: the same as the others, and as it must be. */
export async function share(
  twins: readonly Twin[],
  walk: readonly Step[],
  rotate: () => Promise<void>,
): Promise<void> {
  const visitor = new Visitor()
  let user: { name: string; visits: number } | null = null
  let visits: number | null = null
  let messages: [string, string][] = []
  for (const [at, verb, argument] of walk) {
    const twin = twins[at]!
    switch (verb) {
      case 'login':
        await visitor.post(twin, `/login?name=${encodeURIComponent(argument)}`)
        user = { name: argument, visits: 0 }
        visits = 0
        messages.push(['success', `Welcome, ${argument}`])
        break
      case 'logout':
        await visitor.post(twin, '/logout')
        user = null
        visits = null
        messages = []
        break
      case 'visit':
        visits = (visits ?? 0) + 1
        expect(await visitor.post(twin, '/visit')).toBe(String(visits))
        break
      case 'flash': {
        const [text, category] = argument
        await visitor.post(twin, `/flash?text=${encodeURIComponent(text)}&category=${category}`)
        messages.push([category, text])
        break
      }
      case 'flashes':
        expect(JSON.parse(await visitor.post(twin, '/flashes'))).toEqual(messages)
        messages = []
        break
      case 'permanent':
        await visitor.post(twin, `/permanent?on=${argument ? 1 : 0}`)
        break
      case 'put':
        await visitor.post(twin, `/put?key=${encodeURIComponent(argument[0])}`, argument[1])
        break
      case 'pop': {
        const before = await seen(visitor, twin)
        const popped = settled(
          JSON.parse(await visitor.post(twin, `/pop?key=${encodeURIComponent(argument)}`)),
        )
        expect(popped).toEqual(settled(valueOf(before, argument) ?? ['null']))
        break
      }
      case 'keys':
        await rotate()
        break
      default:
        throw new Error(`no step ${verb}`)
    }
    const [first, ...others] = await everywhere(twins, visitor)
    for (const other of others) expect({ ...other, by: '' }).toEqual({ ...first, by: '' })
    expect(valueOf(first!.session, 'name') ?? null).toEqual(user === null ? null : ['str', user.name])
    expect(valueOf(first!.session, 'visits') ?? null).toEqual(
      visits === null ? null : ['int', String(visits)],
    )
  }
}

async function everywhere(twins: readonly Twin[], visitor: Visitor) {
  const answers = []
  for (const twin of twins)
    answers.push({
      by: twin.name,
      session: await seen(visitor, twin),
      permanent: await visitor.ask(twin, '/permanent'),
    })
  return answers
}

async function seen(visitor: Visitor, twin: Twin): Promise<Typed> {
  return settled(JSON.parse(await visitor.ask(twin, '/')))
}

function valueOf([, members]: Typed, wanted: string): Typed | undefined {
  return members.find(([[, key]]: [Typed, Typed]) => key === wanted)?.[1]
}
