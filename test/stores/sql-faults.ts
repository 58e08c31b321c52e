import { describe, expect, test } from 'vitest'
import { SessionError } from '../../src/errors.ts'
import type { SqlStore } from '../../src/stores/sql.ts'
import { alive, born, freshRecord, together } from '../../src/testing/store-cases/store-case.ts'
import { lab, type Lab, values } from '../engine/visitor.ts'
import { freshTable } from './sql-bed.ts'

/** A server that can be hurt, as the cases need it. */
export interface Patient {
  /** A store over a pool of its own, ended by `end`. */
  readonly open: (
    table: string,
    pool?: { max?: number; timeout?: number },
  ) => { store: SqlStore; end: () => Promise<unknown> }
  /** Ends the server at once. */
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<void>
  readonly halt: () => unknown
  readonly proceed: () => unknown
  /** Ends the connections of the store on `table` (or more). */
  readonly terminate: (table: string) => Promise<unknown>
  /** Resolves when the setting is in force for everybody. */
  readonly readOnly: (on: boolean) => Promise<unknown>
}

/** What a request ended with. */
async function outcome(request: Promise<unknown>): Promise<'done' | SessionError> {
  return request.then(
    () => 'done' as const,
    (error: unknown) => {
      expect(error).toBeInstanceOf(SessionError)
      return error as SessionError
    },
  )
}

async function broken(request: Promise<unknown>, ...codes: string[]): Promise<void> {
  const error = await outcome(request)
  expect(codes).toContain((error as SessionError).code)
}

