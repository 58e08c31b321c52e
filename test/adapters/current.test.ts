import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { session, withSession } from '../../src/adapters/current.ts'
import { fetchSession } from '../../src/adapters/fetch.ts'
import type { Session } from '../../src/contracts/session.ts'
import { createSessions } from '../../src/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'

// The app's own sessions are typed by merging; the tests of one project cannot all merge.
const current = session as unknown as Session<Record<'name' | 'note', string>>

const sessions = createSessions<{ name: string; note: string }>({ store: memoryStore() })
const serve = (view: () => unknown) =>
  fetchSession(sessions, (_, opened) =>
    withSession(opened, async () => Response.json((await view()) ?? null)),
  )

async function ask(view: () => unknown, cookie = ''): Promise<{ value: unknown; cookie: string }> {
  const response = await serve(view)(new Request('http://127.0.0.1/', { headers: { cookie } }))
  const [set = ''] = response.headers.getSetCookie()
  return { value: await response.json(), cookie: set.slice(0, set.indexOf(';')) || cookie }
}

afterEach(() => void vi.restoreAllMocks())

describe('the imported session', () => {
  it('is that of the request, like a dictionary', async () => {
    const { cookie } = await ask(() => {
      current.name = 'Ada'
      current.set('note', 'kept')
      current.flash('Welcome')
    })
    const seen = await ask(
      () => [
        current.name,
        current.get('note'),
        'name' in current,
        Object.keys(current),
        { ...current },
        current.flashes(),
      ],
      cookie,
    )
    expect(seen.value).toEqual([
      'Ada',
      'kept',
      true,
      ['name', 'note'],
      { name: 'Ada', note: 'kept' },
      ['Welcome'],
    ])
    const after = await ask(() => [delete current.name, current.pop('note'), JSON.stringify(current)], cookie)
    expect(after.value).toEqual([true, 'kept', '{}'])
  })

  it('keeps overlapping requests apart', async () => {
    const names = ['Ada', 'Eve', 'Bob']
    const seen = await Promise.all(
      names.map((name) =>
        ask(async () => {
          current.name = name
          await turn()
          return current.name
        }),
      ),
    )
    expect(seen.map(({ value }) => value)).toEqual(names)
  })

  it('outside of a request throws a sentence, whatever is done', () => {
    const outside = expect.objectContaining({
      code: 'ERR_SESSION_USE',
      message: expect.stringMatching(/^Working outside of a request: .*withSession/),
    })
    expect(() => current.name).toThrow(outside)
    expect(() => (current.name = 'Ada')).toThrow(outside)
    expect(() => 'name' in current).toThrow(outside)
    expect(() => delete current.name).toThrow(outside)
    expect(() => Object.keys(current)).toThrow(outside)
    expect(() => current.flash('Welcome')).toThrow(outside)
  })

  it('shows what the session of the request shows, and no values', async () => {
    const { value } = await ask(() => {
      current.name = 'Ada'
      return inspect(current)
    })
    expect(value).toContain('name')
    expect(value).not.toContain('Ada')
    expect(inspect(current)).toBe('Session (outside of a request)')
  })
})
