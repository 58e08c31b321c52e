/*
 * What a session costs, without a network: open, six reads and close, with and without a write; and what the inspector
 * costs where it is mounted and nobody watches. Rounds of all cases are interleaved, medians of CPU time count. What a
 * session adds to a request over HTTP is measured by `npm run bench:http`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import express from 'express'
import { createSessions } from 'hipflask'
import { sealedCookie } from 'hipflask/codecs/sealed'
import { expressSession } from 'hipflask/express'
import { inspect } from 'hipflask/inspector'
import { flaskCookie } from 'hipflask/flask'
import { fileStore } from 'hipflask/stores/file'
import { memoryStore } from 'hipflask/stores/memory'
import { machine, median } from './machine.js'

const rounds = 15
const secret = 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA'
const directory = mkdtempSync(path.join(os.tmpdir(), 'hipflask-bench-'))
const facts = { secure: true }
const values = {
  username: 'ann',
  theme: 'dark',
  locale: 'en-GB',
  visits: 12,
  cart: ['a', 'b', 'c'],
  token: 'x'.repeat(190),
}

async function visitor(options) {
  const sessions = createSessions(options)
  const visit = await sessions.open(undefined, facts)
  Object.assign(visit.session, values)
  const { setCookie } = await visit.close()
  return { sessions, header: `theme=dark; ${setCookie.split(';')[0]}; lang=en` }
}

let sink = 0
function sixReads(from) {
  sink +=
    from.username.length +
    from.theme.length +
    from.locale.length +
    from.visits +
    from.token.length +
    (from.username === from.get('username') ? 1 : 0)
}

const plain = { ...values, get: (key) => values[key] }
const cases = [
  { name: 'no session (the same six reads of a plain object)', per: 100_000, run: () => sixReads(plain) },
]
for (const [name, per, options] of [
  ['memory store', 20_000, { store: memoryStore({ max: 1000 }) }],
  ['file store', 1_000, { store: fileStore(directory) }],
  ['sealed cookie', 5_000, { codec: sealedCookie({ secret }) }],
  ['Flask’s signed cookie', 5_000, { codec: flaskCookie({ secret }) }],
]) {
  const { sessions, header } = await visitor(options)
  let n = 0
  cases.push(
    { name: `${name}: not looked at`, per, run: async () => (await sessions.open(header, facts)).close() },
    {
      name: `${name}: six reads`,
      per,
      run: () => {
        const visit = sessions.open(header, facts)
        if (visit instanceof Promise) return visit.then(finish)
        return finish(visit)
      },
    },
    {
      name: `${name}: six reads and a write`,
      per: name === 'file store' ? 300 : per,
      run: () => {
        const visit = sessions.open(header, facts)
        if (visit instanceof Promise) return visit.then(change)
        return change(visit)
      },
    },
  )
  const finish = (visit) => {
    sixReads(visit.session)
    return visit.close()
  }
  const change = (visit) => {
    sixReads(visit.session)
    visit.session.visits = 100 + (n++ % 100)
    return visit.close()
  }
}

/** Requests over one kept connection, one after the other: the client's share is the same in every case. */
async function served(name, per, listener, header) {
  const server = http.createServer(listener)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const { port } = server.address()
  const run = () =>
    new Promise((resolve, reject) => {
      const headers = { cookie: header }
      const request = http.get({ port, host: '127.0.0.1', agent, headers }, (response) => {
        response.resume()
        response.on('end', resolve)
      })
      request.on('error', reject)
    })
  return { name, per, run, stop: () => (agent.destroy(), server.close()) }
}

function appWith(sessions, inspected) {
  const app = express()
  if (inspected) app.use('/__sessions', inspect(sessions))
  app.use(expressSession(sessions))
  app.get('/', (req, res) => {
    sixReads(req.session)
    res.send('ok')
  })
  return app
}

const { sessions, header: secureHeader } = await visitor({ store: memoryStore({ max: 1000 }) })
const header = secureHeader.replace('__Host-', '')
const requests = [
  await served('without the inspector', 1_000, appWith(sessions, false), header),
  await served('with the inspector mounted, nobody watching', 1_000, appWith(sessions, true), header),
]

async function time({ per, run }) {
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < per; i++) {
    const pending = run()
    if (pending instanceof Promise) await pending
  }
  const spent = process.cpuUsage(cpu)
  return { cpu: (spent.user + spent.system) / per, wall: ((performance.now() - start) * 1000) / per }
}

/** The cases with the medians of their rounds, which are interleaved. */
async function measured(cases, what) {
  const taken = cases.map(() => [])
  for (const one of cases) await time(one)
  for (let round = 0; round < rounds; round++) {
    process.stdout.write(process.stdout.isTTY ? `\r${what}: round ${round + 1} of ${rounds} ` : '')
    const order = [...cases.entries()]
    // Whoever comes first pays for what the one before left behind.
    for (const [at, one] of round % 2 === 0 ? order : order.toReversed()) taken[at].push(await time(one))
  }
  process.stdout.write(process.stdout.isTTY ? '\r\x1b[K' : '')
  return cases.map(({ name }, at) => ({
    name,
    cpu: median(taken[at].map(({ cpu }) => cpu)),
    wall: median(taken[at].map(({ wall }) => wall)),
  }))
}

const rows = await measured(cases, 'sessions')
const [without, mounted] = await measured(requests, 'inspector')
for (const { stop } of requests) stop()
rmSync(directory, { recursive: true, force: true })

const figure = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(1))
const table = (rows) => `| one request | CPU µs | clock µs |
|---|---:|---:|
${rows.map(({ name, cpu, wall }) => `| ${name} | ${figure(cpu)} | ${figure(wall)} |`).join('\n')}`
const share = ((without.cpu / mounted.cpu) * 100).toFixed(1)
const text = `# What a session costs

Written by \`npm run bench\` on ${machine()}. Medians of ${rounds} interleaved rounds, microseconds per request; a
session of six keys, ${JSON.stringify(values).length} bytes of JSON. CPU time (user and system) is the figure to trust, the clock's is beside it.

${table(rows)}

Not looked at, a session is not read from memory, file or cookie. What a session adds to a request over HTTP is
[measured side by side](performance.md).

On Express 5, with a session in memory that is read six times, the client in the same process:

${table([without, mounted])}

With the inspector mounted and nobody watching, Express serves ${share} % of the requests it serves without it, by CPU time.
`
writeFileSync(path.join(import.meta.dirname, '../docs/bench.md'), text)
console.log(text)
if (sink === 0) throw new Error('nothing was read')
