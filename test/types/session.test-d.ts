import { assertType, expectTypeOf, test } from 'vitest'
import type { Session, SessionCodec } from '../../src/index.ts'
import { createSessions } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'

interface Data {
  username: string
  cart: string[]
  visits: number
  pop: string
}

declare module '../../src/index.ts' {
  interface SessionData {
    merged: boolean
  }
}

declare const session: Session<Data>
const store = memoryStore()
declare const codec: SessionCodec

test('values have their types, and may be missing', () => {
  expectTypeOf(session.username).toEqualTypeOf<string | undefined>()
  expectTypeOf(session['cart']).toEqualTypeOf<string[] | undefined>()
  expectTypeOf(session.get('username')).toEqualTypeOf<string | undefined>()
  expectTypeOf(session.get('username', null)).toEqualTypeOf<string | null>()
  expectTypeOf(session.pop('visits', 0)).toEqualTypeOf<number>()
  expectTypeOf(session.update('visits', (n = 0) => n + 1)).toEqualTypeOf<number>()
  expectTypeOf(session.update('cart', () => [])).toEqualTypeOf<string[]>()
  expectTypeOf(session.update('visits', () => undefined)).toEqualTypeOf<number | undefined>()
  expectTypeOf(session.update('visits', (n = 0) => (n > 9 ? undefined : n + 1))).toEqualTypeOf<
    number | undefined
  >()
  expectTypeOf(session.update<'visits'>('visits', () => 1)).toEqualTypeOf<number>()
  expectTypeOf(session.get('pop')).toEqualTypeOf<string | undefined>()
  expectTypeOf(session.toJSON()).toEqualTypeOf<Partial<Data>>()
  assertType((session.username = 'ann'))
  assertType(delete session.cart)
})

test('flashes answer messages, or pairs', () => {
  expectTypeOf(session.flashes()).toEqualTypeOf<string[]>()
  expectTypeOf(session.flashes({ withCategories: true })).toEqualTypeOf<
    (readonly [category: string, message: string])[]
  >()
})

test('what must not compile', () => {
  // @ts-expect-error another type
  session.username = 5
  // @ts-expect-error no such key
  session.nobody = 'x'
  // @ts-expect-error no such key
  session.get('nobody')
  // @ts-expect-error another type
  session.set('visits', '1')
  // @ts-expect-error the function answers another type
  session.update('visits', () => 'x')
  // @ts-expect-error the function answers another type, perhaps
  session.update('visits', (n) => (n === 1 ? 'x' : 2))
  // @ts-expect-error a value waits for no promise
  session.update('visits', async () => 1)
  // @ts-expect-error a verb's name, whatever the data
  session.pop = 'x'
  // @ts-expect-error a verb's name, even with the verb itself
  session.get = session.get
  // @ts-expect-error read-only
  session.meta = session.meta
  // @ts-expect-error read-only
  session.meta.isNew = true
  // @ts-expect-error a message is text
  session.flash({ html: 'x' })
  // @ts-expect-error exactly one place: none
  createSessions<Data>({})
  // @ts-expect-error exactly one place: both
  createSessions<Data>({ store, codec })
  // @ts-expect-error a setting of other libraries
  createSessions<Data>({ store, resave: false })
  // @ts-expect-error a duration has a unit
  createSessions<Data>({ store, lifetime: '31' })
  // @ts-expect-error the key is misspelt
  createSessions<Data>({ store, userOf: (data) => data.usrname })
})

test('without a type of its own an app extends SessionData', async () => {
  const visit = await createSessions({ store }).open(undefined, { secure: true })
  expectTypeOf(visit.session.merged).toEqualTypeOf<boolean | undefined>()
  // @ts-expect-error not declared
  visit.session.other = 1
})

test('any keys at all are an index signature', async () => {
  const visit = await createSessions<Record<string, unknown>>({ store }).open(undefined, { secure: true })
  expectTypeOf(visit.session['anything']).toEqualTypeOf<unknown>()
  expectTypeOf(visit.session.update('anything', () => 1)).toEqualTypeOf<unknown>()
  expectTypeOf(visit.session.clear).toEqualTypeOf<() => void>()
})
