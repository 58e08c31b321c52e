import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hipflask } from './program.ts'

let headers: Record<string, string | string[]> = {}
const server = createServer((_, response) => {
  response.writeHead(200, headers).end('hello')
})
let site = ''

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  site = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

async function examined(
  answer: typeof headers,
  ...args: string[]
): Promise<{ code: number | null; bad: string[]; look: string[] }> {
  headers = answer
  const { code, stdout } = await hipflask(['doctor', site, '--json', ...args])
  const { ok, findings } = JSON.parse(stdout)
  expect(ok).toBe(code === 0)
  const toned = (tone: string): string[] =>
    findings.filter((one: any) => one.tone === tone).map((one: any) => `${one.about} ${one.message}`)
  return { code, bad: toned('bad'), look: toned('look') }
}

const good = {
  'Set-Cookie': 'session=abc; HttpOnly; Path=/; SameSite=Lax',
  'Cache-Control': 'no-store',
  Vary: 'Accept, Cookie',
}

test('a site that does it right', async () => {
  expect(await examined(good)).toEqual({ code: 0, bad: [], look: [] })
})

test('attributes, caching headers and the clock', async () => {
  const loose = await examined({
    ...good,
    'Set-Cookie': ['session=abc; Path=/; SameSite=None', 'theme=dark'],
  })
  expect(loose.code).toBe(1)
  expect(loose.bad).toHaveLength(2)
  expect(loose.bad[0]).toContain('HttpOnly')
  expect(loose.bad[1]).toContain('SameSite=None')
  expect((await examined({ ...good, 'Cache-Control': 'public, max-age=60' })).bad).toHaveLength(1)
  const silent = await examined({ 'Set-Cookie': good['Set-Cookie'] })
  expect(silent.look.join()).toContain('Cache-Control: no-store')
  expect(silent.look.join()).toContain('Vary: Cookie')
  const late = await examined({ ...good, Date: new Date(Date.now() - 3_600_000).toUTCString() })
  expect(late.bad.join()).toContain('behind')
  const ahead = await examined({ ...good, Date: new Date(Date.now() + 3_600_000).toUTCString() })
  expect(ahead.bad.join()).toContain('ahead')
})

test('the cookie by its name, and none at all', async () => {
  const named = await examined(
    { ...good, 'Set-Cookie': 'visitor=1; Path=/; SameSite=Lax' },
    '--cookie',
    'visitor',
  )
  expect(named.bad.join()).toContain('HttpOnly')
  const none = await examined({ ...good, 'Set-Cookie': 'theme=dark' })
  expect(none).toMatchObject({ code: 0 })
  expect(none.look.join()).toContain('--cookie')
})

test('a site that is not there', async () => {
  const said = await hipflask(['doctor', 'http://127.0.0.1:1/'])
  expect(said).toMatchObject({ code: 2, stdout: '' })
  expect(said.stderr).toContain('does not answer')
})

test('a store that is not there is a finding', async () => {
  const said = await hipflask(['doctor', 'memcached://127.0.0.1:1', '--json'])
  expect(said.code).toBe(1)
  expect(said.stdout).toContain('the store does not answer (ECONNREFUSED)')
})

test('what does not answer at all is said to take too long, not to be an error', async () => {
  const silent = createTcpServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const [store, site] = await Promise.all([
    hipflask(['doctor', `redis://127.0.0.1:${port}`]),
    hipflask(['doctor', `http://127.0.0.1:${port}/`]),
  ])
  silent.close()
  expect(store.stdout).toContain('the store does not answer (no answer in time)')
  expect(site.stderr).toContain('the site does not answer (no answer in time)')
})

test('secrets of the environment, never quoted', async () => {
  const strong = randomBytes(32).toString('base64url')
  const fine = await hipflask(['doctor'], { env: { HIPFLASK_SECRET: strong } })
  expect(fine).toMatchObject({ code: 0, stdout: 'good  HIPFLASK_SECRET  is a good secret\n' })
  const weak = await hipflask(['doctor'], {
    env: { SECRET_KEY: 'keyboard cat', SECRET_KEY_FALLBACKS: strong },
  })
  expect(weak.code).toBe(1)
  expect(weak.stdout).toContain('SECRET_KEY  is publicly known')
  expect(weak.stdout).not.toContain('keyboard')
  expect(weak.stdout).toContain('npx hipflask secret')
  expect((await hipflask(['doctor'])).stdout).toContain('look')
})
