import type {
  Session,
  SessionCodec,
  SessionEvent,
  SessionOptions,
  SessionStore,
  Visit,
} from '../../src/index.ts'
import { createSessions, type SessionPlace } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'

/** Any values: the tests speak to the dictionary, not to its types. */
export type Loose = Record<string, any>

/** A browser with one cookie jar, and a clock that moves when told. */
export interface Lab {
  readonly store: SessionStore
  readonly events: SessionEvent[]
  readonly sessions: ReturnType<typeof createSessions<Loose>>
  now: number
  /** Opens a visit with the cookies of the jar. */
  visit(header?: string | undefined): Promise<Visit<Loose>>
  /** Closes a visit and keeps its cookie; answers the Set-Cookie line. */
  leave(visit: Visit<Loose>): Promise<string | null>
  /** One request from open to close; answers what `work` answered. */
  request<T>(work: (session: Session<Loose>) => T | Promise<T>): Promise<T>
  jar: string | undefined
  types(): string[]
}

export interface LabOptions extends SessionOptions<Loose> {
  readonly store?: SessionStore | undefined
  readonly codec?: SessionCodec
}

export function lab(options: LabOptions = {}, secure = true): Lab {
  const events: SessionEvent[] = []
  const place = (
    options.codec === undefined ? { store: options.store ?? memoryStore({ max: 10_000 }) } : {}
  ) as SessionPlace
  const sessions = createSessions<Loose>({
    clock: () => self.now,
    onEvent: (event: SessionEvent) => void events.push(event),
    ...options,
    ...place,
  } as never)
  const self: Lab = {
    store: place.store!,
    events,
    sessions,
    now: 1_800_000_000_000,
    jar: undefined,
    types: () => events.map(({ type }) => type),
    visit: async (header = self.jar) => sessions.open(header, { secure, route: 'GET /' }),
    leave: async (visit) => {
      const { setCookie } = await visit.close()
      if (setCookie !== null) self.jar = setCookie.includes('Max-Age=0') ? undefined : setCookie.split(';')[0]
      return setCookie
    },
    request: async (work) => {
      const visit = await self.visit()
      const answer = await work(visit.session)
      await self.leave(visit)
      return answer
    },
  }
  return self
}

/** The values of the jar's session, read by a visitor of its own. */
export async function values(of: Lab): Promise<Loose> {
  const visit = await of.visit()
  const read = visit.session.toJSON() as Loose
  await of.leave(visit)
  return read
}

/** A store whose calls are counted, and may be delayed or failed. */
export function watched(
  inner: SessionStore,
  before: (call: string) => unknown = () => undefined,
): SessionStore & { calls: string[] } {
  const calls: string[] = []
  const call =
    <K extends keyof SessionStore>(name: K): any =>
    async (...args: unknown[]) => {
      calls.push(name)
      await before(name)
      return (inner[name] as (...args: unknown[]) => unknown).apply(inner, args)
    }
  return {
    calls,
    get: call('get'),
    create: call('create'),
    update: call('update'),
    rotate: call('rotate'),
    touch: call('touch'),
    delete: call('delete'),
    list: call('list'),
    page: call('page'),
    gc: call('gc'),
    attach: (report) => inner.attach?.(report),
  }
}
