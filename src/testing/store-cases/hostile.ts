import assert from 'node:assert/strict'
import { alive, born, freshRecord, holds, ids } from './store-case.ts'
import type { StoreCase } from './store-case.ts'

const TEXTS: readonly (readonly [what: string, text: string])[] = [
  ['the empty text', ''],
  ['a single NUL', '\0'],
  ['NUL amid text', 'a\0b\0'],
  ['every control character', Array.from({ length: 32 }, (_, code) => String.fromCodePoint(code)).join('')],
  ['line ends of all kinds', '\r\n\n\r\u0085\u2028\u2029'],
  ['spaces at both ends', ' \t x \t '],
  ['astral characters', '😀𝔘𠜎\u{10ffff}'],
  ['a byte order mark and noncharacters', '\ufeffa\ufffe\uffff\ufffd'],
  ['combining and right-to-left marks', 'e\u0301\u202eabc\u200f'],
  ['JSON', '{"id":"x","version":9,"__proto__":{"admin":true}}'],
  ['SQL', `'; DROP TABLE sessions; -- " \\ % _ $1 ? :id`],
  ['markup', '<script>alert(1)</script>]]>&amp;'],
  ['format characters', '%s %n ${x} {{x}} \\0 \\u0000'],
  ['what looks like a number', '1e400'],
  ['what looks like nothing', 'null'],
]

const USERS: readonly string[] = [
  ...TEXTS.map(([, text]) => text),
  '__proto__',
  'constructor',
  'toString',
  '../x',
  '/etc/passwd',
  '.',
  '..',
  'con',
  'anna',
  'Anna',
  'ANNA',
  'anna ',
  ' anna',
  'ann%',
  'ann_',
  'ann*',
  '[ann]a',
  'a:b',
  'a b',
  '\u00e9',
  'e\u0301',
  'x'.repeat(10_240),
  'x'.repeat(10_239) + 'y',
]

/** Well-formed ids that differ only in what careless stores ignore. */
const IDS: readonly string[] = [
  'A'.repeat(43),
  'a'.repeat(42) + 'A',
  'A'.repeat(42) + 'E',
  'aA'.repeat(21) + 'A',
  'Aa'.repeat(21) + 'A',
  '-'.repeat(42) + 'A',
  '_'.repeat(42) + 'A',
  '-_'.repeat(21) + 'A',
  '_'.repeat(42) + '8',
  '0'.repeat(43),
  '9'.repeat(42) + '8',
  '__proto__'.padEnd(42, '_') + 'A',
  'constructor'.padEnd(42, '-') + 'A',
]

/** Input of an adversary, all of it legal. */
export const hostileCases: readonly StoreCase[] = [
  ...TEXTS.map(
    ([what, text]) =>
      ({
        name: `values and label come back unchanged: ${what}`,
        run: async (bench) => {
          const record = freshRecord({ data: text, label: text, user: 'anna' })
          assert.equal(await bench.store.create(record), true)
          await holds(bench, record)
          const { version } = await alive(bench.store, record.id)
          assert.equal(
            await bench.store.update({ ...record, data: text + text, label: null }, version),
            'done',
          )
          await holds(bench, { ...record, data: text + text, label: null })
          const next = freshRecord({ data: text, label: text })
          assert.equal(
            await bench.other.rotate(record.id, next, (await alive(bench.other, record.id)).version),
            'done',
          )
          await holds(bench, next)
        },
      }) satisfies StoreCase,
  ),
  {
    name: 'the longest values come back unchanged',
    run: async (bench) => {
      const { largest } = bench.traits
      const record = freshRecord({ data: 'x'.repeat(largest) })
      assert.equal(await bench.store.create(record), true)
      await holds(bench, record)
      const wide = { ...record, data: 'ü€'.repeat(Math.floor(largest / 5)) }
      assert.equal(await bench.store.update(wide, (await alive(bench.store, record.id)).version), 'done')
      await holds(bench, wide)
    },
  },
  {
    name: 'users that differ only in case, spaces, accents, wildcards or length are different users',
    needs: 'lists',
    run: async (bench) => {
      const owned = new Map<string, string>()
      for (const user of USERS) owned.set(user, (await born(bench.store, { user })).id)
      await born(bench.store)
      for (const [user, id] of owned) {
        assert.deepEqual(
          ids(await bench.other.list(user)),
          [id],
          `the list of ${JSON.stringify(user.slice(0, 40))}`,
        )
        assert.equal((await alive(bench.other, id)).user, user)
      }
    },
  },
  {
    name: 'a user of the empty text is not the same as no user',
    run: async (bench) => {
      const [named, none] = [await born(bench.store, { user: '' }), await born(bench.store, { user: null })]
      assert.equal((await alive(bench.other, named.id)).user, '')
      assert.equal((await alive(bench.other, none.id)).user, null)
    },
  },
  {
    name: 'ids that differ only in case or punctuation are different records',
    run: async (bench) => {
      for (const id of IDS) assert.equal(await bench.store.create(freshRecord({ id, data: id })), true)
      for (const id of IDS) assert.equal((await alive(bench.other, id)).data, id)
      for (const id of IDS) {
        const { version, ...record } = await alive(bench.store, id)
        assert.equal(await bench.store.update({ ...record, data: `new ${id}` }, version), 'done')
      }
      for (const id of IDS) assert.equal((await alive(bench.other, id)).data, `new ${id}`)
      for (const id of IDS) assert.equal(await bench.store.delete(id), true)
      for (const id of IDS) assert.equal(await bench.other.get(id), null)
    },
  },
]
