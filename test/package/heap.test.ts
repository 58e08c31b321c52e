import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'

const child = path.join(import.meta.dirname, '../../bench/http/startup-child.js')

test('an idle session of 300 bytes takes at most 700 bytes of heap in the memory store', () => {
  const words = ['--expose-gc', child, 'heap', 'hipflask']
  const bytes = Number(execFileSync(process.execPath, words, { cwd: path.dirname(child), encoding: 'utf8' }))
  expect(bytes).toBeGreaterThan(300)
  expect(bytes).toBeLessThanOrEqual(700)
})