/** What becomes of sessions when the server falls ill. */
export function faultCases(patient: Patient): void {
  async function visitors(
    pool: { max?: number; timeout?: number },
    options: object = {},
  ): Promise<Lab & { table: string; end: () => Promise<unknown> }> {
    const table = freshTable()
    const { store, end } = patient.open(table, pool)
    await store.migrate()
    const browser = lab({ store, clock: Date.now, ...options })
    await browser.request((session) => session.set('n', 0))
    return Object.assign(browser, {
      table,
      end: async () => {
        await store.close?.()
        await end()
      },
    })
  }

  /** How often a request succeeds again, at the first success. */
  async function recovers(browser: Lab): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      if ((await outcome(browser.request((session) => session.update('n', (n) => n + 1)))) === 'done') return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('the sessions did not come back')
  }

  describe('the server falls ill', () => {
    test('killed between load and save: an error, no cookie, and the old values after the restart', async () => {
      const browser = await visitors({})
      const visit = await browser.visit()
      visit.session.set('n', 1)
      await patient.kill()
      try {
        await broken(visit.close() as Promise<unknown>, 'ERR_SESSION_STORE', 'ERR_SESSION_TIMEOUT')
        await broken(browser.visit(), 'ERR_SESSION_STORE', 'ERR_SESSION_TIMEOUT')
        await broken(
          browser.request((session) => session.set('other', 1)),
          'ERR_SESSION_STORE',
          'ERR_SESSION_TIMEOUT',
        )
        expect(browser.types()).toContain('store_error')
      } finally {
        await patient.restart()
      }
      await recovers(browser)
      expect(await values(browser)).toEqual({ n: 1 })
      await browser.end()
    })

    test('halted: an error at the deadline; when it goes on, so do the sessions, each with its own record', async () => {
      const browser = await visitors({ max: 4, timeout: 400 }, { deadline: 300 })
      const { store, end } = patient.open(freshTable(), { max: 4, timeout: 400 })
      await store.migrate()
      const records = Array.from({ length: 40 }, (_, n) => freshRecord({ data: `canary ${n}` }))
      await together(40, (n) => store.create(records[n]!))
      patient.halt()
      try {
        await broken(browser.visit(), 'ERR_SESSION_TIMEOUT')
        const read = await together(40, async (n) => outcome(Promise.resolve(store.get(records[n]!.id))))
        for (const error of read) expect(error).toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
      } finally {
        patient.proceed()
      }
      await recovers(browser)
      // A late answer of a call that was given up must never be taken for the answer of the next one.
      await together(120, async (n) =>
        expect(await alive(store, records[n % 40]!.id)).toMatchObject(records[n % 40]!),
      )
      await end()
      await browser.end()
    })

    test('what waited for a connection until its time was over is never sent', async () => {
      const { store, end } = patient.open(freshTable(), { max: 1, timeout: 300 })
      await store.migrate()
      const sent = await born(store)
      const waiting = await together(8, () => born(store))
      patient.halt()
      try {
        const calls = [sent, ...waiting].map(async ({ version, ...record }) =>
          outcome(Promise.resolve(store.update({ ...record, data: 'late' }, version))),
        )
        for (const error of await Promise.all(calls))
          expect(error).toMatchObject({ code: 'ERR_SESSION_TIMEOUT' })
      } finally {
        patient.proceed()
      }
      for (let tries = 0; tries < 200; tries++) {
        const read = await outcome(Promise.resolve(store.get(sent.id)))
        if (read === 'done') break
      }
      for (const record of waiting) expect(await alive(store, record.id)).toEqual(record)
      await end()
    })

    test('connections terminated under 64 requests at once: every success is in the sum, every failure is an error', async () => {
      const browser = await visitors({ max: 8 }, { deadline: '20 seconds' })
      let succeeded = 0
      let failed = 0
      for (let round = 0; round < 5; round++) {
        const requests = together(64, async () => {
          const ended = await outcome(browser.request((session) => session.update('n', (n) => n + 1)))
          if (ended === 'done') succeeded += 1
          else failed += 1
        })
        for (let kills = 0; kills < 3; kills++) {
          await new Promise((resolve) => setTimeout(resolve, 10))
          await patient.terminate(browser.table)
        }
        await requests
      }
      expect(failed).toBeGreaterThan(0)
      const before = succeeded
      await recovers(browser)
      const { n } = await values(browser)
      expect(n).toBeGreaterThanOrEqual(before + 1)
      expect(n).toBeLessThanOrEqual(before + failed + 1)
      await browser.end()
    })

    test('idle connections terminated: nothing falls over, and the next request has a fresh one', async () => {
      const browser = await visitors({ max: 4 })
      await together(8, () => values(browser))
      await patient.terminate(browser.table)
      await new Promise((resolve) => setTimeout(resolve, 100))
      await recovers(browser)
      expect(await values(browser)).toEqual({ n: 1 })
      await browser.end()
    })

    test('read-only: a write is an error without a cookie; afterwards writes go on', async () => {
      const browser = await visitors({})
      await patient.readOnly(true)
      try {
        expect(await values(browser)).toEqual({ n: 0 })
        await broken(
          browser.request((session) => session.set('n', 5)),
          'ERR_SESSION_STORE',
        )
        const stranger = await browser.visit('')
        stranger.session.set('a', 1)
        await broken(Promise.resolve(stranger.close()), 'ERR_SESSION_STORE')
        await broken(
          browser.request((session) => session.destroy()),
          'ERR_SESSION_STORE',
        )
      } finally {
        await patient.readOnly(false)
      }
      await recovers(browser)
      expect(await values(browser)).toEqual({ n: 1 })
      await browser.end()
    })

    test('away from the start: the store is made without it, and works once it is there', async () => {
      await patient.kill()
      const { store, end } = patient.open(freshTable())
      const request = lab({ store }).request((session) => session.set('a', 1))
      await broken(request, 'ERR_SESSION_STORE', 'ERR_SESSION_TIMEOUT')
      await patient.restart()
      await store.migrate()
      const browser = lab({ store })
      await browser.request((session) => session.set('a', 1))
      expect(await values(browser)).toEqual({ a: 1 })
      await end()
    })
  })

  describe('a pool of one connection', () => {
    test('serves 64 requests at once', async () => {
      const browser = await visitors({ max: 1 }, { deadline: '20 seconds' })
      await together(64, () => browser.request((session) => session.update('n', (n) => n + 1)))
      expect(await values(browser)).toEqual({ n: 64 })
      const others = await together(64, async (n) => {
        const visit = await browser.visit('')
        visit.session.set('own', n)
        const { setCookie } = await visit.close()
        return setCookie!.split(';')[0]!
      })
      await together(64, async (n) => {
        const visit = await browser.visit(others[n])
        expect(visit.session.get('own')).toBe(n)
        await visit.close()
      })
      await browser.end()
    })
  })

  describe('the timeout', () => {
    test.each([0, -1, Number.NaN, Infinity, '5', null, 2 ** 31])('%s is refused', (timeout: any) => {
      expect(() => patient.open('t', { timeout })).toThrow(
        expect.objectContaining({
          code: 'ERR_SESSION_CONFIG',
          message: expect.stringContaining('`timeout`'),
        }),
      )
    })
  })
}
