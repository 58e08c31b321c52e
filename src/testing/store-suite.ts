import type { Awaitable, SessionStore } from '../contracts/store.ts'
import { birthCases } from './store-cases/birth.ts'
import { deathCases } from './store-cases/death.ts'
import { hostileCases } from './store-cases/hostile.ts'
import { listCases } from './store-cases/lists.ts'
import { pageCases } from './store-cases/pages.ts'
import { raceCases } from './store-cases/races.ts'
import { renewalCases } from './store-cases/renewal.ts'
import { rotationCases } from './store-cases/rotation.ts'
import { sweepCases } from './store-cases/sweeps.ts'
import { updateCases } from './store-cases/update.ts'
import type { StoreCase, StoreTraits } from './store-cases/store-case.ts'

/** A store to be tested, as `make` hands it over. */
export interface StoreUnderTest {
  /** A store that holds nothing yet. */
  readonly store: SessionStore
  /** Another, independent store object on the same data, as another process has one. */
  readonly reopen?: () => Awaitable<SessionStore>
  /** Removes what `make` brought into the world; called after `close` of the stores. */
  readonly dispose?: () => Awaitable<void>
}

/** What `storeSuite` needs. */
export interface StoreSuiteOptions extends Partial<StoreTraits> {
  /** Registers one test: the `test` of vitest, node:test, Jest, Bun or Deno's `Deno.test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  /** Answers a fresh, empty store; called once for every case. */
  readonly make: () => Awaitable<StoreUnderTest>
}

const CASES: readonly StoreCase[] = [
  ...birthCases,
  ...updateCases,
  ...renewalCases,
  ...rotationCases,
  ...deathCases,
  ...listCases,
  ...pageCases,
  ...sweepCases,
  ...raceCases,
  ...hostileCases,
]

/** Registers every case of the store contract with `test`; a store that passes them all keeps the promises of `SessionStore`. */
export function storeSuite(options: StoreSuiteOptions): void {
  const { test, make, lists = true, expiresItself = false, largest = 1_048_576 } = options
  for (const { name, needs, run } of CASES) {
    if (needs === 'lists' && !lists) continue
    if (needs === 'sweeps' && expiresItself) continue
    test(name, async () => {
      const { store, reopen, dispose } = await make()
      const other = reopen ? await reopen() : store
      try {
        await run({ store, other, traits: { lists, expiresItself, largest } })
      } finally {
        if (other !== store) await other.close?.()
        await store.close?.()
        await dispose?.()
      }
    })
  }
}
