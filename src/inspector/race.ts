import { isDeepStrictEqual } from 'node:util'
import type { Serializer } from '../contracts/serializer.ts'
import type { Session } from '../contracts/session.ts'
import type { SessionStore } from '../contracts/store.ts'
import type { Visit } from '../contracts/visit.ts'
import { Sessions } from '../engine/sessions.ts'
import { SessionError } from '../errors.ts'
import { newId, recordId } from '../lib/id.ts'
import { memoryStore } from '../stores/memory.ts'
import { LastWriterWins, type Values } from './last-writer-wins.ts'
import { line, narrow, shown } from './shown.ts'

/** What a request of the race does to the session. */
export type Deed =
  | { readonly verb: 'set'; readonly key: string; readonly value: unknown }
  | { readonly verb: 'add'; readonly key: string }
  | { readonly verb: 'push'; readonly key: string; readonly value: unknown }
  | { readonly verb: 'remove'; readonly key: string }
  | { readonly verb: 'destroy' }

/** One of the two requests. */
export type Runner = 'A' | 'B'

/** One step of a race, in the order they happened. `values` is what is stored after it, where that changed. */
interface Step {
  readonly who: Runner
  readonly what: 'read' | 'change' | 'write' | 'refused' | 'reread' | 'delete' | 'gone' | 'revive'
  readonly text: string
  readonly values?: string
}

/** How one way of keeping sessions came through a race. */
interface Run {
  readonly steps: readonly Step[]
  /** What is stored in the end; null: the session is ended. */
  readonly final: string | null
  /** Whether the end is what one of the two orders of the requests, one after the other, would give. */
  readonly right: boolean
  readonly verdict: string
}

/** A race: where it starts, and how it went for both. */
export interface Race {
  readonly start: string
  readonly theirs: Run
  readonly ours: Run
}

/** What to race: two deeds on the stored text `data`, and who answers first. */
export interface Plan {
  readonly data: string
  readonly serializer: Serializer
  readonly a: Deed
  readonly b: Deed
  readonly first: Runner
  readonly mask: RegExp
}

/**
 * Really runs two overlapping requests on copies of a session: once on a last-writer-wins store, once on hipflask's
 * engine over a memory store. Both read before either writes. Nothing of the app's own sessions is touched.
 */
export async function race(plan: Plan): Promise<Race> {
  const { data, serializer, a, b } = plan
  const values = (): Values => new LastWriterWins(data, serializer).load() ?? {}
  const keys = new Set([a, b].flatMap((deed) => (deed.verb === 'destroy' ? [] : [deed.key])))
  if (keys.size === 0) for (const key of Object.keys(values()).slice(0, 1)) keys.add(key)
  const brief = (state: Values | null): string => (state === null ? 'ended' : briefly(state, keys, plan.mask))
  const start = values()
  const orders = [inOrder(values(), a, b), inOrder(values(), b, a)]
  const judge = (steps: Step[], final: Values | null): Run => {
    const right = orders.some((state) => isDeepStrictEqual(state, final))
    return {
      steps,
      final: final === null ? null : brief(final),
      right,
      verdict: verdict(right, final, orders, brief),
    }
  }
  return {
    start: brief(start),
    theirs: judge(...lastWriterWins(plan, brief)),
    ours: judge(...(await hipflask(plan, brief))),
  }
}

/** What the session would be if one request had come after the other; a request to an ended session finds none. */
function inOrder(values: Values, first: Deed, second: Deed): Values | null {
  return [first, second].reduce<Values | null>(
    (state, deed) => (state === null ? null : done(state, deed)),
    values,
  )
}

