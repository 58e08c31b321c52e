import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SessionRecord, SessionStore, StoreEvent } from '../../src/contracts/store.ts'
import { fileStore } from '../../src/stores/file.ts'
import type { FileStoreOptions } from '../../src/stores/file.ts'
import { networkFileSystem } from '../../src/stores/file/directory.ts'
import { encodeGrave, encodeRecord } from '../../src/stores/file/record.ts'
import { storeSuite } from '../../src/testing/index.ts'
import type { StoreUnderTest } from '../../src/testing/index.ts'
import { alive, freshId, freshRecord, pause, plain } from '../../src/testing/store-cases/store-case.ts'
import { fileName, filesIn, freshDirectory, freshIdIn, litterIn } from './directories.ts'
import { intercept, systemError } from './faults.ts'

const isRoot = process.geteuid?.() === 0

function make(options: FileStoreOptions, parent: string): StoreUnderTest {
  const directory = mkdtempSync(join(parent, 'hipflask-'))
  const open = (): SessionStore => fileStore(directory, options)
  return { store: open(), reopen: open, dispose: () => rmSync(directory, { recursive: true }) }
}

describe('the store contract, flat', () => {
  storeSuite({ test, make: () => make({}, tmpdir()) })
})

describe('the store contract, in subdirectories', () => {
  storeSuite({ test, make: () => make({ shardAfter: 3 }, existsSync('/dev/shm') ? '/dev/shm' : tmpdir()) })
})

describe('the store contract, on the disk', () => {
  storeSuite({ test, make: () => make({ fsync: true, timeout: 20_000 }, tmpdir()) })
})

/** A store in a fresh directory, and what it told. */
function open(options: FileStoreOptions = {}): {
  directory: string
  store: SessionStore
  events: StoreEvent[]
} {
  const directory = freshDirectory()
  const store = fileStore(directory, options)
  const events: StoreEvent[] = []
  store.attach?.((event) => void events.push(event))
  return { directory, store, events }
}

async function created(store: SessionStore, parts: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const record = freshRecord(parts)
  expect(await store.create(record)).toBe(true)
  return record
}

async function everySession(store: SessionStore) {
  return (await store.page(null, 1_000_000)).sessions
}

/** Takes a token the way a process on another machine would, of which nothing is known here; answers how to give it back. */
function seize(directory: string, id: string): { holder: string; release: () => void } {
  const stripe = (Buffer.from(id, 'base64url')[0]! % 64).toString(16).padStart(2, '0')
  const free = join(directory, '.locks', stripe, 'free')
  const holder = join(directory, '.locks', stripe, `1-elsewhere-${freshId()}`)
  renameSync(free, holder)
  return { holder, release: () => renameSync(holder, free) }
}

const refused = (code: string, message: RegExp): object =>
  expect.objectContaining({ name: 'SessionError', code, message: expect.stringMatching(message) })

describe('answers', () => {
  test('are given at once where nobody has to be waited for', async () => {
    const { store } = open()
    const record = freshRecord({ user: 'anna' })
    const answers = [store.create(record), store.get(record.id)]
    const { version } = await alive(store, record.id)
    answers.push(
      store.get(record.id, {
        seenBefore: record.expiresAt,
        seenAt: record.seenAt + 1,
        expiresAt: record.expiresAt,
      }),
    )
    answers.push(store.touch(record.id, record.seenAt, record.expiresAt))
    expect(store.update(record, version)).toBe('done')
    answers.push(store.delete(record.id))
    for (const answer of answers) expect(answer).not.toBeInstanceOf(Promise)
  })

  test('show nothing of the sessions when the store is inspected', async () => {
    const { store } = open()
    await created(store, { data: 'a canary value', user: 'a canary user' })
    expect(inspect(store, { depth: 10, showHidden: true })).not.toMatch(/canary/)
  })
})

