import { describe, expect, test } from 'vitest'
import type { Serializer } from '../../src/contracts/serializer.ts'
import { flaskJson, flaskMsgpack } from '../../src/serializers/flask-session.ts'
import { vectors } from '../flask/vectors.ts'
import { settled } from './arbitrary.ts'
import { live, typed } from './typed.ts'
import type { Typed } from './typed.ts'

const latin1 = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1')
const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex')

/** What a serializer writes for one value: a session, or the session `{k: value}` without its beginning and end. */
function written(serializer: Serializer, value: Typed): string {
  if (value[0] === 'dict' && value[1].every(([key]: Typed[]) => key![0] === 'str')) {
    // A whole session: its keys stay in their order, whatever they look like.
    const members = value[1].map(([[, key], part]: [Typed, Typed]) => [key, serializer.keep(live(part), key)])
    const text = serializer.encode(new Map(members))
    return text.startsWith('{') ? Buffer.from(text, 'latin1').toString('utf8') : hex(text)
  }
  const text = serializer.encode(new Map([['k', serializer.keep(live(value), 'k')]]))
  return text.startsWith('{') ? Buffer.from(text.slice(5, -1), 'latin1').toString('utf8') : hex(text.slice(3))
}

/** Keys that are no text are kept, yet nobody sees them. */
function withoutHidden([kind, members]: any): any {
  return [kind, members.filter(([key]: any) => key[0] === 'str')]
}

function session(serializer: Serializer, data: string): unknown {
  const entries = serializer.decode(data)
  return [
    'dict',
    [...entries].map(([key, kept]) => [
      typeof key === 'symbol' ? ['hidden'] : typed(key),
      typed(serializer.live(kept)),
    ]),
  ]
}

describe('values as msgspec encodes them', () => {
  test.each(vectors.msgspec.encode.filter((vector: any) => vector.msgpack_hex !== undefined))(
    '$name, in msgpack',
    (...[{ msgpack_hex, msgpack_decoded }]: any[]) => {
      expect(written(flaskMsgpack, msgpack_decoded)).toBe(msgpack_hex)
      const entries = flaskMsgpack.decode(`\x81\xa1k${latin1(msgpack_hex)}`)
      expect(settled(typed(flaskMsgpack.live(entries.get('k'))))).toEqual(settled(msgpack_decoded))
      expect(hex(flaskMsgpack.encode(entries))).toBe(`81a16b${msgpack_hex}`)
    },
  )

  test.each(vectors.msgspec.encode.filter((vector: any) => vector.json !== undefined))(
    '$name, in JSON',
    (...[{ name, value, json, json_decoded }]: any[]) => {
      const lossy = [
        'set',
        'datetime naive',
        'datetime naive whole second',
        'datetime offset',
        'date',
        'time',
        'timedelta',
      ]
      if (!lossy.includes(name)) expect(written(flaskJson, value)).toBe(json)
      const data = Buffer.from(`{"k":${json}}`).toString('latin1')
      const entries = flaskJson.decode(data)
      expect(settled(typed(flaskJson.live(entries.get('k'))))).toEqual(settled(json_decoded))
      expect(flaskJson.encode(entries)).toBe(data)
    },
  )
})

describe('what Flask-Session decodes', () => {
  test.each(vectors.msgspec.decode_by_flask_session)('$hex', (...[vector]: any[]) => {
    for (const [serializer, { ok, value }] of [
      [flaskMsgpack, vector.format_msgpack],
      [flaskJson, vector.format_json],
    ]) {
      const data = latin1(vector.hex)
      const isPickle = ok && data.length > 2 && !/^[\x80-\x8f\xde\xdf{]/.test(data)
      if (!ok || value[0] !== 'dict' || isPickle || /^\x80./s.test(data)) {
        expect(() => serializer.decode(data)).toThrow()
        continue
      }
      expect(withoutHidden(session(serializer, data))).toEqual(withoutHidden(value))
    }
  })
})