function verdict(
  right: boolean,
  final: Values | null,
  orders: readonly (Values | null)[],
  brief: Brief,
): string {
  const ends = orders.every((state) => state === null)
  if (right && ends) return 'The session is ended, and stays ended.'
  if (right) return 'Both requests count.'
  if (final !== null && ends) return 'The session that was ended is alive again.'
  const [due] = orders.map((state) => brief(state).replaceAll('\n', ', '))
  const same = isDeepStrictEqual(orders[0], orders[1]) && due!.length < 48
  return same
    ? `An update is lost. It should be ${due}.`
    : 'An update is lost: no order of the two requests gives this.'
}

type Brief = (state: Values | null) => string
type Outcome = [steps: Step[], final: Values | null]

function lastWriterWins({ data, serializer, a, b, first }: Plan, brief: Brief): Outcome {
  const store = new LastWriterWins(data, serializer)
  const steps: Step[] = []
  const loaded: Record<Runner, Values> = { A: {}, B: {} }
  const deeds = { A: a, B: b }
  for (const who of ['A', 'B'] as const) {
    loaded[who] = store.load() ?? {}
    steps.push({ who, what: 'read', text: 'loads all of it' })
  }
  for (const who of ['A', 'B'] as const) {
    const changed = done(loaded[who], deeds[who])
    if (changed !== null) loaded[who] = changed
    steps.push({ who, what: 'change', text: code(deeds[who]) })
  }
  for (const who of order(first)) {
    const dead = store.load() === null
    if (deeds[who].verb === 'destroy') {
      store.destroy()
      steps.push({ who, what: 'delete', text: 'deletes it', values: brief(null) })
    } else {
      store.save(loaded[who])
      steps.push({
        who,
        what: dead ? 'revive' : 'write',
        text: dead ? 'saves all of it: it is back' : 'saves all of it',
        values: brief(store.load()),
      })
    }
  }
  return [steps, store.load()]
}

/** What happens in a race, and whose doing it is at the moment. */
interface Track {
  who: Runner
  readonly steps: Step[]
  readonly deeds: Readonly<Record<Runner, Deed>>
  readonly stored: () => Values | null
}

async function hipflask({ data, serializer, a, b, first }: Plan, brief: Brief): Promise<Outcome> {
  const inner = memoryStore({ max: 4 })
  const token = newId()
  const id = recordId(token)
  const now = Date.now()
  const end = now + 3_600_000
  inner.create({
    id,
    data,
    user: null,
    label: null,
    createdAt: now,
    seenAt: now,
    expiresAt: end,
    endsAt: end,
  })
  const stored = (): Values | null => {
    const record = inner.get(id)
    return record === null ? null : (new LastWriterWins(record.data, serializer).load() ?? {})
  }
  const track: Track = { who: 'A', steps: [], deeds: { A: a, B: b }, stored }
  const store: SessionStore = { ...tracked(inner, track, brief), serializer }
  const sessions = new Sessions<Values>({ store, cookie: { name: 'race' }, gcEvery: false }, serializer)
  const open = async (who: Runner): Promise<Visit<Values>> => {
    track.who = who
    return sessions.open(`race=${token}`, { secure: false })
  }
  const visits = { A: await open('A'), B: await open('B') }
  for (const who of ['A', 'B'] as const) {
    track.who = who
    doIn(visits[who].session, track)
  }
  for (const who of order(first)) {
    track.who = who
    await visits[who].close()
  }
  return [track.steps, stored()]
}

function doIn(session: Session<Values>, track: Track): void {
  const deed = track.deeds[track.who]
  if (deed.verb === 'add')
    session.update(deed.key, (value) => {
      changes(track)
      return plusOne(value)
    })
  else if (deed.verb === 'push')
    session.update(deed.key, (list) => {
      changes(track)
      return pushed(list, deed.value)
    })
  else {
    if (deed.verb === 'set') session.set(deed.key, deed.value)
    else if (deed.verb === 'remove') session.pop(deed.key)
    else session.destroy()
    changes(track)
  }
}

function changes({ steps, who, deeds }: Track): void {
  steps.push({ who, what: 'change', text: code(deeds[who]) })
}