describe('options', () => {
  test.each<any>([
    ['', {}],
    ['a\0b', {}],
    [7, {}],
    [undefined, { fsync: 'yes' }],
    [undefined, { timeout: 0 }],
    [undefined, { timeout: Number.NaN }],
    [undefined, { timeout: '2s' }],
    [undefined, { shardAfter: -1 }],
    [undefined, { shardAfter: 1.5 }],
  ])('%j with %j are refused', (directory, options) => {
    expect(() => fileStore(directory, options)).toThrow(refused('ERR_SESSION_CONFIG', /^fileStore: /))
  })

  test('a record that could not be read back is refused when it is written', async () => {
    const { directory, store } = open()
    for (const id of ['', 'x', '../x', 'a/b', '\0', 'A'.repeat(42), `${'A'.repeat(42)}B`, 'A'.repeat(300)]) {
      expect(() => store.create(freshRecord({ id }))).toThrow(refused('ERR_SESSION_USE', /256 bits/))
      expect(await store.get(id)).toBeNull()
      expect(await store.touch(id, 1, 2)).toBe(false)
      expect(await store.delete(id)).toBe(false)
    }
    for (const time of [Infinity, Number.NaN])
      expect(() => store.create(freshRecord({ endsAt: time }))).toThrow(refused('ERR_SESSION_USE', /finite/))
    expect(litterIn(directory, [])).toEqual([])
  })

  test('page takes only cursors that it gave', async () => {
    const { store } = open()
    for (const cursor of ['', 'x', '../../etc', 'A'.repeat(64)])
      await expect(store.page(cursor, 10)).rejects.toThrow(refused('ERR_SESSION_USE', /page/))
  })
})

describe('the directory', () => {
  test.each([0o000, 0o022, 0o077, 0o277])(
    'is 0700 and its files 0600, whatever the umask (%o)',
    async (umask) => {
      const directory = join(freshDirectory(), 'a', 'sessions')
      const before = process.umask(umask)
      onTestFinished(() => void process.umask(before))
      if (umask === 0o277) mkdirSync(join(directory, '..'), { mode: 0o700 })
      if (umask === 0o277) chmodSync(join(directory, '..'), 0o700)
      for (const options of [{}, { fsync: true }, { shardAfter: 0 }]) {
        const store = fileStore(directory, options)
        const record = await created(store, { user: 'anna' })
        expect(
          await store.rotate(
            record.id,
            freshRecord({ user: 'anna' }),
            (await alive(store, record.id)).version,
          ),
        ).toBe('done')
      }
      expect(statSync(directory).mode & 0o777).toBe(0o700)
      const files = filesIn(directory)
      expect(files.length).toBeGreaterThan(6)
      for (const file of files)
        expect([file, (statSync(join(directory, file)).mode & 0o777).toString(8)]).toEqual([file, '600'])
      for (const inner of ['.locks', '.users', '.staged'])
        expect(statSync(join(directory, inner)).mode & 0o777).toBe(0o700)
    },
  )

  test('that is a symbolic link is refused', () => {
    const parent = freshDirectory()
    symlinkSync(freshDirectory(), join(parent, 'link'))
    expect(() => fileStore(join(parent, 'link'))).toThrow(refused('ERR_SESSION_CONFIG', /symbolic link/))
  })

  test('that is a file is refused', () => {
    const file = join(freshDirectory(), 'file')
    writeFileSync(file, '')
    expect(() => fileStore(file)).toThrow(refused('ERR_SESSION_CONFIG', /not a directory/))
  })

  test.each([0o777, 0o770, 0o1777])('that others can write (%o) is refused', (mode) => {
    const directory = freshDirectory()
    chmodSync(directory, mode)
    expect(() => fileStore(directory)).toThrow(
      refused('ERR_SESSION_CONFIG', /written by other users.*chmod it to 700/),
    )
  })

  test.skipIf(!isRoot)('that belongs to somebody else is refused (needs root to be tried)', () => {
    const directory = freshDirectory()
    chownSync(directory, 12_345, 12_345)
    expect(() => fileStore(directory)).toThrow(
      refused('ERR_SESSION_CONFIG', /belongs to user 12345.*runs as user 0/),
    )
  })

  test('whose inner directories were planted is refused', () => {
    for (const inner of ['.locks', '.users', '.staged']) {
      const directory = freshDirectory()
      symlinkSync(freshDirectory(), join(directory, inner))
      expect(() => fileStore(directory)).toThrow(refused('ERR_SESSION_CONFIG', /symbolic link/))
    }
  })

  test.each(['2029240f6d1128be89ddc32729463129', 'd41d8cd98f00b204e9800998ecf8427e'])(
    'that holds a file of Flask-Session (%s) is refused and left as it is',
    (name) => {
      const directory = freshDirectory()
      writeFileSync(join(directory, name), '\0\0\0\0\x80\x05K\x01.')
      expect(() => fileStore(directory)).toThrow(
        refused('ERR_SESSION_FOREIGN', /Flask-Session.*directory of its own/),
      )
      expect(filesIn(directory)).toEqual([name])
    },
  )

  test('may hold files of others, which are left alone', async () => {
    const directory = freshDirectory()
    writeFileSync(join(directory, '.gitignore'), '*')
    const store = fileStore(directory)
    await created(store)
    expect(await store.gc(Number.MAX_SAFE_INTEGER)).toBe(1)
    expect(readFileSync(join(directory, '.gitignore'), 'utf8')).toBe('*')
  })

  test('on a network file system is known by its number', () => {
    expect(networkFileSystem(0x6969)).toBe('NFS')
    expect(networkFileSystem(0xef53)).toBeNull()
  })

  test('that is removed while the store runs is made anew', async () => {
    for (const options of [{}, { fsync: true }, { shardAfter: 0 }]) {
      const { directory, store, events } = open(options)
      const lost = await created(store, { user: 'anna' })
      await created(store, { user: 'bert' })
      rmSync(directory, { recursive: true })
      expect(await store.get(lost.id)).toBeNull()
      expect(await store.update(lost, 'x')).toBe('gone')
      expect(await store.gc(0)).toBe(0)
      const record = await created(store, { user: 'anna' })
      expect(plain(await alive(store, record.id))).toEqual(record)
      expect((await store.list('anna')).map(({ id }) => id)).toEqual([record.id])
      expect(statSync(directory).mode & 0o777).toBe(0o700)
      expect(events).toEqual([])
    }
  })

  test('that is replaced by a link while the store runs is refused from then on', async () => {
    const { directory, store } = open({ timeout: 100 })
    const record = await created(store)
    rmSync(directory, { recursive: true })
    symlinkSync(freshDirectory(), directory)
    const refusal = refused('ERR_SESSION_CONFIG', /symbolic link/)
    await expect((async () => store.create(freshRecord()))()).rejects.toThrow(refusal)
    await expect((async () => store.delete(record.id))()).rejects.toThrow(refusal)
  })
})

