import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flaskFileStore } from '../../src/flask/file.ts'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { pythonPath, startOracle } from '../real/python.ts'
import type { Oracle } from '../real/python.ts'
import * as any from './arbitrary.ts'
import { freshRecord } from './contract.ts'
import { live, typed } from './typed.ts'
import type { Typed } from './typed.ts'

describe.skipIf(pythonPath === null).each(['md5', 'sha256'] as const)(
  'one directory with cachelib, %s',
  (hash) => {
    let oracle: Oracle
    const folders: string[] = []
    beforeAll(() => {
      oracle = startOracle()
    })
    afterAll(() => {
      oracle.stop()
      for (const folder of folders) rmSync(folder, { recursive: true })
    })
    const folder = (): string => {
      folders.push(mkdtempSync(path.join(tmpdir(), 'hipflask-cachelib-')))
      return folders.at(-1)!
    }
    const nameOf = (key: string): string => createHash(hash).update(key).digest('hex')
    const values = fc.sample(
      any.session(
        any.nested(fc.oneof(any.nothing, any.bool, any.str, any.anyInt, any.anyFloat, any.bytes), any.str),
      ),
      { numRuns: 60, seed: 7 },
    )

    test('each reads what the other writes, by the same names, and counts it', async () => {
      const directory = folder()
      const keys = values.map((_, n) => `session:${n}`)
      const sets = values.map((value, n) => ['set', keys[n], value, 1000])
      expect(await oracle.cache(directory, hash, 500, sets)).toEqual(values.map(() => true))
      const store = flaskFileStore({ directory })
      const { decode, encode, keep, live: revive } = store.serializer!
      for (const [n, value] of values.entries()) {
        const record = (await store.get(store.ids!.record(String(n))!))!
        const read: Typed = [
          'dict',
          [...decode(record.data)].map(([key, kept]) => [typed(key), typed(revive(kept))]),
        ]
        expect(any.settled(read)).toEqual(any.settled(value))
        const data = encode(
          new Map(value[1].map(([[, key], part]: [Typed, Typed]) => [`new ${key}`, keep(live(part), key)])),
        )
        expect(
          await store.update({ ...record, data, expiresAt: Date.now() + 1_000_000 }, record.version),
        ).toBe('done')
      }
      const gets = keys.map((key) => ['get', key, null, null])
      const read = await oracle.cache(directory, hash, 500, gets)
      for (const [n, value] of values.entries()) {
        const renamed: Typed = [
          'dict',
          value[1].map(([[, key], part]: [Typed, Typed]) => [['str', `new ${key}`], part]),
        ]
        expect(any.settled(read[n])).toEqual(any.settled(renamed))
      }
      expect(await store.create(freshRecord({ id: nameOf('session:x'), data: encode(new Map()) }))).toBe(true)
      expect(await store.delete(nameOf('session:0'))).toBe(true)
      expect(await store.delete(nameOf('session:1'))).toBe(true)
      // A new cache counts for itself; asked without one, it believes what is written.
      expect(
        await oracle.cache(directory, hash, 500, [
          ['get', 'session:x', null, null],
          ['count', '', null, null],
        ]),
      ).toEqual([['dict', []], 59])
      expect((await store.page(null, 100)).sessions).toHaveLength(59)
      expect(await oracle.cache(directory, hash, 500, [['delete', 'session:x', null, null]])).toEqual([true])
      expect(await store.get(nameOf('session:x'))).toBeNull()
    })

    test('hipflask starts first: what it wrote stays, and what it writes then cachelib reads', async () => {
      const directory = folder()
      const store = flaskFileStore({ directory })
      const { encode } = store.serializer!
      const begin = async (token: string): Promise<void> => {
        store.ids!.next() // as for every new session
        const id = store.ids!.record(token)!
        expect(await store.create(freshRecord({ id, data: encode(new Map()) }))).toBe(true)
      }
      const get = async (token: string): Promise<unknown> =>
        (await oracle.cache(directory, hash, 500, [['get', `session:${token}`, null, null]]))[0]
      await begin('early')
      // cachelib names by SHA-256 today; only an older one cannot see what was written before it came.
      expect(await get('early')).toEqual(hash === 'sha256' ? ['dict', []] : ['null'])
      await begin('late')
      expect(await get('late')).toEqual(['dict', []])
      for (const token of ['early', 'late'])
        expect((await store.get(store.ids!.record(token)!))!.data).toBe(encode(new Map()))
      await oracle.cache(directory, hash, 500, [['set', 'session:theirs', ['dict', []], 1000]])
      expect(await store.get(store.ids!.record('theirs')!)).not.toBeNull()
      expect((await store.page(null, 10)).sessions).toHaveLength(3)
    })

    test(
      'while both write one session as fast as they can, nobody ever reads half of it',
      { timeout: 60_000 },
      async () => {
        const directory = folder()
        const events: StoreEvent[] = []
        await oracle.cache(directory, hash, 500, [['set', 'session:1', ['dict', []], 1000]])
        const store = flaskFileStore({ directory, hash })
        store.attach!((event) => void events.push(event))
        const { encode, decode, keep } = store.serializer!
        const verbs = Array.from({ length: 1500 }, (_, n) =>
          n % 2
            ? ['get', 'session:1', null, null]
            : [
                'set',
                'session:1',
                [
                  'dict',
                  [
                    [
                      ['str', 'theirs'],
                      ['str', 'x'.repeat(n * 5)],
                    ],
                  ],
                ],
                1000,
              ],
        )
        const state = { over: false }
        const theirs = oracle.cache(directory, hash, 500, verbs).finally(() => {
          state.over = true
        })
        const outcomes = new Set<string>()
        for (let n = 0; !state.over && n < 200_000; n++) {
          const record = (await store.get(nameOf('session:1')))!
          const entries = decode(record.data)
          entries.set('mine', keep('y'.repeat(n % 5000), 'mine'))
          outcomes.add(await store.update({ ...record, data: encode(entries) }, record.version))
          if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        const read = await theirs
        expect(read.filter((answer) => answer === false || answer === null)).toEqual([])
        expect([...outcomes].filter((outcome) => outcome === 'gone')).toEqual([])
        expect(events).toEqual([])
      },
    )
  },
)
