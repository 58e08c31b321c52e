import { expect, test } from 'vitest'
import { inspect } from '../../src/inspector/index.ts'
import { defaultMask, holdsBack, narrow, type Shown, shown } from '../../src/inspector/shown.ts'
import { lab } from '../engine/visitor.ts'
import { open } from './asking.ts'

const count = ({ parts = [] }: Shown): number => parts.reduce((sum, [, part]) => sum + count(part), 1)

test('a mask hides at every look, also one that would remember where it stopped', async () => {
  const app = lab()
  await app.request((s) => Object.assign(s, { seat: '12A', seatBack: '14B' }))
  const id = await app.request((s) => s.meta.id)
  const page = await open(inspect(app.sessions, { mask: /seat/g }))
  for (let look = 0; look < 4; look++) {
    const detail = await page.told('session', { id })
    expect(JSON.stringify(detail)).not.toMatch(/12A|14B/)
    expect(detail.raw).toBeNull()
  }
})

test('the stored text is held back where a part that is not shown might be masked', async () => {
  const app = lab()
  const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`key${i}`, i]))
  await app.request((s) => Object.assign(s, many, { password: 'hunter2' }))
  const id = await app.request((s) => s.meta.id)
  const page = await open(inspect(app.sessions))
  expect(JSON.stringify(await page.told('session', { id }))).not.toContain('hunter2')
})

test('what is shown is bounded as a whole', () => {
  const wideTree = Array.from({ length: 6 }, () => Array.from({ length: 6 }, () => [1, 2, 3]))
  const small = shown('tree', wideTree, defaultMask, narrow)
  expect(count(small)).toBeLessThanOrEqual(narrow.nodes)
  expect(holdsBack(small)).toBe(true)
  expect(holdsBack(shown('list', [1, 2], defaultMask, narrow))).toBe(false)
})