describe('a planted or damaged file', () => {
  /** Asserts that what lies under `record.id` is no session for any verb, and that it is told. */
  async function refusesToRead(
    store: SessionStore,
    events: StoreEvent[],
    { version, ...record }: Awaited<ReturnType<typeof alive>>,
  ) {
    expect(await store.get(record.id)).toBeNull()
    expect(events.at(-1)).toMatchObject({ type: 'corrupt', id: record.id })
    expect(await store.update(record, version)).toBe('gone')
    expect(await store.touch(record.id, record.seenAt, record.expiresAt)).toBe(false)
    expect(await store.rotate(record.id, freshRecord(), version)).toBe('gone')
    expect(await store.create(record)).toBe(false)
    expect(await store.list('anna')).toEqual([])
    expect(await everySession(store)).toEqual([])
  }

  test.each([
    ['a symbolic link', (path: string) => symlinkSync('/etc/hosts', path)],
    ['a link to itself', (path: string) => symlinkSync(path, path)],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a pipe', (path: string) => execFileSync('/usr/bin/mkfifo', [path])],
    ['an empty file', (path: string) => writeFileSync(path, '')],
    ['a pickle', (path: string) => writeFileSync(path, '\0\0\0\0\x80\x05}\x94.')],
    ['a later format', (path: string) => writeFileSync(path, `hipflask 2 ${'x'.repeat(43)}\n{}\n`)],
    ['a record that is none', (path: string) => writeFileSync(path, encodeRecord({ data: '' } as never))],
  ])('%s is no session, and is told as corrupt', async (_what, plant) => {
    const { directory, store, events } = open()
    await created(store, { user: 'anna' })
    const record = await alive(store, (await store.list('anna'))[0]!.id)
    const path = join(directory, fileName(record.id))
    rmSync(path)
    plant(path)
    await refusesToRead(store, events, record)
    expect(await store.gc(Number.MAX_SAFE_INTEGER)).toBe(0)
    if (!lstatSync(path).isDirectory()) expect(await store.delete(record.id)).toBe(true)
    expect(readFileSync('/etc/hosts').length).toBeGreaterThan(0)
  })

  test('a symbolic link to a true copy of the record is refused all the same', async () => {
    const { directory, store, events } = open()
    const record = await created(store)
    const path = join(directory, fileName(record.id))
    const elsewhere = join(freshDirectory(), 'copy')
    renameSync(path, elsewhere)
    symlinkSync(elsewhere, path)
    expect(await store.get(record.id)).toBeNull()
    expect(events).toEqual([{ type: 'corrupt', id: record.id, reason: 'the file is a symbolic link' }])
    expect(await store.delete(record.id)).toBe(true)
    expect(existsSync(elsewhere)).toBe(true)
  })

  test('a listener may use the store when it is told of a corrupt record', async () => {
    const { directory, store } = open({ timeout: 1000 })
    const record = await created(store)
    writeFileSync(join(directory, fileName(record.id)), 'x')
    const deleted: unknown[] = []
    store.attach?.((event) => void deleted.push(event.type === 'corrupt' && store.delete(event.id)))
    expect(await store.touch(record.id, 1, 2)).toBe(false)
    expect(deleted).toEqual([true])
    expect(await store.create(record)).toBe(true)
  })

  test.skipIf(!isRoot)('a file of another user is no session (needs root to be tried)', async () => {
    const { directory, store, events } = open()
    const record = await created(store, { user: 'anna' })
    const seen = await alive(store, record.id)
    chownSync(join(directory, fileName(record.id)), 12_345, 12_345)
    await refusesToRead(store, events, seen)
  })

  test('a record copied over another’s name is refused', async () => {
    const { directory, store, events } = open()
    const [anna, bert] = [await created(store, { user: 'anna' }), await created(store, { user: 'bert' })]
    const seen = await alive(store, anna.id)
    copyFileSync(join(directory, fileName(bert.id)), join(directory, fileName(anna.id)))
    expect(await store.get(anna.id)).toBeNull()
    expect(events).toEqual([{ type: 'corrupt', id: anna.id, reason: 'the file belongs to another id' }])
    expect(await store.update(anna, seen.version)).toBe('gone')
    expect(await store.list('anna')).toEqual([])
    expect(plain(await alive(store, bert.id))).toEqual(bert)
  })

  test('any change of a record’s bytes is noticed; nothing throws, and delete removes it', async () => {
    const { directory, store, events } = open()
    const change = fc.oneof(
      fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
      fc.record({
        kind: fc.constant('insert' as const),
        at: fc.nat(),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      }),
      fc.record({
        kind: fc.constant('zero' as const),
        at: fc.nat(),
        length: fc.integer({ min: 1, max: 4096 }),
      }),
      fc.record({ kind: fc.constant('replace' as const), bytes: fc.uint8Array({ maxLength: 400 }) }),
    )
    await fc.assert(
      fc.asyncProperty(change, fc.string({ unit: 'binary', maxLength: 200 }), async (change, data) => {
        const record = await created(store, { data, user: 'anna' })
        const path = join(directory, fileName(record.id))
        const before = readFileSync(path)
        const at = 'at' in change ? change.at % before.length : 0
        let after = Buffer.from(before)
        if (change.kind === 'flip') after[at]! ^= 1 << change.bit
        else if (change.kind === 'cut') after = after.subarray(0, at)
        else if (change.kind === 'insert')
          after = Buffer.concat([before.subarray(0, at), change.bytes, before.subarray(at)])
        else if (change.kind === 'zero') after.fill(0, at, Math.min(at + change.length, after.length))
        else after = Buffer.from(change.bytes)
        fc.pre(!after.equals(before))
        writeFileSync(path, after)
        events.length = 0
        expect(await store.get(record.id)).toBeNull()
        expect(events).toMatchObject([{ type: 'corrupt', id: record.id }])
        expect(await store.touch(record.id, 1, 2)).toBe(false)
        expect(await store.delete(record.id)).toBe(true)
        expect(await store.delete(record.id)).toBe(false)
      }),
      { numRuns: 500, seed: 20_261_121 },
    )
    await store.gc(0)
    expect(litterIn(directory, [])).toEqual([])
  })
})

