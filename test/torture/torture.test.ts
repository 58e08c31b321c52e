import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createSessions, type SessionStore } from '../../src/index.ts'
import { openStore } from '../../src/stores/url.ts'
import { sharedPlaces } from '../real/places.ts'
import { number, scale, seed, tell } from './reliability-page.ts'

/*
 * Four processes, sixty-four requests in flight, one session. `npm run torture` does ten times as much and writes
 * docs/reliability.md; HIPFLASK_SEED repeats a run.
 */
const processes = 4
const inFlight = 16
const writes = 10_000 * scale
const races = 10_000 * scale

const folder = mkdtempSync(path.join(os.tmpdir(), 'hipflask-torture-'))

function work(details: object): Promise<any> {
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, 'worker.mjs'), JSON.stringify(details)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let [said, complained] = ['', '']
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (complained += String(chunk)))
  return new Promise((resolve, reject) => {
    child.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(said)) : reject(new Error(`worker ended with ${code}: ${complained}`)),
    )
  })
}

const four = (details: object): Promise<any[]> =>
  Promise.all(
    Array.from({ length: processes }, (_, at) =>
      work({ ...details, name: `p${at}`, seed: seed + at, inFlight }),
    ),
  )

async function fresh(store: SessionStore): Promise<string> {
  const visit = await createSessions<any>({ store }).open(undefined, { secure: true })
  visit.session.start = true
  return (await visit.close()).setCookie!.split(';')[0]!
}

async function values(store: SessionStore, cookie: string): Promise<Record<string, number>> {
  const visit = await createSessions<any>({ store }).open(cookie, { secure: true })
  return visit.session.toJSON() as Record<string, number>
}

const rows: Record<string, string>[] = []

describe.each(sharedPlaces(folder))(
  '%s (seed %s)'.replace(' (seed %s)', ` (seed ${seed})`),
  (name, program, start) => {
    test.skipIf(program === null || program === false)(
      `${processes} processes, ${processes * inFlight} in flight, one session: nothing lost, nothing revived`,
      { timeout: 900_000 * Math.max(scale, 1) },
      async () => {
        const place = await start()
        const store = await openStore(place.url)
        try {
          const began = performance.now()
          const lanes = await fresh(store)
          const writers = await four({
            url: place.url,
            task: 'keys',
            cookie: lanes,
            writes: writes / processes,
          })
          const final = await values(store, lanes)
          for (const { lanes: told } of writers)
            for (const [key, last] of Object.entries(told)) expect(final[key] ?? 0, key).toBe(last)
          const lost = writers.reduce((sum, one) => sum + one.lost, 0)
          expect(lost).toBe(0)
          const written = writers.reduce((sum, one) => sum + one.acknowledged, 0)
          expect(written).toBe(writes)

          const counter = await fresh(store)
          const counters = await four({
            url: place.url,
            task: 'count',
            cookie: counter,
            writes: writes / processes,
          })
          const acknowledged = counters.reduce((sum, one) => sum + one.acknowledged, 0)
          expect(acknowledged).toBe(writes)
          expect((await values(store, counter))['sum']).toBe(acknowledged)

          const racers = await four({ url: place.url, task: 'endings', races: races / processes })
          const raced = racers.reduce((sum, one) => sum + one.races, 0)
          expect(raced).toBe(races)
          expect(racers.flatMap((one) => one.revived)).toEqual([])
          rows.push({
            store: name,
            'writes of different keys, lost': `${number(written)}, 0`,
            '`update`s, lost': `${number(acknowledged)}, 0`,
            'races against `destroy`, revived': `${number(raced)}, 0`,
            seconds: ((performance.now() - began) / 1000).toFixed(0),
          })
        } finally {
          await store.close()
          await place.stop()
        }
      },
    )
  },
)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  const what = `${processes} processes, ${processes * inFlight} requests in flight on one session, real servers on loopback.`
  tell('torture', what, rows)
})
