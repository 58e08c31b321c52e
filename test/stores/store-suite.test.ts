import { describe, expect, test } from 'vitest'
import type { SessionRecord, SessionStore, Version } from '../../src/contracts/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { MemoryStore } from '../../src/stores/memory.ts'
import { storeSuite } from '../../src/testing/index.ts'
import type { StoreSuiteOptions } from '../../src/testing/index.ts'
import { pause } from '../../src/testing/store-cases/store-case.ts'

/** The names of the cases that a store fails. */
async function failures(options: Omit<StoreSuiteOptions, 'test'>): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = []
  storeSuite({ ...options, test: (name, run) => cases.push({ name, run }) })
  const failed: string[] = []
  for (const { name, run } of cases)
    await run().catch((error: unknown) => {
      // A broken store makes assertions fail, it does not make the suite stumble.
      expect(error).toMatchObject({ code: 'ERR_ASSERTION' })
      failed.push(name)
    })
  return failed
}

const upper = (record: SessionRecord): SessionRecord => ({
  ...record,
  user: record.user && record.user.toUpperCase(),
})
const seconds = (time: number): number => Math.floor(time / 1000) * 1000

/** Every way to break the contract that was ever seen in the field, or could be. */
const DEFECTS: Record<string, (sound: MemoryStore) => Partial<SessionStore>> = {
  'create replaces a record': (sound) => ({
    create: (record) => {
      sound.delete(record.id)
      return sound.create(record)
    },
  }),
  'create says no and yet replaces': (sound) => ({
    create: (record) => {
      const taken = sound.delete(record.id)
      sound.create(record)
      return !taken
    },
  }),
  'update creates': (sound) => ({
    update: (record, seen) => {
      const outcome = sound.update(record, seen)
      return outcome === 'gone' && sound.create(record) ? 'done' : outcome
    },
  }),
  'update ignores the version': (sound) => ({
    update: (record) => sound.update(record, sound.get(record.id)?.version ?? 0),
  }),
  'update looks, waits and writes': (sound) => ({
    update: async (record, seen) => {
      const current = sound.get(record.id)
      await pause(1)
      if (!current || current.version !== seen) return current ? 'conflict' : 'gone'
      return sound.update(record, sound.get(record.id)?.version ?? 0)
    },
  }),
  'update keeps the old user in the index': (sound) => ({
    update: (record, seen) => sound.update({ ...record, user: sound.get(record.id)?.user ?? null }, seen),
  }),
  'touch creates': (sound) => ({
    touch: (id, seenAt, expiresAt) =>
      sound.touch(id, seenAt, expiresAt) ||
      sound.create({
        id,
        data: '',
        user: null,
        label: null,
        createdAt: 0,
        seenAt,
        expiresAt,
        endsAt: expiresAt,
      }),
  }),
  'touch looks, waits and writes': (sound) => ({
    touch: async (id, seenAt, expiresAt) => {
      const current = sound.get(id)
      await pause(1)
      if (!current) return false
      sound.create(current)
      return sound.touch(id, seenAt, expiresAt)
    },
  }),
  'touch changes the version': (sound) => ({
    touch: (id, seenAt, expiresAt) => {
      const current = sound.get(id)
      return current !== null && sound.update({ ...current, seenAt, expiresAt }, current.version) === 'done'
    },
  }),
  'touch goes past the end': (sound) => ({
    touch: (id, seenAt, expiresAt) => {
      const current = sound.get(id)
      if (!current) return false
      sound.delete(id)
      return sound.create({ ...current, seenAt, expiresAt })
    },
  }),
  'get never renews': (sound) => ({ get: (id) => sound.get(id) }),
  'get always renews': (sound) => ({
    get: (id, renewal) => sound.get(id, renewal && { ...renewal, seenBefore: Number.MAX_SAFE_INTEGER }),
  }),
  'get renews the dead': (sound) => ({
    get: (id, renewal) => {
      if (renewal && (sound.get(id)?.seenAt ?? Infinity) < renewal.seenBefore)
        sound.touch(id, renewal.seenAt, renewal.expiresAt)
      return sound.get(id)
    },
  }),
  'get answers the times from before the renewal': (sound) => ({
    get: (id, renewal) => {
      const before = sound.get(id)
      sound.get(id, renewal)
      return before
    },
  }),
  'get hands out its own object': (sound) => {
    const handed = new Map<string, any>()
    return {
      get: (id, renewal) => {
        const read = sound.get(id, renewal)
        if (read) handed.set(id, Object.assign(handed.get(id) ?? {}, read))
        return read && handed.get(id)
      },
      update: (record, seen) => {
        const outcome = sound.update(record, seen)
        if (outcome === 'done') Object.assign(handed.get(record.id) ?? {}, sound.get(record.id))
        return outcome
      },
    }
  },
  'rotate leaves the old one': (sound) => ({
    rotate: (from, record, seen) => {
      const old = sound.get(from)
      const outcome = sound.rotate(from, record, seen)
      if (outcome === 'done') sound.create(old!)
      return outcome
    },
  }),
  'rotate creates before it looks': (sound) => ({
    rotate: (from, record, seen) => {
      const old = sound.get(from)
      sound.create(record)
      if (!old) return 'gone'
      if (old.version !== seen) return 'conflict'
      sound.delete(from)
      return 'done'
    },
  }),
  'rotate looks, waits and writes': (sound) => ({
    rotate: async (from, record, seen) => {
      const old = sound.get(from)
      await pause(1)
      if (!old || old.version !== seen) return old ? 'conflict' : 'gone'
      sound.delete(from)
      sound.create(record)
      return 'done'
    },
  }),
  'delete always says yes': (sound) => ({ delete: (id) => sound.delete(id) || true }),
  'delete does nothing': () => ({ delete: () => true }),
  'list takes users for patterns': (sound) => ({
    create: (record) => sound.create(upper(record)),
    list: (user) => sound.list(user.toUpperCase()),
  }),
  'list forgets rotated sessions': (sound) => ({
    rotate: (from, record, seen) => sound.rotate(from, { ...record, user: null }, seen),
  }),
  'list shows values': (sound) => ({
    list: (user) => sound.list(user).map((info) => Object.assign(info, { data: sound.get(info.id)?.data })),
  }),
  'list misses one': (sound) => ({ list: (user) => sound.list(user).slice(1) }),
  'page repeats': (sound) => ({
    page: (cursor, limit) => {
      const { sessions, next } = sound.page(cursor, limit)
      return { sessions: [...sessions.slice(0, -1), ...sessions.slice(0, 1)], next }
    },
  }),
  'page never ends': (sound) => ({
    page: (cursor, limit) => ({ ...sound.page(cursor, limit), next: cursor ?? '0' }),
  }),
  'page ignores the limit': (sound) => ({ page: (cursor) => sound.page(cursor, 10_000) }),
  'gc goes a millisecond too far': (sound) => ({ gc: (now) => sound.gc(now + 1) }),
  'gc stops a millisecond too early': (sound) => ({ gc: (now) => sound.gc(now - 1) }),
  'gc removes everything': (sound) => ({ gc: () => sound.gc(Number.MAX_SAFE_INTEGER) }),
  'gc looks, waits and removes': (sound) => ({
    gc: async (now) => {
      const dead = sound.page(null, 10_000).sessions.filter(({ expiresAt }) => expiresAt <= now)
      await pause(3)
      return dead.filter(({ id }) => sound.delete(id)).length
    },
  }),
  'gc does not count': (sound) => ({ gc: async (now) => (await sound.gc(now)) && 1 }),
  'times are whole seconds': (sound) => ({
    create: (record) => sound.create({ ...record, expiresAt: seconds(record.expiresAt) }),
  }),
  'text ends at a NUL': (sound) => ({
    create: (record) => sound.create({ ...record, data: record.data.split('\0')[0]! }),
  }),
  'text is trimmed': (sound) => ({
    create: (record) => sound.create({ ...record, data: record.data.trim() }),
  }),
  'astral characters are lost': (sound) => ({
    create: (record) =>
      sound.create({ ...record, data: record.data.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '?') }),
  }),
  'no label is an empty label': (sound) => ({
    create: (record) => sound.create({ ...record, label: record.label ?? '' }),
  }),
  'an empty user is no user': (sound) => ({
    create: (record) => sound.create({ ...record, user: record.user || null }),
  }),
  'long values are cut': (sound) => ({
    create: (record) => sound.create({ ...record, data: record.data.slice(0, 65_535) }),
  }),
  'ids are compared without case': (sound) => ({
    create: (record) => sound.create({ ...record, id: record.id.toLowerCase() }),
    get: (id, renewal) => {
      const read = sound.get(id.toLowerCase(), renewal)
      return read && { ...read, id }
    },
    update: (record, seen: Version) => sound.update({ ...record, id: record.id.toLowerCase() }, seen),
    delete: (id) => sound.delete(id.toLowerCase()),
  }),
}