/** A store that notes what is asked of it. */
function tracked(inner: SessionStore, track: Track, brief: Brief): SessionStore {
  const { steps, deeds, stored } = track
  const read = new Set<Runner>()
  const note = (what: Step['what'], text: string): void => void steps.push({ who: track.who, what, text })
  const noteStored = (what: Step['what'], text: string): void =>
    void steps.push({ who: track.who, what, text, values: brief(stored()) })
  const dead = 'it has ended: nothing is revived'
  return {
    ...inner,
    // Read when the request comes, not when the app looks, so that both have read before either writes.
    immediate: false,
    async get(id, renewal) {
      const record = await inner.get(id, renewal)
      if (record === null) note('gone', dead)
      else if (read.has(track.who)) noteStored('reread', 'reads the newest')
      else note('read', 'reads it')
      read.add(track.who)
      return record
    },
    async update(record, seen) {
      const { verb } = deeds[track.who]
      // A value is put on the newest record without asking the request again; a function runs again, and says so itself.
      const replayed = steps.findLast(({ who }) => who === track.who)?.what === 'reread'
      if (replayed && verb !== 'add' && verb !== 'push') changes(track)
      const outcome = await inner.update(record, seen)
      if (outcome === 'conflict') note('refused', 'another version: refused')
      else if (outcome === 'gone') note('gone', dead)
      else noteStored('write', 'writes its change')
      return outcome
    },
    async delete(id) {
      const ended = await inner.delete(id)
      noteStored('delete', 'deletes it')
      return ended
    },
  }
}

function order(first: Runner): readonly Runner[] {
  return first === 'A' ? ['A', 'B'] : ['B', 'A']
}

/** The values after a deed; null: they are ended. */
function done(values: Values, deed: Deed): Values | null {
  switch (deed.verb) {
    case 'set':
      return { ...values, [deed.key]: deed.value }
    case 'add':
      return { ...values, [deed.key]: plusOne(values[deed.key]) }
    case 'push':
      return { ...values, [deed.key]: pushed(values[deed.key], deed.value) }
    case 'remove': {
      const { [deed.key]: _, ...rest } = values
      return rest
    }
    case 'destroy':
      return null
  }
}

function plusOne(value: unknown): number {
  const number = Number(value ?? 0)
  return Number.isFinite(number) ? number + 1 : 1
}

function pushed(list: unknown, value: unknown): unknown[] {
  return [...(Array.isArray(list) ? (list as unknown[]) : []), value]
}

function code(deed: Deed): string {
  switch (deed.verb) {
    case 'set':
      return `${deed.key} = ${line(shown('', deed.value, null, narrow))}`
    case 'add':
      return `${deed.key} + 1`
    case 'push':
      return `${deed.key} + [${line(shown('', deed.value, null, narrow))}]`
    case 'remove':
      return `remove ${deed.key}`
    case 'destroy':
      return 'log out'
  }
}

function briefly(state: Values, keys: ReadonlySet<string>, mask: RegExp): string {
  return [...keys]
    .map((key) =>
      Object.hasOwn(state, key) ? `${key}: ${line(shown(key, state[key], mask, narrow))}` : `no ${key}`,
    )
    .join('\n')
}

/** A deed out of what a page sent; throws ERR_SESSION_USE for what is none. */
export function deedOf(sent: unknown): Deed {
  const { verb, key, value } = (typeof sent === 'object' && sent !== null ? sent : {}) as Record<
    string,
    unknown
  >
  if (verb === 'destroy') return { verb }
  const named = typeof key === 'string' && key !== '' && key.length <= 100
  if (named && (verb === 'add' || verb === 'remove')) return { verb, key }
  if (named && (verb === 'set' || verb === 'push')) return { verb, key, value: value ?? null }
  throw new SessionError(
    'ERR_SESSION_USE',
    'The race needs two deeds, each with a verb and the name of a key.',
  )
}