describe('a system that fails', () => {
  const VERBS = ['create', 'update', 'touch', 'renew', 'delete', 'rotate', 'gc'] as const
  const CODES = ['ENOSPC', 'EMFILE', 'EIO', 'EROFS'] as const

  test.each(VERBS.flatMap((verb) => [false, true].map((fsync) => [verb, fsync] as const)))(
    'at any call during %s (fsync: %s) means an error or success, and the record is whole',
    async (verb, fsync) => {
      let failures = 0
      for (let at = 1, reached = true; reached; at++) {
        expect(at).toBeLessThan(150)
        const { directory, store, events } = open({ fsync })
        const old = freshRecord({ user: 'anna', data: 'old' })
        const young = freshIdIn('another stripe', old.id)
        const id = verb === 'create' ? young : old.id
        await store.create(old)
        const seen = await alive(store, old.id)
        const record = {
          ...old,
          id: verb === 'update' ? id : young,
          data: 'new',
          user: 'bert',
        }
        const times = { seenAt: old.seenAt + 5, expiresAt: old.expiresAt + 5 }
        const act = {
          create: () => store.create(record),
          update: () => store.update(record, seen.version),
          touch: () => store.touch(id, times.seenAt, times.expiresAt),
          renew: () => store.get(id, { seenBefore: old.expiresAt, ...times }),
          delete: () => store.delete(id),
          rotate: () => store.rotate(id, record, seen.version),
          gc: () => store.gc(old.expiresAt),
        }[verb]

        let calls = 0
        let struck = ''
        const undo = intercept((call) => {
          calls += 1
          if (calls !== at) return
          struck = call
          throw systemError(CODES[at % CODES.length]!, call)
        })
        let failed = false
        try {
          await act()
        } catch (error) {
          failed = true
          expect(CODES).toContain((error as NodeJS.ErrnoException).code)
        } finally {
          undo()
        }
        reached = calls >= at
        if (failed) failures += 1

        const [former, latter] = [
          await store.get(old.id),
          record.id === old.id ? null : await store.get(record.id),
        ]
        if (verb === 'create') {
          expect(plain(former!)).toEqual(old)
          if (!failed) expect(plain(latter!)).toEqual(record)
        } else {
          expect(former && latter).toBeFalsy()
          const now = former ?? latter
          const after = {
            create: null,
            update: record,
            rotate: record,
            delete: null,
            gc: null,
            touch: { ...old, ...times },
            renew: { ...old, ...times },
          }[verb]
          if (failed) expect([old, after]).toContainEqual(now && plain(now))
          else if (verb !== 'gc') expect(now && plain(now)).toEqual(after)
        }
        await store.gc(0)
        const litter = litterIn(directory, await everySession(store))
        // A file that could not be removed is there until its maker is dead, or a minute has passed.
        if (struck === 'unlinkSync') expect(litter.filter((path) => !path.startsWith('.staged/'))).toEqual([])
        else expect(litter).toEqual([])
        for (const { id } of await everySession(store)) expect(await store.delete(id)).toBe(true)
        expect(events).toEqual([])
      }
      expect(failures).toBeGreaterThan(0)
    },
  )

  test('with no file descriptors left gives an error to readers too, and recovers', async () => {
    const { store } = open()
    const record = await created(store)
    const undo = intercept((call) => {
      if (call === 'openSync') throw systemError('EMFILE', call)
    })
    try {
      expect(() => store.get(record.id)).toThrow(expect.objectContaining({ code: 'EMFILE' }))
      expect(() => store.touch(record.id, 1, 2)).toThrow(expect.objectContaining({ code: 'EMFILE' }))
    } finally {
      undo()
    }
    expect(plain(await alive(store, record.id))).toEqual(record)
  })

  test('on a disk that is full keeps what there was, and still lets everybody log out', async (context) => {
    const mount = join(freshDirectory(), 'full')
    mkdirSync(mount)
    try {
      execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=700', 'tmpfs', mount], {
        stdio: 'ignore',
      })
    } catch {
      context.skip(
        'a small file system cannot be mounted here (needs root and mount, Debian package "mount")',
      )
    }
    onTestFinished(() => void execFileSync('/usr/bin/umount', [mount]))
    const store = fileStore(mount)
    const kept: SessionRecord[] = []
    let full: unknown = null
    for (let n = 0; n < 1000 && full === null; n++) {
      const record = freshRecord({ data: 'x'.repeat(3000) })
      try {
        await store.create(record)
        kept.push(record)
      } catch (error) {
        full = error
      }
    }
    expect(full).toMatchObject({ code: 'ENOSPC' })
    const [first, second] = [kept[0]!, kept[1]!]
    const { version } = await alive(store, first.id)
    const grown = { ...first, data: 'y'.repeat(100_000) }
    await expect((async () => store.update(grown, version))()).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(plain(await alive(store, first.id))).toEqual(first)
    expect(litterIn(mount, await everySession(store))).toEqual([])
    for (const record of kept.slice(1)) expect(await store.delete(record.id)).toBe(true)
    expect(await store.get(second.id)).toBeNull()
    expect(await store.update(grown, version)).toBe('done')
    expect(litterIn(mount, await everySession(store))).toEqual([])
  })
})

