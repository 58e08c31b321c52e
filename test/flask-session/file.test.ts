import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { endianness, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { flaskFileStore } from '../../src/flask/file.ts'
import type { FlaskFileStoreOptions } from '../../src/flask/file.ts'
import { createSessions } from '../../src/index.ts'
import type { SessionEvent, SessionStore } from '../../src/index.ts'
import type { StoreEvent } from '../../src/contracts/store.ts'
import { cachelibJson, cachelibPickle } from '../../src/serializers/cachelib.ts'
import { vectors } from '../flask/vectors.ts'
import { contract, freshRecord } from './contract.ts'
import { typed } from './typed.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})
function folder(): string {
  folders.push(mkdtempSync(path.join(tmpdir(), 'hipflask-cachelib-')))
  return folders.at(-1)!
}
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const count = md5('__wz_cache_count')
/** As the vectors are: of cachelib 0.15. */
const open = (directory: string, options: FlaskFileStoreOptions = {}): SessionStore =>
  flaskFileStore({ directory, hash: 'md5', ...options })
/** What cachelib would list. */
const listed = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => !name.endsWith('.__wz_cache'))
    .sort()

const inSeconds = [
  'gc removes what expired at or before now, to the millisecond, and answers how many',
  'gc stops early on its signal and answers how many it removed',
  'two sweeps at once count every record once',
  'a record that was renewed, touched or updated in time survives a sweep that races with it',
]

describe.each(['md5', 'sha256'] as const)('the store contract, %s', (hash) => {
  contract({
    expiresItself: false,
    except: inSeconds,
    idOf: (id) => createHash(hash).update(id).digest('hex'),
    make() {
      const directory = folder()
      const make = (): SessionStore => open(directory, { hash })
      return { store: make(), reopen: make }
    },
  })
})

