import type { SessionEvent } from '../contracts/event.ts'
import type { Awaitable } from '../contracts/store.ts'
import { Sessions } from '../engine/sessions.ts'
import { jsonSerializer } from '../serializers/json.ts'
import type {
  AdapterCase,
  AdapterTraits,
  Served,
  Setup,
  SuiteApp,
  SuiteData,
} from './adapter-cases/adapter-case.ts'
import { cachingCases } from './adapter-cases/caching.ts'
import { dictionaryCases } from './adapter-cases/dictionary.ts'
import { headCases } from './adapter-cases/heads.ts'
import { requestCases } from './adapter-cases/requests.ts'
import { togetherCases } from './adapter-cases/together.ts'
import { TroubledStore } from './adapter-cases/troubled-store.ts'
import { troubleCases } from './adapter-cases/troubles.ts'
import { TestClient } from './client.ts'

export type { PageAnswer, Served, SuiteApp, SuiteData } from './adapter-cases/adapter-case.ts'

/** What `adapterSuite` needs. */
export interface AdapterSuiteOptions extends Partial<AdapterTraits> {
  /** Registers one test: the `test` of vitest, node:test, Jest, Bun or Deno's `Deno.test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  /** Serves an app with the adapter under test on a loopback port, every path and every method; called once for every case. */
  readonly serve: (app: SuiteApp) => Awaitable<Served>
}

const CASES: readonly AdapterCase[] = [
  ...dictionaryCases,
  ...cachingCases,
  ...headCases,
  ...requestCases,
  ...togetherCases,
  ...troubleCases,
]

/**
 * Registers the HTTP scenario with `test`, once over a store that answers at once and once over one that answers later; an
 * adapter that passes it behaves as those of hipflask do.
 */
export function adapterSuite(options: AdapterSuiteOptions): void {
  const { test, serve, forwardedProto = 'leftmost' } = options
  for (const immediate of [true, false]) {
    for (const { name, run } of CASES) {
      test(`${name} (a store that answers ${immediate ? 'at once' : 'later'})`, async () => {
        const store = new TroubledStore(immediate)
        const events: SessionEvent[] = []
        const sessions = new Sessions<SuiteData>(
          { store, onEvent: (event) => events.push(event) },
          jsonSerializer,
        )
        const running: Served[] = []
        const start = async (setup: Setup): Promise<TestClient> => {
          const served = await serve(appOf(sessions, setup))
          running.push(served)
          return new TestClient(served.origin, { http2: served.http2 ?? false })
        }
        try {
          await run({ store, events, traits: { forwardedProto }, serve: start })
        } finally {
          for (const served of running) await served.close()
        }
      })
    }
  }
}

function appOf(sessions: Sessions<SuiteData>, setup: Setup): SuiteApp {
  const { pages, trustProxy = false, label = () => 'test', mounts = 1 } = setup
  return {
    sessions,
    trustProxy,
    label,
    mounts,
    page: (path, session) => pages[path]?.(session) ?? { status: 404, body: `There is no page ${path} here` },
  }
}
