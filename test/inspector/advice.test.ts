import { expect, test } from 'vitest'
import { createSessions, type SessionOptions } from '../../src/index.ts'
import { adviceOn } from '../../src/inspector/advice.ts'
import { memoryStore } from '../../src/stores/memory.ts'

function codes(options: SessionOptions<object>, production: boolean): string[] {
  const sessions = createSessions({ store: memoryStore(), ...options })
  return adviceOn(sessions.describe(), production).map(({ code }) => code)
}

test('a configuration is told what deserves a look', () => {
  expect(codes({ idle: '2 hours' }, false)).toEqual([])
  expect(
    codes({ cookie: { secure: false, httpOnly: false, sameSite: null }, gcEvery: false }, false),
  ).toEqual(['no_idle_timeout', 'never_secure', 'not_http_only', 'no_same_site', 'no_sweep'])
  expect(codes({ idle: '2 hours' }, true)).toEqual(['memory_in_production'])
})