describe('files of cachelib', () => {
  test.each(vectors.flask_session_files.file_names)(
    '$key is called $file_name',
    (...[{ key, file_name }]: any[]) => {
      const colon = key.indexOf(':') + 1
      if (colon === 0) expect(md5(key)).toBe(file_name)
      else if (/[^\w-]/.test(key.slice(colon)))
        expect(open(folder()).ids!.record(key.slice(colon))).toBeNull()
      else
        expect(open(folder(), { prefix: key.slice(0, colon) }).ids!.record(key.slice(colon))).toBe(file_name)
      expect(open(folder(), { prefix: 'é' }).ids!.record('abc')).toBe(md5('éabc'))
    },
  )

  test.runIf(endianness() === 'LE').each(vectors.flask_session_files.cases)(
    '$name, $serializer',
    async (...[vector]: any[]) => {
      const directory = folder()
      const format = vector.serializer
      const store = open(directory, { format })
      const id = store.ids!.record(vector.key.slice('session:'.length))!
      expect(id).toBe(vector.file_name)
      writeFileSync(path.join(directory, id), Buffer.from(vector.file_hex, 'hex'))
      const read = (await store.get(id))!
      expect(read.expiresAt).toBe(vector.expires * 1000 + 1)
      const { decode, encode, live } = store.serializer!
      const entries = decode(read.data)
      if (format === 'pickle')
        expect(['dict', [...entries].map(([key, kept]) => [typed(key), typed(live(kept))])]).toEqual(
          vector.value,
        )
      expect(await store.delete(id)).toBe(true)
      const seenAt = vector.clock * 1000 + 999
      const record = freshRecord({
        id,
        data: encode(entries),
        seenAt,
        expiresAt: seenAt + vector.timeout * 1000,
      })
      expect(await store.create(record)).toBe(true)
      expect(readFileSync(path.join(directory, id), 'hex')).toBe(vector.file_hex)
      expect(statSync(path.join(directory, id)).mode & 0o777).toBe(
        Number(vector.file_mode.slice(2) ? `0o${vector.file_mode.slice(2)}` : 0),
      )
    },
  )

  test.each(vectors.flask_session_files.expiry)(
    'valid at $clock: $found',
    async (...[{ set_clock, timeout, expires, clock, found }]: any[]) => {
      const directory = folder()
      const store = open(directory)
      const id = md5('x')
      const now = set_clock * 1000
      await store.create(
        freshRecord({
          id,
          seenAt: now,
          expiresAt: timeout === 0 ? 8_640_000_000_000_000 : now + timeout * 1000,
        }),
      )
      const head = readFileSync(path.join(directory, id)).subarray(0, 4)
      expect(endianness() === 'LE' ? head.readUInt32LE() : head.readUInt32BE()).toBe(expires)
      expect(Math.ceil(clock * 1000) < (await store.get(id))!.expiresAt).toBe(found)
    },
  )

  test.each(
    vectors.flask_session_files.lifecycle[0].requests.map((request: any, n: number) =>
      Object.assign({ n }, request),
    ),
  )(
    'what Flask-Session left after request $n is read, and counted on',
    async (...[{ files_after }]: any[]) => {
      const directory = folder()
      for (const { file_name, file_hex } of files_after)
        writeFileSync(path.join(directory, file_name), Buffer.from(file_hex, 'hex'))
      const store = open(directory)
      for (const { file_name, value, expires } of files_after) {
        if (file_name === count) continue
        const read = (await store.get(file_name))!
        expect(read.expiresAt).toBe(expires * 1000 + 1)
        const entries = cachelibPickle.decode(read.data)
        expect([
          'dict',
          [...entries].map(([key, kept]) => [typed(key), typed(cachelibPickle.live(kept))]),
        ]).toEqual(value)
      }
      const before = files_after.find(({ file_name }: any) => file_name === count).value[1]
      await store.create(freshRecord({ id: md5('new') }))
      const counted = `0000000080054b0${Number(before) + 1}2e`
      expect(readFileSync(path.join(directory, count), 'hex')).toBe(counted)
      await store.delete(md5('new'))
      expect(readFileSync(path.join(directory, count), 'hex')).toBe(`0000000080054b0${before}2e`)
    },
  )

  test('nothing but sessions and the count is where cachelib looks, and nothing is left aside', async () => {
    const directory = folder()
    const store = open(directory, { mode: 0o640 })
    const [one, two] = [freshRecord({ id: md5('1') }), freshRecord({ id: md5('2'), data: '\x80\x04}.' })]
    expect(await store.create(one)).toBe(true)
    expect(await store.create(one)).toBe(false)
    expect(await store.update({ ...one, data: 'new' }, 'old')).toBe('conflict')
    expect(await store.update({ ...one, data: 'new' }, one.data)).toBe('done')
    expect(await store.rotate(one.id, two, 'new')).toBe('done')
    expect(listed(directory)).toEqual([count, two.id].sort())
    expect(statSync(path.join(directory, two.id)).mode & 0o777).toBe(0o640)
    const aside = path.join(directory, '.hipflask.__wz_cache')
    expect(readdirSync(aside).filter((name) => !/^[0-9a-f]{2}$/.test(name))).toEqual([])
    expect(statSync(aside).mode & 0o777).toBe(0o700)
  })

  test('a read that renews sets the expiry in place when little is left, and touches nothing else', async () => {
    const directory = folder()
    const store = open(directory, { lifetime: 10_000 })
    const now = 1_700_000_000_000
    const id = md5('1')
    await store.create(freshRecord({ id, seenAt: now, expiresAt: now + 10_000 }))
    const { ino } = statSync(path.join(directory, id))
    const at = (time: number) => ({ seenBefore: time - 1000, seenAt: time, expiresAt: time + 10_000 })
    expect(await store.get(id, at(now + 1000))).toMatchObject({ expiresAt: now + 10_001 })
    expect(await store.get(id, at(now + 2000))).toMatchObject({
      version: '\x80',
      seenAt: now + 2000,
      expiresAt: now + 12_001,
    })
    expect(await store.get(id)).toMatchObject({ expiresAt: now + 12_001 })
    expect(await store.get(id, at(now + 12_001))).toMatchObject({ expiresAt: now + 12_001 })
    expect(await store.touch(id, now, now + 60_000)).toBe(true)
    expect(await store.get(id)).toMatchObject({ expiresAt: now + 60_001, data: '\x80' })
    expect(await store.touch(md5('2'), now, now + 60_000)).toBe(false)
    expect(statSync(path.join(directory, id)).ino).toBe(ino)
  })

  test('names that are no file of a session are nothing, wherever they lead', async () => {
    const directory = folder()
    const store = open(directory)
    writeFileSync(path.join(directory, '../outside'), 'x'.repeat(10))
    for (const id of ['../outside', '..', '', 'a', count, 'a'.repeat(64), `${'a'.repeat(31)}/`]) {
      expect(await store.get(id)).toBeNull()
      expect(await store.touch(id, 1, 2)).toBe(false)
      expect(await store.delete(id)).toBe(false)
    }
    expect(existsSync(path.join(directory, '../outside'))).toBe(true)
    rmSync(path.join(directory, '../outside'))
  })

  test('what is no session is told, answered as nobody’s, and left as it is', async () => {
    const directory = folder()
    const events: SessionEvent[] = []
    const store = open(directory)
    const sessions = createSessions<any>({ store, onEvent: (event) => void events.push(event) })
    const file = path.join(directory, store.ids!.record('s1')!)
    const evil = Buffer.concat([
      Buffer.from('ffffff7f', 'hex'),
      Buffer.from('\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.', 'latin1'),
    ])
    for (const bytes of [
      Buffer.from('abc'),
      Buffer.from('ffffff7f', 'hex'),
      evil,
      Buffer.from('ffffff7f80054b012e', 'hex'),
    ]) {
      writeFileSync(file, bytes)
      events.length = 0
      const visit = await sessions.open('session=s1', { secure: false })
      expect({ ...visit.session }).toEqual({})
      await visit.close()
      expect(events[0]).toMatchObject({ type: 'corrupt' })
      expect(JSON.stringify(events)).not.toContain('s1')
      expect(readFileSync(file)).toEqual(bytes)
    }
  })

  test('a session is revoked by its meta.id, which says nothing of the id in the cookie', async () => {
    const sessions = createSessions<any>({ store: open(folder()) })
    const visit = await sessions.open(undefined, { secure: false })
    visit.session.name = 'Ann'
    const cookie = (await visit.close()).setCookie!.split(';')[0]!
    const later = await sessions.open(cookie, { secure: false })
    expect(cookie).not.toContain(later.session.meta.id)
    expect(await sessions.revoke(later.session.meta.id!)).toBe(true)
    expect({ ...(await sessions.open(cookie, { secure: false })).session }).toEqual({})
  })

  test('through the engine: Flask’s values stay, what it writes meanwhile is merged, and an ended session stays ended', async () => {
    const directory = folder()
    const store = open(directory)
    const sessions = createSessions<any>({ store, permanent: true })
    const sample = vectors.flask_session_files.cases.find(({ name }: any) => name === 'datetime offset')
    const file = path.join(directory, store.ids!.record('s1')!)
    writeFileSync(file, Buffer.from(sample.file_hex.replace(/^.{8}/, 'ffffff7f'), 'hex'))
    const visit = await sessions.open('session=s1', { secure: false })
    visit.session.mine = 1
    const written = cachelibPickle.decode(Buffer.from(sample.file_hex, 'hex').toString('latin1', 4))
    written.set('theirs', cachelibPickle.keep(2, 'theirs'))
    writeFileSync(
      file,
      Buffer.concat([Buffer.from('ffffff7f', 'hex'), Buffer.from(cachelibPickle.encode(written), 'latin1')]),
    )
    await visit.close()
    const entries = cachelibPickle.decode(readFileSync(file).toString('latin1', 4))
    expect(
      Object.fromEntries([...entries].map(([key, kept]) => [key, typed(cachelibPickle.live(kept))])),
    ).toEqual({
      d: ['datetime', '2024-01-02T03:04:05+05:30'],
      mine: ['int', '1'],
      theirs: ['int', '2'],
    })
    const late = await sessions.open('session=s1', { secure: false })
    late.session.mine = 2
    rmSync(file)
    await late.close()
    expect(existsSync(file)).toBe(false)
  })

  test('beyond the threshold expired sessions make room, live ones stay, and an event says so', async () => {
    const directory = folder()
    const events: StoreEvent[] = []
    const store = open(directory, { threshold: 3 })
    store.attach!((event) => void events.push(event))
    const now = 1_700_000_000_000
    for (let n = 0; n < 3; n++)
      await store.create(freshRecord({ id: md5(`dead ${n}`), seenAt: now, expiresAt: now + 1000 }))
    expect(listed(directory)).toHaveLength(4)
    for (let n = 0; n < 5; n++)
      await store.create(
        freshRecord({ id: md5(`alive ${n}`), seenAt: now + 2000 + n * 100_000, expiresAt: now + 10_000_000 }),
      )
    await store.gc(now + 2000)
    expect(listed(directory)).toHaveLength(6)
    expect(readFileSync(path.join(directory, count), 'hex')).toBe('0000000080054b052e20')
    await store.create(
      freshRecord({ id: md5('alive 6'), seenAt: now + 9_000_000, expiresAt: now + 10_000_000 }),
    )
    for (let turns = 0; turns < 1000 && events.length === 0; turns++)
      await new Promise((resolve) => setImmediate(resolve))
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('threshold') }])
    expect(listed(directory)).toHaveLength(7)
  })

  test('without a threshold nothing is counted; a count that is none is made anew', async () => {
    const directory = folder()
    await open(directory, { threshold: 0 }).create(freshRecord({ id: md5('1') }))
    expect(listed(directory)).toEqual([md5('1')])
    writeFileSync(path.join(directory, count), Buffer.from('0000000080054b022e', 'hex'))
    await open(directory).delete(md5('1'))
    expect(readFileSync(path.join(directory, count), 'hex')).toBe('0000000080054b012e')
    writeFileSync(path.join(directory, count), 'junk and more')
    await open(directory).create(freshRecord({ id: md5('2') }))
    expect(readFileSync(path.join(directory, count), 'hex')).toBe('0000000080054b012e20')
    const json = folder()
    await open(json, { format: 'json' }).create(
      freshRecord({ id: md5('1'), data: cachelibJson.encode(new Map()) }),
    )
    expect(readFileSync(path.join(json, count)).toString('latin1', 4)).toBe('1 ')
  })

  test('pages walk over every session once', async () => {
    const directory = folder()
    const store = open(directory)
    const ids = Array.from({ length: 23 }, (_, n) => md5(`${n}`)).sort()
    for (const [n, id] of ids.entries()) await store.create(freshRecord({ id, data: 'x'.repeat(n) }))
    const walked: string[] = []
    let cursor: string | null = null
    for (let pages = 0; pages < 10; pages++) {
      const { sessions, next }: Awaited<ReturnType<SessionStore['page']>> = await store.page(cursor, 5)
      for (const { id, size } of sessions) expect(size).toBe(ids.indexOf(id))
      walked.push(...sessions.map(({ id }) => id))
      cursor = next
      if (cursor === null) break
    }
    expect(walked).toEqual(ids)
    expect(() => store.list('anna')).toThrow(expect.objectContaining({ code: 'ERR_SESSION_UNSUPPORTED' }))
  })

  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
  const counts = { md5: count, sha256: sha256('__wz_cache_count') }
  const flaskCounts = (directory: string, hash: 'md5' | 'sha256'): void =>
    writeFileSync(path.join(directory, counts[hash]), Buffer.from('0000000080054b002e', 'hex'))
  const nameIn = (directory: string): string =>
    flaskFileStore({ directory }).ids!.record('s')!.length === 32 ? 'md5' : 'sha256'

  test('new files are named as the cache that is there names them, by SHA-256 where there is none', async () => {
    const directory = folder()
    expect(nameIn(directory)).toBe('sha256')
    await flaskFileStore({ directory, hash: 'md5', threshold: 0 }).create(freshRecord({ id: md5('1') }))
    expect(nameIn(directory)).toBe('md5')
    await flaskFileStore({ directory, hash: 'sha256' }).create(freshRecord({ id: sha256('1') }))
    expect(nameIn(directory)).toBe('sha256') // both kinds are from here
    flaskCounts(directory, 'md5')
    expect(nameIn(directory)).toBe('md5')
    utimesSync(path.join(directory, count), 1, 1)
    flaskCounts(directory, 'sha256')
    expect(nameIn(directory)).toBe('sha256')
    expect(listed(directory)).toEqual([md5('1'), sha256('1'), counts.sha256].sort())
  })

  test.each(['md5', 'sha256'] as const)(
    'a cachelib that comes later, with %s, is followed; no session is lost on the way',
    async (hash) => {
      const directory = folder()
      const other = hash === 'md5' ? 'sha256' : 'md5'
      if (other === 'md5') flaskCounts(directory, 'md5')
      const sessions = createSessions<any>({ store: flaskFileStore({ directory }) })
      const beside = createSessions<any>({ store: flaskFileStore({ directory }) })
      const begin = async (of: typeof sessions, name: string): Promise<string> => {
        const visit = await of.open(undefined, { secure: false })
        visit.session.name = name
        return (await visit.close()).setCookie!.split(';')[0]!
      }
      const named = (cookie: string, by: 'md5' | 'sha256'): boolean =>
        listed(directory).includes(
          createHash(by)
            .update(`session:${cookie.slice('session='.length)}`)
            .digest('hex'),
        )
      const read = async (of: typeof sessions, cookie: string): Promise<unknown> => {
        const visit = await of.open(cookie, { secure: false })
        const { name } = visit.session
        await visit.close()
        return name
      }

      const early = await begin(sessions, 'early')
      expect(named(early, other)).toBe(true)
      const open = await sessions.open(early, { secure: false })
      expect(open.session.name).toBe('early')
      flaskCounts(directory, hash)
      const late = await begin(sessions, 'late')
      expect([named(late, hash), named(late, other)]).toEqual([true, false])
      expect(existsSync(path.join(directory, counts[other]))).toBe(false)
      // One that has not noticed yet finds what the first one writes, too.
      for (const one of [sessions, beside, createSessions<any>({ store: flaskFileStore({ directory }) })])
        for (const [cookie, name] of [
          [early, 'early'],
          [late, 'late'],
        ] as const)
          expect(await read(one, cookie)).toBe(name)
      open.session.name = 'changed'
      expect((await open.close()).setCookie).toBeNull()
      expect(await read(beside, early)).toBe('changed')

      const left = await sessions.open(early, { secure: false })
      left.session.destroy()
      await left.close()
      for (const one of [sessions, beside]) expect(await read(one, early)).toBeUndefined()
      // Its count is nobody's but its own, so the two do not chase each other.
      const besides = await begin(beside, 'besides')
      expect(named(besides, hash)).toBe(true)
      expect(named(await begin(sessions, 'again'), hash)).toBe(true)
    },
  )

  test('with `hash` it is told that the app in Flask names its files otherwise', async () => {
    const directory = folder()
    const events: StoreEvent[] = []
    const store = open(directory)
    store.attach!((event) => void events.push(event))
    await flaskFileStore({ directory, hash: 'sha256' }).create(freshRecord({ id: sha256('1') }))
    await store.gc(0)
    expect(events).toEqual([])
    flaskCounts(directory, 'sha256')
    await store.gc(0)
    expect(events).toMatchObject([{ type: 'warning', message: expect.stringContaining('`hash`') }])
    expect(store.ids!.record('s1')).toBe(md5('session:s1'))
  })

  test('a directory that any user can write is refused; one that is missing is made', async () => {
    const directory = folder()
    chmodSync(directory, 0o777)
    expect(() => open(directory)).toThrow(expect.objectContaining({ code: 'ERR_SESSION_CONFIG' }))
    const deep = path.join(folder(), 'a/b')
    const store = open(deep)
    expect(statSync(deep).mode & 0o777).toBe(0o700)
    rmSync(deep, { recursive: true })
    expect(await store.get(md5('1'))).toBeNull()
    expect(await store.create(freshRecord({ id: md5('1') }))).toBe(true)
    mkdirSync(path.join(deep, md5('2')))
    await expect((async () => store.get(md5('2')))()).rejects.toThrow('EISDIR')
  })

  test.each([
    [{ directory: '' }, 'directory'],
    [{ threshold: -1 }, 'threshold'],
    [{ mode: 0o400 }, 'mode'],
    [{ hash: 'sha1' }, 'hash'],
    [{ format: 'msgpack' }, 'format'],
  ])('refused: %o', (options, named) => {
    expect(() => flaskFileStore({ directory: folder(), ...options } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_SESSION_CONFIG', message: expect.stringContaining(named) }),
    )
  })
})
