import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TestClient } from '../../src/testing/client.ts'
import { browserPath, launchBrowser } from '../real/chromium.ts'
import { pythonPath } from '../real/python.ts'
import { compileExamples, type Program, start } from './programs.ts'
import { follow, heading, logOut, send, tab, where } from './visitors.ts'

describe('the Flask twin', () => {
  let examples: ReturnType<typeof compileExamples>
  let program: Program | undefined

  beforeAll(() => {
    examples = compileExamples('flask-twin')
  })
  afterEach(async () => {
    program?.kill()
    await program?.ended
    program = undefined
  })
  afterAll(() => examples.remove())

  function run(PYTHON: string): Program {
    const words = [`${examples.folder}/alone.js`, 'flask-twin']
    return (program = start(process.execPath, words, { PORT: '0', SECRET_KEY: '', PYTHON }))
  }

  it('says in one line what to install where there is no Python, or one without Flask', async () => {
    expect(await run('/no/such/python').ended).toBe(1)
    expect(program!.stderr()).toMatch(/^There is no \/no\/such\/python: install Python 3 .*\n$/)
    // A program that fails at everything it is asked for.
    expect(await run('false').ended).toBe(1)
    expect(program!.stderr()).toMatch(/^false has no Flask: .*pip install flask.*\n$/)
    expect(program!.stdout()).toBe('')
  })

  async function site(): Promise<string> {
    await run(pythonPath!).printed(/Ctrl-C/)
    return /http:\S+/.exec(program!.stdout())![0].replace('localhost', '127.0.0.1')
  }

  it.skipIf(pythonPath === null)('lets Flask log in and TypeScript log out', async () => {
    const address = await site()
    const visitor = new TestClient(address)
    expect((await visitor.ask('/')).headers.location).toBe('/login')
    expect((await visitor.ask('/login')).text).toContain('This page is from Flask')
    const cookies = visitor.cookies
    expect(cookies.size).toBe(0)

    const answer = await fetch(`${address}login`, {
      method: 'POST',
      body: new URLSearchParams({ name: '<Ada> & Zoë' }),
      redirect: 'manual',
    })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/'])
    cookies.set('twin_session', /twin_session=([^;]+)/.exec(answer.headers.getSetCookie()[0]!)![1]!)

    const home = (await visitor.ask('/')).text
    expect(home).toContain('Flask has logged you in, &lt;Ada&gt; &amp; Zoë.')
    expect(home).toContain('You are logged in as &lt;Ada&gt; &amp; Zoë.')
    expect(home).toContain('This page is from TypeScript')
    expect((await visitor.ask('/')).text).not.toContain('has logged you in')

    expect((await visitor.ask('/logout')).headers.location).toBe('/login')
    expect((await visitor.ask('/')).headers.location).toBe('/login')
    expect((await visitor.ask('/login')).text).toContain('TypeScript has logged you out.')
    expect(cookies.size).toBe(0)
  })

  it.skipIf(pythonPath === null || browserPath === null)('is one site to a browser', async () => {
    const address = await site()
    const browser = await launchBrowser()
    try {
      const page = await tab(await browser.newContext(), address)
      expect(where(page)).toBe('/login')
      await send(page, { Name: ' ' })
      expect(await page.locator('.wrong').innerText()).toContain('Please enter a name')
      await send(page, { Name: 'Ada' })
      expect(await heading(page)).toBe('Welcome')
      expect(await page.getByRole('status').innerText()).toBe('Flask has logged you in, Ada.')
      await follow(page, () => page.reload())
      expect(await page.getByRole('status').count()).toBe(0)
      await logOut(page)
      expect(where(page)).toBe('/login')
      expect(await page.getByRole('status').innerText()).toBe('TypeScript has logged you out.')
    } finally {
      await browser.close()
    }
  })
})
