import { afterEach, beforeEach, describe, test, vi } from 'vitest'
import { adapterSuite } from '../../src/testing/index.ts'
import { servers } from './servers.ts'

// The default error pages print the errors that the suite provokes.
beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue())
afterEach(() => void vi.restoreAllMocks())

describe.each(Object.entries(servers))('%s', (name, serve) => {
  adapterSuite({ test, serve, forwardedProto: name === 'Fastify' ? 'rightmost' : 'leftmost' })
})