describe('the store suite', () => {
  test('passes a sound store', async () => {
    expect(await failures({ make: () => ({ store: memoryStore() }) })).toEqual([])
  })

  test('passes a sound store whose rows are objects of a class, or without a prototype, and carry more', async () => {
    class Row {
      declare readonly id: string
      readonly updated = 5
    }
    const storeOf = (make: () => object): SessionStore => {
      const sound = memoryStore()
      const row = <T>(found: T): T => (found === null ? found : (Object.assign(make(), found) as T))
      return {
        ...sound,
        get: (id, renewal) => row(sound.get(id, renewal)),
        list: (user) => sound.list(user).map(row),
        page: (cursor, limit) => {
          const { sessions, next } = sound.page(cursor, limit)
          return { sessions: sessions.map(row), next }
        },
      }
    }
    for (const row of [() => new Row(), () => Object.create(null) as object])
      expect(await failures({ make: () => ({ store: storeOf(row) }) })).toEqual([])
  })

  test.each(Object.entries(DEFECTS))('notices that %s', async (_defect, spoil) => {
    const make = () => {
      const sound = memoryStore()
      return { store: { ...sound, ...spoil(sound) } }
    }
    expect(await failures({ make })).not.toEqual([])
  })

  test('leaves out what a store says it cannot do', async () => {
    const names = (options: object): string[] => {
      const registered: string[] = []
      storeSuite({
        make: () => ({ store: memoryStore() }),
        ...options,
        test: (name) => registered.push(name),
      })
      return registered
    }
    const all = names({})
    expect(new Set(all).size).toBe(all.length)
    const [noLists, noSweeps] = [names({ lists: false }), names({ expiresItself: true })]
    expect(all.filter((name) => !noLists.includes(name)).join('\n')).toMatch(/list.*page/s)
    expect(all.filter((name) => !noSweeps.includes(name)).join('\n')).toMatch(/gc removes/)
    const unable: Partial<SessionStore> = {
      list: () => Promise.reject(new Error('cannot')),
      page: () => Promise.reject(new Error('cannot')),
    }
    expect(
      await failures({ lists: false, make: () => ({ store: { ...memoryStore(), ...unable } }) }),
    ).toEqual([])
  })

  test('opens a second view, closes what it opened and disposes, also after a failure', async () => {
    const story: string[] = []
    const cases: (() => Promise<void>)[] = []
    storeSuite({
      test: (_name, run) => cases.push(run),
      make: () => {
        const store = memoryStore()
        const closing = (name: string): SessionStore => ({
          ...store,
          create: () => false,
          close: () => void story.push(name),
        })
        return {
          store: closing('store'),
          reopen: () => closing('other'),
          dispose: () => void story.push('gone'),
        }
      },
    })
    await expect(cases[1]!()).rejects.toMatchObject({ code: 'ERR_ASSERTION' })
    expect(story).toEqual(['other', 'store', 'gone'])
  })
})