describe('a lock', () => {
  test('whose holder cannot be asked is waited for until the deadline, then taken after a second', async () => {
    const { directory, store } = open({ timeout: 50 })
    const record = await created(store)
    const { holder } = seize(directory, record.id)
    await expect(store.touch(record.id, 1, 2)).rejects.toThrow(refused('ERR_SESSION_TIMEOUT', /50 ms/))
    expect(existsSync(holder)).toBe(true)
    const patient = fileStore(directory, { timeout: 20_000 })
    expect(await patient.touch(record.id, record.seenAt + 1, record.expiresAt)).toBe(true)
    expect(existsSync(holder)).toBe(false)
    expect((await alive(store, record.id)).seenAt).toBe(record.seenAt + 1)
    expect(litterIn(directory, await everySession(store))).toEqual([])
  })

  test('does not keep readers or other sessions waiting', async () => {
    const { directory, store } = open({ timeout: 50 })
    const record = await created(store)
    seize(directory, record.id)
    expect(plain(await alive(store, record.id))).toEqual(record)
    const other = freshRecord({ id: freshIdIn('another stripe', record.id) })
    expect(store.create(other)).toBe(true)
  })

  test('that a sweep cannot have is left to the next sweep', async () => {
    const { directory, store } = open({ timeout: 20 })
    const record = await created(store)
    const { release } = seize(directory, record.id)
    expect(await store.gc(record.expiresAt)).toBe(0)
    release()
    expect(await store.gc(record.expiresAt)).toBe(1)
  })
})

