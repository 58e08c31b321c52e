import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Kept, Serializer } from '../../src/contracts/serializer.ts'
import { SessionError } from '../../src/errors.ts'
import { plainTypes } from '../../src/serializers/pickle-objects.ts'
import { cachelibJson, cachelibPickle, cachelibRedis } from '../../src/serializers/cachelib.ts'
import { flaskJson, flaskMsgpack } from '../../src/serializers/flask-session.ts'
import { vectors } from '../flask/vectors.ts'

/** Mutated records for each serializer; HIPFLASK_FUZZ=100000 for more. */
const fuzz = Number(process.env['HIPFLASK_FUZZ'] ?? 20_000)
const seed = Number(process.env['HIPFLASK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1')
const session = (body: string): string => `\x80\x04}\x8c\x01a${body}s.`

/** Everything that is done to a record. */
function use(serializer: Serializer, data: string): void {
  let entries: Map<string, Kept>
  try {
    entries = serializer.decode(data)
  } catch {
    return
  }
  for (const [key, kept] of entries) {
    const live = serializer.live(kept)
    // Text and numbers are never compared: nobody can change them in place.
    if (typeof key === 'symbol' || typeof live !== 'object' || live === null) continue
    const again = serializer.keep(live, key)
    if (!serializer.same(again, kept)) throw new Error(`a look has changed ${key}`)
  }
  entries.set('new', serializer.keep(1, 'new'))
  let text: string
  try {
    text = serializer.encode(entries)
  } catch (error) {
    // It came in the other format, and has no form in this one.
    if (error instanceof SessionError && error.code === 'ERR_SESSION_VALUE') return
    throw error
  }
  if (serializer.encode(serializer.decode(text)) !== text) throw new Error('it is not written as it is read')
}

function milliseconds(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

describe(`mutated records, ${fuzz} for each serializer, seed ${seed}`, () => {
  const pickles = vectors.flask_session_files.cases.map((vector: any) => latin1(vector.file_hex).slice(4))
  const msgpacks = vectors.msgspec.encode
    .filter((vector: any) => vector.msgpack_hex?.startsWith('8'))
    .flatMap((vector: any) => [
      latin1(vector.msgpack_hex),
      vector.json === undefined ? '' : Buffer.from(vector.json).toString('latin1'),
    ])
  const stored = vectors.msgspec.decode_by_flask_session.map((vector: any) => latin1(vector.hex))
  test.each([
    ['flaskMsgpack', flaskMsgpack, [...msgpacks, ...stored]],
    ['flaskJson', flaskJson, [...msgpacks, ...stored]],
    ['cachelibPickle', cachelibPickle, pickles],
    ['cachelibJson', cachelibJson, pickles],
    ['cachelibRedis', cachelibRedis, pickles.map((pickle: string) => `!${pickle}`)],
  ] as [string, Serializer, string[]][])('%s', { timeout: 600_000 }, (_, serializer, seeds) => {
    const at = fc.nat(10_000)
    const mutation = fc.tuple(
      fc.constantFrom('flip', 'set', 'cut', 'drop', 'twice', 'insert', 'swap'),
      at,
      at,
      fc.nat(255),
    )
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.array(mutation, { minLength: 1, maxLength: 6 }))
      .map(([text, mutations]) =>
        mutations.reduce((data, [kind, a, b, byte]) => {
          const [i, j] = [a % (data.length + 1), b % (data.length + 1)]
          const [from, to] = [Math.min(i, j), Math.max(i, j)]
          const char = String.fromCharCode(byte)
          const other = seeds[b % seeds.length]!
          switch (kind) {
            case 'flip':
              return (
                data.slice(0, i) +
                String.fromCharCode((data.charCodeAt(i) || 0) ^ (1 << (byte % 8))) +
                data.slice(i + 1)
              )
            case 'set':
              return data.slice(0, i) + char + data.slice(i + 1)
            case 'cut':
              return data.slice(0, i)
            case 'drop':
              return data.slice(0, from) + data.slice(to)
            case 'twice':
              return data.slice(0, to) + data.slice(from)
            case 'insert':
              return data.slice(0, i) + char + data.slice(i)
            default:
              return data.slice(0, i) + other.slice(a % (other.length + 1))
          }
        }, text),
      )
    let [slowest, longest] = ['', 0]
    for (let done = 0; done < fuzz; done += 1000) {
      for (const data of fc.sample(mutated, { numRuns: Math.min(1000, fuzz - done), seed: seed + done })) {
        const took = milliseconds(() => use(serializer, data))
        if (took > longest) [slowest, longest] = [data, took]
      }
    }
    // The best of many, so that neither another process nor a compiler counts.
    const best = Math.min(...Array.from({ length: 20 }, () => milliseconds(() => use(serializer, slowest))))
    expect(best).toBeLessThan(20)
  })
})

describe('pickle', () => {
  const refuse = (data: string): void => expect(() => cachelibPickle.decode(data)).toThrow(SyntaxError)

  test('knows the opcodes of plain values and three that make objects, and no other', () => {
    const known =
      'N\x88\x89KMJ\x8a\x8bG\x8cX\x8dCB\x8e\x96]}\x8f)\x85\x86\x87t\x91aesu\x90\x94qrhj\x95\x93cR\x81b('
    for (let code = 0; code < 256; code++) {
      const opcode = String.fromCharCode(code)
      // After enough on the stack for any opcode, at the place that its error must name.
      const data = session(`N0`.slice(0, 1) + opcode + '\0'.repeat(9))
      let message = ''
      try {
        cachelibPickle.decode(data)
      } catch (error) {
        message = String(error)
      }
      if (!known.includes(opcode)) expect(message, `opcode ${code}`).toContain('at position 8.')
    }
  })

  test('names only plain types, and looks at no other', () => {
    expect([...plainTypes.keys()].sort()).toEqual([
      'datetime date',
      'datetime datetime',
      'datetime time',
      'datetime timedelta',
      'datetime timezone',
      'decimal Decimal',
      'markupsafe Markup',
      'uuid UUID',
    ])
    const named = (module: string, name: string): string =>
      `\x8c${String.fromCharCode(module.length)}${module}\x8c${String.fromCharCode(name.length)}${name}\x93`
    const text = '\x8c\x06whoami\x85'
    for (const [module, name] of [
      ['os', 'system'],
      ['posix', 'system'],
      ['builtins', 'eval'],
      ['builtins', 'getattr'],
      ['builtins', '__import__'],
      ['subprocess', 'Popen'],
      ['datetime', 'datetime.now'],
      ['datetime', 'tzinfo'],
      ['uuid', 'uuid4'],
      ['uuid', 'os.system'],
      ['decimal', 'Context'],
      ['markupsafe', 'escape'],
      ['copyreg', '_reconstructor'],
      ['Datetime', 'datetime'],
      ['', ''],
      ['datetime ', 'datetime'],
      ['datetime datetime', ''],
    ] as const) {
      refuse(session(`${named(module, name)}${text}R`))
      refuse(session(`${named(module, name)}${text}\x81`))
      refuse(session(`c${module}\n${name}\n${text}R`))
    }
    // A name alone is no value, and its object is not made by another opcode or of other arguments.
    refuse(session(named('uuid', 'UUID')))
    refuse(session(`${named('uuid', 'UUID')})R`))
    refuse(session(`${named('uuid', 'UUID')})\x81`))
    refuse(session(`${named('uuid', 'UUID')})\x81}\x8c\x03intK\x01sb}\x8c\x03intK\x02sb`))
    refuse(session(`${named('uuid', 'UUID')})\x81}\x8c\x03intJ\xff\xff\xff\xffsb`))
    refuse(session(`${named('markupsafe', 'Markup')}K\x01\x85\x81`))
    refuse(session(`${named('markupsafe', 'Markup')}\x8c\x01a\x85R`))
    refuse(session(`${named('decimal', 'Decimal')}\x8c\x01a\x85R`))
    refuse(session(`${named('decimal', 'Decimal')}X\x00\x01\0\0${'1'.repeat(256)}\x85R`))
    refuse(session(`${named('datetime', 'timedelta')}K\0K\0\x86R`))
    refuse(session(`${named('datetime', 'timezone')}N\x85R`))
    refuse(session(`${named('datetime', 'datetime')}C\x0a\x07\xe8\x02\x1e\0\0\0\0\0\0\x85R`))
    refuse(session(`${named('datetime', 'datetime')}C\x0a\x07\xe8\x02\x1d\0\0\0\0\0\0N\x86R`))
  })

  test('has no way out of its own stack, memo and input', () => {
    for (const body of [
      '',
      'a',
      't',
      '(',
      '((t',
      'K\x01t',
      '\x94h\x01',
      'h\0',
      'j\0\0\0\0',
      '](Kau',
      '}(K\x01u',
      '}]Ns',
      '}\x8f\x85Ns',
      '(]\x91',
      'N.N',
      '\x80\x04N',
    ])
      refuse(session(body))
    // What is below a mark belongs to what began there, even if all comes out even in the end.
    refuse(session('](N\x86t\x86'))
    refuse('\x80\x04N.')
    refuse('\x80\x04}')
    refuse('\x80\x04}.}.')
    refuse('\x80\x01}.')
    refuse('\x80\x06}.')
    refuse('}.')
    refuse('\x80\x04\x95\xff\xff\0\0\0\0\0\0}.')
    for (const lead of ['X', 'B', '\x8b']) refuse(session(`${lead}\xff\xff\xff\x7f`))
    for (const lead of ['\x8d', '\x8e', '\x96', '\x95']) refuse(session(`${lead}${'\xff'.repeat(8)}`))
  })

  test('what holds itself, or itself many times, is refused before it fills the memory', () => {
    refuse(session(']\x94h\0a'))
    refuse(session('}\x94\x8c\x01ah\0s'))
    refuse(session(`${']'.repeat(65)}${'a'.repeat(64)}`))
    // A list of ten of the list before, thirty times over.
    refuse(
      session(
        `]\x94${Array.from({ length: 30 }, (_, i) => `](${`h${String.fromCharCode(i)}`.repeat(10)}e\x94`).join('')}`,
      ),
    )
    const wide = `X\x00\x00\x10\0${'x'.repeat(0x100000)}`
    refuse(session(`](${wide}\x94${'h\0'.repeat(100)}e`))
    refuse(session(`](${wide.replace('X', 'B')}\x94${'h\0'.repeat(100)}e`))
    const name = '\x8c\x08datetime\x8c\x08timezone\x93\x8c\x08datetime\x8c\x09timedelta\x93K\0K\0K\0\x87R'
    refuse(session(`${name}X\x00\x01\0\0${'x'.repeat(256)}\x86R`))
    // Many references to one short key are how CPython writes lists of equal dicts.
    const keys = `\x8c\x19manufacturer_country_code\x94`
    const many = session(`](}${keys}K\x01s${`}h\0K\x01s`.repeat(2000)}e`)
    expect([...cachelibPickle.decode(many).keys()]).toEqual(['a'])
  })
})