describe('many sessions', () => {
  test('go into subdirectories beyond the limit, and other stores notice', async () => {
    const directory = freshDirectory()
    const [mine, theirs] = [
      fileStore(directory, { shardAfter: 20 }),
      fileStore(directory, { shardAfter: 20 }),
    ]
    const records: SessionRecord[] = []
    for (let n = 0; n < 30; n++) records.push(await created(mine))
    const flat = (): string[] => filesIn(directory).filter((path) => /^[0-9a-f]{64}$/.test(path))
    expect(flat()).toHaveLength(21)
    for (let n = 0; n < 10; n++) records.push(await created(theirs))
    expect(flat()).toHaveLength(21)
    records.push(await created(fileStore(directory, { shardAfter: 20 })))
    for (const store of [mine, theirs]) {
      for (const record of records) expect(plain(await alive(store, record.id))).toEqual(record)
      expect(await everySession(store)).toHaveLength(41)
    }
    for (const [n, record] of records.entries()) {
      const store = n % 2 ? mine : theirs
      expect(await store.update({ ...record, data: 'new' }, (await alive(store, record.id)).version)).toBe(
        'done',
      )
    }
    expect(flat()).toHaveLength(21)
    expect(litterIn(directory, await everySession(mine))).toEqual([])
  })

  test('a limit is counted from what a directory holds, and noted again by a sweep', async () => {
    const directory = freshDirectory()
    const [mine, theirs] = [
      fileStore(directory, { shardAfter: 20 }),
      fileStore(directory, { shardAfter: 20 }),
    ]
    for (let n = 0; n < 15; n++) await created(mine)
    for (let n = 0; n < 15; n++) await created(theirs)
    expect(existsSync(join(directory, '.sharded'))).toBe(false)
    await mine.gc(0)
    expect(existsSync(join(directory, '.sharded'))).toBe(true)
    const late = freshDirectory()
    const first = fileStore(late)
    for (let n = 0; n < 21; n++) await created(first)
    fileStore(late, { shardAfter: 20 })
    expect(existsSync(join(late, '.sharded'))).toBe(true)
  })

  test('20,000 are swept in slices that let other work run, and a signal stops the sweep', async () => {
    const { directory, store } = open()
    const now = Date.now()
    const file = { version: 'v', entry: null, from: null }
    let dead = 0
    for (let n = 0; n < 20_000; n++) {
      const expired = n % 4 !== 0
      const record = freshRecord({ expiresAt: expired ? now : now + 1 + n })
      const name = fileName(record.id)
      const place = n % 2 ? join(directory, name.slice(0, 2)) : directory
      mkdirSync(place, { recursive: true, mode: 0o700 })
      writeFileSync(join(place, name), encodeRecord({ ...record, ...file }), { mode: 0o600 })
      if (expired) dead += 1
    }
    const stop = new AbortController()
    let turns = 0
    const watch = (): void => {
      turns += 1
      if (turns === 40) stop.abort()
    }
    const ticking = setInterval(watch, 1)
    const first = await store.gc(now, stop.signal)
    expect(turns).toBeGreaterThanOrEqual(40)
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(dead)
    const second = await store.gc(now)
    clearInterval(ticking)
    expect(first + second).toBe(dead)
    expect(turns).toBeGreaterThan(100)
    expect(await everySession(store)).toHaveLength(20_000 - dead)
    expect(await store.gc(now)).toBe(0)
    expect(litterIn(directory, await everySession(store))).toEqual([])
  })
})

describe('the sweep', () => {
  /** Starts a sweep that has to wait for the lock on `id`, and lets it go on after `change`. */
  async function sweepAround(
    directory: string,
    store: SessionStore,
    id: string,
    now: number,
    change: () => unknown,
  ) {
    const { holder, release } = seize(directory, id)
    const looks: string[] = []
    const undo = intercept((call, [path]) => {
      if (call === 'readdirSync' && path === dirname(holder)) looks.push(path)
    })
    const sweep = store.gc(now)
    // The first look is at the lock itself.
    for (let turns = 0; looks.length < 3 && turns < 100_000; turns++) await pause(1)
    undo()
    release()
    await change()
    return sweep
  }

  test('looks again when it has the lock: a session that was renewed meanwhile stays', async () => {
    const { directory, store } = open()
    const record = await created(store)
    const later = record.expiresAt + 1
    const gone = await sweepAround(directory, store, record.id, record.expiresAt, () =>
      expect(store.touch(record.id, record.seenAt, later)).toBe(true),
    )
    expect(gone).toBe(0)
    expect((await alive(store, record.id)).expiresAt).toBe(later)
  })

  test('looks again when it has the lock: an entry that a record names meanwhile stays', async () => {
    const { directory, store } = open()
    const record = await created(store, { user: 'anna' })
    const [entry, path] = [
      filesIn(directory).find((file) => file.startsWith('.users'))!,
      join(directory, fileName(record.id)),
    ]
    const file = readFileSync(path)
    rmSync(path)
    await sweepAround(directory, store, record.id, 0, () => writeFileSync(path, file, { mode: 0o600 }))
    expect(existsSync(join(directory, entry))).toBe(true)
    expect(await store.list('anna')).toHaveLength(1)
  })

  test.each([true, false])(
    'decides about a rotation only when nobody can finish it any more (finished: %s)',
    async (finished) => {
      const { directory, store } = open()
      const old = await created(store)
      const next = freshRecord({ user: 'anna' })
      const file = encodeRecord({ ...next, version: 'v', entry: null, from: old.id })
      writeFileSync(join(directory, fileName(next.id)), file, { mode: 0o600 })
      expect(await store.get(next.id)).toBeNull()
      expect(await store.touch(next.id, 1, 2)).toBe(false)
      expect(await store.delete(next.id)).toBe(false)
      expect(await everySession(store)).toHaveLength(1)
      await sweepAround(directory, store, old.id, 0, () => {
        if (finished) writeFileSync(join(directory, fileName(old.id)), encodeGrave(next.id), { mode: 0o600 })
      })
      expect(Boolean(await store.get(next.id))).toBe(finished)
      expect(Boolean(await store.get(old.id))).toBe(!finished)
      await store.gc(0)
      expect(Boolean(await store.get(next.id))).toBe(finished)
      expect(filesIn(directory).filter((path) => /^[0-9a-f]{64}$/.test(path))).toEqual([
        fileName(finished ? next.id : old.id),
      ])
    },
  )

  test('leaves a grave as long as its heir is born by it alone', async () => {
    const { directory, store } = open({ timeout: 20 })
    const old = await created(store)
    const next = freshRecord()
    const file = encodeRecord({ ...next, version: 'v', entry: null, from: old.id })
    writeFileSync(join(directory, fileName(next.id)), file, { mode: 0o600 })
    writeFileSync(join(directory, fileName(old.id)), encodeGrave(next.id), { mode: 0o600 })
    // Founds the stripe, and undoes what that changed.
    await store.touch(next.id, next.seenAt, next.expiresAt)
    writeFileSync(join(directory, fileName(next.id)), file, { mode: 0o600 })
    const { release } = seize(directory, next.id)
    await store.gc(0)
    expect(plain(await alive(store, next.id))).toEqual(next)
    release()
    await store.gc(0)
    expect(plain(await alive(store, next.id))).toEqual(next)
    expect(existsSync(join(directory, fileName(old.id)))).toBe(false)
  })

  test('does not let a rotation that was given up come true when the old session ends', async () => {
    const { directory, store } = open()
    const old = await created(store)
    const next = freshRecord()
    const file = encodeRecord({ ...next, version: 'v', entry: null, from: old.id })
    writeFileSync(join(directory, fileName(next.id)), file, { mode: 0o600 })
    expect(await store.delete(old.id)).toBe(true)
    expect(await store.get(next.id)).toBeNull()
    await store.gc(0)
    expect(litterIn(directory, [])).toEqual([])
  })

  test('removes unfinished work of processes it cannot ask only when that is old', async () => {
    const { directory, store } = open()
    const old = Date.now() / 1000 - 61
    for (const [place, name] of [
      ['.staged', '1-elsewhere-a_1'],
      ['.locks', '.new-1-elsewhere-a_2'],
    ] as const) {
      const path = join(directory, place, name)
      mkdirSync(path)
      await store.gc(0)
      expect(existsSync(path)).toBe(true)
      utimesSync(path, old, old)
      await store.gc(0)
      expect(existsSync(path)).toBe(false)
    }
  })

  test('removes entries that no record names, and lists that are empty', async () => {
    const { directory, store } = open()
    const record = await created(store, { user: 'anna' })
    const entry = filesIn(directory).find((path) => path.startsWith('.users'))
    const list = join(directory, entry!, '..')
    writeFileSync(join(list, `${fileName(freshId())}.x_1`), '')
    writeFileSync(join(list, `${fileName(record.id)}.x_2`), '')
    expect(await store.list('anna')).toHaveLength(1)
    await store.gc(0)
    expect(litterIn(directory, await everySession(store))).toEqual([])
    await store.delete(record.id)
    await store.gc(0)
    expect(existsSync(list)).toBe(false)
    await created(store, { user: 'anna' })
    expect(await store.list('anna')).toHaveLength(1)
  })
})
